"""What the exploration of a script says, as text: verdict, the shortest schedule that fails, all endings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lab.conflict import by_line, sentence
from lab.explanation import counted, replay_line
from lab.exploration import Exploration, Explored, Finding
from lab.script import is_carried
from lab.script_exploring import ScriptReplayed, replay_script
from lab.search import conflicts_of
from lab.timeline import timeline


def explained_script(exploration: Exploration, is_brief: bool) -> Iterator[str]:
    """The lines."""
    for explored in exploration.cells:
        yield _verdict(explored)
        if is_brief:
            continue
        worst = next((finding for finding in explored.findings if finding.grade == "violation"), None)
        if worst is not None:
            yield ""
            yield f"{worst.outcome}: {worst.explanation}"
            yield f"  {worst.detail}"
            yield from retold_script(replay_script(worst.schedule))
        yield ""
        yield from (_ending(finding) for finding in explored.findings)
        yield from (f"note: {remark}" for remark in explored.remarks)
        rate = f"{explored.executions_per_s:,.0f} a second" if explored.seconds else ""
        yield (
            f"{counted(explored.executions, 'execution')} ({explored.redundant:,} cut), "
            f"{counted(explored.classes, 'class', 'es')}, "
            f"{explored.seconds:.1f} s, {rate}"
        )
        if worst is not None and not is_carried(explored.scenario):
            yield f"again: {replay_line(worst)}"


def _verdict(explored: Explored) -> str:
    name = Path(explored.scenario).name
    reason = f" ({explored.reason})" if explored.reason else ""
    return f"{name}: {explored.verdict}{reason}"


def _ending(finding: Finding) -> str:
    executions, preemptions = counted(finding.executions, "execution"), counted(finding.preemptions, "preemption")
    return f"  {finding.outcome} ({finding.grade}), {executions}, {preemptions}: {finding.detail}"


def retold_script(replayed: ScriptReplayed) -> Iterator[str]:
    """A replayed schedule, operation by operation."""
    execution = replayed.execution
    if execution is None:
        yield f"it departs from the schedule: {replayed.departed}"
        return
    permits = {name: declared.permits for name, declared in execution.objects.items()}
    text = timeline(execution.events, execution.actors, permits, waiting=execution.ending.waiting)
    yield from text.splitlines()
    yield from (f"unordered: {sentence(one, execution.actors)}" for one in by_line(conflicts_of(execution)))
