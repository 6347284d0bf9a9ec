"""What an exploration says, as text: the verdict of each cell, the schedule that fails, and figures."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from lab import deadlock
from lab.conflict import by_line, sentence
from lab.execution import Execution
from lab.exploration import Exploration, Explored, Finding
from lab.replaying import Replayed, replay
from lab.search import conflicts_of
from lab.timeline import timeline


def explained(exploration: Exploration, *, is_brief: bool = False, width: int = 100) -> Iterator[str]:
    """The lines that tell an exploration, a part for each cell; only the verdicts if it shall be brief."""
    for number, cell in enumerate(exploration.cells):
        if number and not is_brief:
            yield ""
        yield from _cell(cell, is_brief, width)


def _cell(cell: Explored, is_brief: bool, width: int) -> Iterator[str]:
    shown = next((finding for finding in cell.findings if finding.grade != "ok"), None)
    yield f"{_name(cell)}: {_verdict(cell, shown)}"
    if not is_brief:
        yield _figures(cell)
        yield from (f"note: {remark}" for remark in cell.remarks)
        if shown is not None:
            yield ""
            yield from _history(replay(shown.schedule, engine=cell.engine), width)
            yield ""
        yield from _outcomes(cell)
        yield from _unordered(cell)
    if shown is not None and (cell.verdict == "found" or not is_brief):
        for finding in reversed([finding for finding in cell.findings if finding.grade != "ok"]):
            yield f"{_command(finding)}{' --engine controlled' if cell.engine == 'controlled' else ''}"


def _name(cell: Explored) -> str:
    place = f" on {cell.store}" if cell.store else ""
    processes = f"{cell.processes} process{'es' if cell.processes > 1 else ''}"
    return f"{cell.scenario}, guard {cell.guard}{place}, {processes}"


def _verdict(cell: Explored, shown: Finding | None) -> str:
    if cell.verdict == "found":
        assert shown is not None, "found is a finding"
        unfinished = f" ({cell.reason})" if cell.reason else ""
        return f"FOUND {shown.outcome}: {shown.detail or shown.explanation}{unfinished}"
    if cell.verdict == "unknown":
        return f"UNKNOWN: {cell.reason}. No violation was seen in {cell.executions:,} executions, which proves nothing"
    return f"PROVED: no schedule is a violation; all {counted(cell.classes, 'class', 'es')} of schedules were executed"


def _figures(cell: Explored) -> str:
    return (
        f"{counted(cell.executions, 'execution')} by {cell.strategy} ({cell.redundant:,} redundant), "
        f"{counted(cell.classes, 'class', 'es')}, deepest {counted(cell.deepest, 'operation')}, "
        f"{cell.search_s:.2g} s, {cell.executions_per_s:,.0f} executions/s"
    )


def _outcomes(cell: Explored) -> Iterator[str]:
    head = ("outcome", "grade", "executions", "shortest schedule")
    rows = [
        (
            finding.outcome,
            finding.grade,
            f"{finding.executions:,}",
            f"{counted(finding.preemptions, 'preemption')}, {counted(finding.operations, 'operation')}"
            + ("" if finding.is_shortest or finding.grade == "ok" else " (shortest seen)"),
        )
        for finding in cell.findings
    ]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(3)]
    for row in [head, *rows]:
        yield f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}"


def _unordered(cell: Explored) -> Iterator[str]:
    if cell.conflicts:
        pairs = counted(len(cell.conflicts), "pair")
        yield f"{pairs} of accesses that nothing orders, in some execution or other:"
        yield from (f"- {conflict}" for conflict in cell.conflicts)


def _command(finding: Finding) -> str:
    return f"{finding.outcome}: {replay_line(finding)}"


def replay_line(finding: Finding) -> str:
    """The command that replays it."""
    path = os.path.relpath(finding.file)
    return f"lab replay {shlex.quote(min(path, finding.file, key=len))}"


def counted(number: int, noun: str, plural: str = "s") -> str:
    """A number with its noun: `1 class`, `1,234 classes`."""
    return f"{number:,} {noun}{'' if number == 1 else plural}"


# One execution -------------------------------------------------------------------------------------------------------


def retold(replayed: Replayed, width: int = 100) -> Iterator[str]:
    """The lines that tell what a schedule did this time."""
    schedule, cell = replayed.schedule, replayed.cell
    if replayed.execution is None:
        yield f"{cell}: departs from the schedule at {replayed.departed}"
        return
    outcome = replayed.execution.trial.outcome
    meaning = cell.scenario.all_outcomes()[outcome]
    again = "again " if outcome == schedule.outcome else f"(recorded as {schedule.outcome}) "
    yield f"{cell}: {again}{outcome}: {meaning.explanation}"
    yield ""
    yield from _history(replayed, width)


def as_document(replayed: Replayed) -> dict[str, Any]:
    """What a schedule did, for `--json`."""
    execution = replayed.execution
    return {
        "recorded": replayed.schedule.outcome,
        "departed": replayed.departed,
        "outcome": execution.trial.outcome if execution else None,
        "violation": execution.trial.violation if execution else None,
        "detail": execution.trial.detail if execution else None,
        "operations": [
            {
                "actor": execution.actors[event.operation.actor],
                "kind": event.operation.kind,
                "objects": list(event.operation.objects),
                "line": event.operation.line,
                "result": event.result,
                "timeout": event.operation.is_timeout,
            }
            for event in execution.events
        ]
        if execution
        else [],
    }


def _history(replayed: Replayed, width: int) -> Iterator[str]:
    execution = replayed.execution
    if execution is None:
        yield f"the schedule could not be repeated: it departs at {replayed.departed}"
        return
    permits = {name: declared.permits for name, declared in execution.objects.items()}
    waiting = execution.ending.waiting
    yield timeline(
        execution.events, execution.actors, permits, waiting=waiting, preempted=replayed.preempted, width=width
    )
    yield from _why(execution)


def _why(execution: Execution) -> Sequence[str]:
    """What explains the end best: who waits for whom, what was raised, and which accesses nothing orders."""
    if execution.ending.kind == "deadlock":
        permits = {name: declared.permits for name, declared in execution.objects.items()}
        return ["", *deadlock.explained(execution.events, execution.ending.waiting, execution.actors, permits)]
    said = [execution.trial.detail] if execution.trial.detail else []
    said += [sentence(conflict, execution.actors) for conflict in by_line(conflicts_of(execution))[:1]]
    return [line for text in said for line in ("", text)]
