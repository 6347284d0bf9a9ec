"""Findings: what a summary says, in one plain sentence a scenario. No rate without its interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from lab.rows import Row, described, differing, rows, values
from lab.scenario import Scenario
from lab.scenarios import SCRIPT
from lab.statistics import at_most_text, clopper_pearson, rate_text, ratio_text
from lab.trial import ENGINE_OUTCOMES, Grade, violation

if TYPE_CHECKING:
    import pandas as pd

_MOST_GUARDS = 4
_LONGEST_DETAIL = 200

Scenarios = Mapping[str, type[Scenario]]
"""The scenarios of a summary by their names in it, as far as they can still be found."""


def findings(summary: pd.DataFrame, scenarios: Scenarios) -> list[str]:
    """One sentence a scenario, about the processes, store and settings at which it goes wrong most often; one a script.

    Another follows it for each way in which trials did not get to their end.
    """
    cells = rows(summary)
    found = []
    for name in values(cells, "scenario"):
        alike = [cell for cell in cells if cell["scenario"] == name]
        for group in [[cell] for cell in alike] if name == SCRIPT else [alike]:
            found += [_sentence(group, scenarios.get(name, Unknown)), *_broken(group)]
    return found


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


def _sentence(cells: Sequence[Row], scenario: type[Scenario]) -> str:
    worst = _worst(cells)
    others = [cell for cell in cells if _family(cell) == _family(worst) and cell is not worst]
    outcome = _telling_outcome(worst, scenario)
    clauses = [_first_clause(worst, outcome, scenario, _where(worst, cells))]
    clauses += [_other_clause(cell, outcome, scenario) for cell in others[:_MOST_GUARDS]]
    more = len(others) - _MOST_GUARDS
    if more > 0:
        clauses.append("1 more guard stands in the table" if more == 1 else f"{more} more guards stand in the table")
    return "; ".join(clauses) + "."


def _worst(cells: Sequence[Row]) -> Row:
    """The cell to speak of: unguarded where there is one, of the most processes, where most goes wrong or surprises."""
    unguarded = [cell for cell in cells if cell["guard"] == "none"]
    return max(reversed(unguarded or cells), key=_badness)


def _badness(cell: Row) -> tuple[int, float, bool]:
    rate = cell["violation_rate"] if cell["oversell_rate"] is None else cell["oversell_rate"]
    return cell["processes"], rate, _count(cell, "ok") < cell["trials"]


def _family(cell: Row) -> list[object]:
    """What two cells have in common that differ by their guard alone."""
    names = list(cell)
    fields = names[names.index("scenario") : names.index("lanes")]
    return [cell[name] for name in fields if name != "guard"]


def _where(cell: Row, cells: Sequence[Row]) -> str:
    """The store and settings of a cell, in brackets, as far as the cells of its scenario differ in them."""
    names = [name for name in ("store", "alignment", "delay") if len(values(cells, name)) > 1] + differing(cells)
    told = ", ".join(filter(None, (described(name, cell[name]) for name in names)))
    return f" ({told})" if told else ""


def _first_clause(cell: Row, outcome: str, scenario: type[Scenario], where: str) -> str:
    explanation = scenario.all_outcomes()[outcome].explanation
    if cell["scenario"] == SCRIPT:
        return f"{described('script', cell['script'])}: in {_often(cell, outcome)} {explanation}"
    guard = "Without a guard" if cell["guard"] == "none" else f"With {cell['guard']}"
    actors = _counted(cell["processes"], scenario.actors)
    return f"{guard} and with {actors}{where}, {explanation} in {_often(cell, outcome)}"


def _counted(number: int, actors: str) -> str:
    """`5 buyers`, `1 buyer`, `1 process`."""
    noun, blank, rest = actors.partition(" ")
    one = noun.removesuffix("es") if noun.endswith("sses") else noun.removesuffix("s")
    return f"{number} {one if number == 1 else noun}{blank}{rest}"


def _other_clause(cell: Row, outcome: str, scenario: type[Scenario]) -> str:
    text = f"with {cell['guard']} in {_often(cell, outcome)}{_price(cell)}"
    declared = scenario.all_outcomes()
    for name in declared:
        if declared[name].grade == "interesting" and name != outcome and _count(cell, name):
            text += f", but {declared[name].explanation} in {_often(cell, name)}"
    return text


def _price(cell: Row) -> str:
    ratio, low, high = (cell[name] for name in ("slowdown", "slowdown_low", "slowdown_high"))
    if ratio is None:
        return ""
    text, _, bounds = ratio_text(ratio, *(math.nan if end is None else end for end in (low, high))).partition(" ")
    return f", in {'the same wall time' if text == '1' else f'{text} times the wall time'} {bounds}"


def _telling_outcome(cell: Row, scenario: type[Scenario]) -> str:
    """The most frequent violation; where there is none, the most frequent surprise; else the first declared.

    Of a script that only went well, how it ended most often.
    """
    declared = scenario.all_outcomes()
    if cell["oversell_rate"] and "oversold" in declared:
        return "oversold"
    for grade in ("violation", "interesting"):
        counts = {name: _count(cell, name) for name, outcome in declared.items() if outcome.grade == grade}
        if any(counts.values()):
            return max(counts, key=lambda name: counts[name])
    return max(declared, key=partial(_count, cell)) if cell["scenario"] == SCRIPT else next(iter(declared))


def _count(cell: Row, outcome: str) -> int:
    return int(cell.get(f"outcome_{outcome}") or 0)


def _often(cell: Row, outcome: str) -> str:
    """How often the outcome was seen."""
    trials = int(cell["trials"])
    rate, low, high = _rate(cell, outcome)
    if rate == 0:
        return f"none of {trials:,} ({at_most_text(high)})"
    share, _, bounds = rate_text(rate, low, high).partition(" [")
    return f"{share} of {trials:,} trials [{bounds}"


def _rate(cell: Row, outcome: str) -> tuple[float, float, float]:
    """The share of an outcome with its interval; that of overselling whatever the outcome was called."""
    if outcome == "oversold" and cell["oversell_rate"] is not None:
        return cell["oversell_rate"], cell["oversell_low"], cell["oversell_high"]
    count, trials = _count(cell, outcome), int(cell["trials"])
    low, high = cell.get(f"low_{outcome}"), cell.get(f"high_{outcome}")
    if low is None or high is None:
        # Not seen in this cell; or a summary of a time when outcomes had no intervals of their own.
        low, high = map(float, clopper_pearson(count, trials))
        if count == cell["violations"]:
            low, high = cell["violation_low"], cell["violation_high"]
    return count / trials, low, high


def _broken(cells: Sequence[Row]) -> Iterator[str]:
    """In how many trials an actor did not come to its end, and what the engine said of the first."""
    for outcome, declared in ENGINE_OUTCOMES.items():
        details = [cell[f"detail_{outcome}"] for cell in cells if cell.get(f"detail_{outcome}")]
        if details:
            guards = [guard for guard in values(cells, "guard") if _seen(outcome, cells, [guard])]
            where = f" with {', '.join(guards)}" if len(guards) < len(values(cells, "guard")) else ""
            trials = sum(int(cell["trials"]) for cell in cells if cell["guard"] in guards)
            often = f"In {_seen(outcome, cells, guards):,} of {trials:,} trials{where}"
            yield f"{often} {declared.explanation}, first: {_line(details[0])}."


def _seen(outcome: str, cells: Sequence[Row], guards: Sequence[str]) -> int:
    return sum(_count(cell, outcome) for cell in cells if cell["guard"] in guards)


def _line(text: str) -> str:
    """The text as one line, cut if it is long."""
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST_DETAIL else f"{words[:_LONGEST_DETAIL]}…"
