"""Findings: what a summary says, in one plain sentence a scenario. No rate without its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from lab.scenario import Scenario
from lab.statistics import at_most_text, clopper_pearson, rate_text
from lab.trial import Grade, violation

_MOST_GUARDS = 4

Scenarios = Mapping[str, type[Scenario]]
"""The scenarios of a summary by their names in it, as far as they can still be found."""


def findings(summary: pd.DataFrame, scenarios: Scenarios) -> list[str]:
    """One sentence a scenario, about the processes, store and delays at which it goes wrong most often."""
    return [
        _sentence(cells, scenarios.get(str(name), Unknown)) for name, cells in summary.groupby("scenario", sort=False)
    ]


def grades(scenarios: Scenarios) -> dict[tuple[str, str], Grade]:
    """The grade of each outcome by (scenario, outcome), for the pictures."""
    return {
        (name, outcome): declared.grade
        for name, scenario in scenarios.items()
        for outcome, declared in scenario.all_outcomes().items()
    }


class Unknown(Scenario):
    """Stands for a scenario whose file is not here any more."""

    outcomes = {"violation": violation("something went wrong")}


def _sentence(cells: pd.DataFrame, scenario: type[Scenario]) -> str:
    worst = _worst(cells)
    family = _family(cells)
    same = cells[family == family[cells["cell_id"] == worst["cell_id"]].iloc[0]]
    others = [row for _, row in same.iterrows() if row["cell_id"] != worst["cell_id"]]
    outcome = _telling_outcome(worst, scenario)
    clauses = [_first_clause(worst, outcome, scenario)]
    clauses += [_other_clause(row, outcome, scenario) for row in others[:_MOST_GUARDS]]
    if len(others) > _MOST_GUARDS:
        clauses.append(f"{len(others) - _MOST_GUARDS} more guards stand in the table")
    return "; ".join(clauses) + "."


def _worst(cells: pd.DataFrame) -> pd.Series:
    """The cell to speak of: unguarded where there is one, of the most processes, where most goes wrong or surprises."""
    unguarded = cells[cells["guard"] == "none"]
    candidates = (unguarded if len(unguarded) else cells).copy()
    candidates["_surprising"] = [_count(row, "ok") < row["trials"] for _, row in candidates.iterrows()]
    candidates["_rate"] = candidates["oversell_rate"].fillna(candidates["violation_rate"])
    return candidates.sort_values(["processes", "_rate", "_surprising"], kind="stable").iloc[-1]


def _family(cells: pd.DataFrame) -> pd.Series:
    """What two cells have in common that differ by their guard alone."""
    fields = list(cells.columns[cells.columns.get_loc("scenario") : cells.columns.get_loc("lanes")])
    fields.remove("guard")
    return cells[fields].map(str).agg("|".join, axis=1)


def _first_clause(cell: pd.Series, outcome: str, scenario: type[Scenario]) -> str:
    guard = "Without a guard" if cell["guard"] == "none" else f"With {cell['guard']}"
    explanation = scenario.all_outcomes()[outcome].explanation
    return f"{guard} and with {cell['processes']} {scenario.actors}, {explanation} in {_often(cell, outcome)}"


def _other_clause(cell: pd.Series, outcome: str, scenario: type[Scenario]) -> str:
    text = f"with {cell['guard']} in {_often(cell, outcome)}"
    if not math.isnan(cell["slowdown"]):
        text += f", at {cell['slowdown']:.3g} times the wall time"
    declared = scenario.all_outcomes()
    surprises = [name for name in declared if declared[name].grade == "interesting" and _count(cell, name)]
    for name in surprises:
        if name != outcome:
            text += f", but {declared[name].explanation} in {_often(cell, name)}"
    return text


def _telling_outcome(cell: pd.Series, scenario: type[Scenario]) -> str:
    """The most frequent violation; where there is none, the most frequent surprise; else the first declared."""
    declared = scenario.all_outcomes()
    if cell["oversell_rate"] > 0 and "oversold" in declared:
        return "oversold"
    for grade in ("violation", "interesting"):
        counts = {name: _count(cell, name) for name, outcome in declared.items() if outcome.grade == grade}
        if any(counts.values()):
            return max(counts, key=lambda name: counts[name])
    return next(iter(declared))


def _count(cell: pd.Series, outcome: str) -> int:
    value = cell.get(f"outcome_{outcome}", 0)
    return 0 if pd.isna(value) else int(value)


def _often(cell: pd.Series, outcome: str) -> str:
    """How often the outcome was seen: by the summary's own interval where it has one for it, else by the exact one."""
    trials, count = int(cell["trials"]), _count(cell, outcome)
    rate = count / trials
    if outcome == "oversold" and not math.isnan(cell["oversell_rate"]):
        rate, low, high = cell["oversell_rate"], cell["oversell_low"], cell["oversell_high"]
    elif count == cell["violations"] and rate == cell["violation_rate"]:
        low, high = cell["violation_low"], cell["violation_high"]
    else:
        low, high = map(float, clopper_pearson(count, trials))
    if rate == 0:
        return f"none of {trials:,} ({at_most_text(high)})"
    share, _, bounds = rate_text(rate, low, high).partition(" [")
    return f"{share} of {trials:,} trials [{bounds}"
