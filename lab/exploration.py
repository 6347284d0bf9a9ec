"""What an exploration claims: found, proved or unknown, with outcomes and a schedule for each. Plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Literal

from lab.schedule import Schedule
from lab.trial import Grade

Verdict = Literal["found", "proved", "unknown"]
"""`found`: a schedule with a violation. `proved`: every schedule was executed, up to equivalence, and none has one.
`unknown`: neither, for a reason that is told."""

WORST_FIRST: Sequence[Verdict] = ("found", "unknown", "proved")


@dataclass(frozen=True, slots=True)
class Finding:
    """One outcome that was seen: in how many executions (which is no frequency), and its shortest known schedule.

    Shortest is: fewest preemptions, then fewest operations. `is_shortest` if no schedule can have fewer. `file` is
    where the schedule is saved, empty before that.
    """

    outcome: str
    grade: Grade
    explanation: str
    detail: str
    executions: int
    preemptions: int
    operations: int
    is_shortest: bool
    schedule: Schedule
    file: str = ""


@dataclass(frozen=True, slots=True)
class Explored:
    """What the exploration of one cell showed, on engine `simulated` or `controlled`.

    `executions` of which `redundant` were cut, since all they could show was known; `classes` are executions that
    differ in more than the order of independent operations. `deepest` is the most operations of one. Of the `seconds`,
    `search_s` went into the search, the others into the shortest schedules. `conflicts` are sentences, each about two
    accesses that nothing orders. `remarks` restrict the verdict or explain it.
    """

    scenario: str
    guard: str
    store: str | None
    processes: int
    fields: Mapping[str, Any]
    engine: str
    strategy: str
    verdict: Verdict
    reason: str
    executions: int
    redundant: int
    classes: int
    deepest: int
    search_s: float
    seconds: float
    findings: tuple[Finding, ...]
    conflicts: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def executions_per_s(self) -> float:
        """How many executions a second."""
        return self.executions / self.search_s if self.search_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Exploration:
    """The cells of an exploration, and the worst of their verdicts.

    `again` is the command that searches the same again; empty if there is none, as for a function.
    """

    cells: tuple[Explored, ...]
    again: str = ""

    @property
    def verdict(self) -> Verdict:
        """`found` if any cell's is, else `unknown` if any is or if Ctrl-C came before there was one, else `proved`."""
        verdicts = {cell.verdict for cell in self.cells} or {"unknown"}
        return next(verdict for verdict in WORST_FIRST if verdict in verdicts)

    def _repr_html_(self) -> str:
        """As a notebook shows it: each cell's verdict, and its outcomes with the schedules that `lab.replay` takes."""
        return "\n".join(_shown(cell) for cell in self.cells)


def _shown(cell: Explored) -> str:
    reason = f": {cell.reason}" if cell.reason else ""
    head = (
        f"<b>{cell.verdict}</b>, {escape(f'{cell.scenario}, guard {cell.guard}, {cell.processes} processes{reason}')}"
    )
    notes = "".join(f"<br>{escape(note)}" for note in (*cell.remarks, *cell.conflicts))
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(str(text))}</td>" for text in row) + "</tr>"
        for row in (
            (one.outcome, one.grade, f"{one.executions:,}", one.detail or one.explanation, one.file)
            for one in cell.findings
        )
    )
    titles = "".join(f"<th>{title}</th>" for title in ("outcome", "grade", "executions", "what", "schedule"))
    return f"<p>{head}{notes}</p>\n<table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table>"


def document(exploration: Exploration) -> dict[str, Any]:
    """For `--json`: `verdict`, `again`, and of each cell its figures, its outcomes, and the schedule to see."""
    cells = []
    for cell in exploration.cells:
        values = asdict(cell)
        findings = values.pop("findings")
        outcomes = {finding.pop("outcome"): finding for finding in findings}
        for finding in outcomes.values():
            finding["schedule"] = finding.pop("file")
        worst = next((finding for finding in cell.findings if finding.grade != "ok"), None)
        cells.append({**values, "outcomes": outcomes, "schedule": worst.file if worst else None})
    return {"verdict": exploration.verdict, "again": exploration.again, "cells": cells}
