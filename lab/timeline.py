"""A history as text: one column an actor, one line an operation, and beside it who holds what.

Where the columns don't fit, the actor's name stands in each line instead. Knows no engine, and prints nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from html import escape
from typing import NamedTuple

from lab.execution import Execution
from lab.kinds import ENTRY, FAINT, LOCKS, Meaning, family, fed, meaning, shown, told_of
from lab.renaming import by_present_names
from lab.scheduler import Event, Operation
from lab.standing import Standing

PREEMPTED = ">"
LEGEND = f"{PREEMPTED} the turn was taken from an actor that could have gone on"
_LONGEST = 26
"""Characters of a result; a longer one loses its middle."""
_DIM, _BOLD, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"


class Row(NamedTuple):
    """One operation: who did what where; and then who waits for what, and who holds what."""

    lead: Sequence[str]
    """The number of its step, and the mark of a preemption."""
    line: str
    column: int
    text: str
    is_faint: bool
    waits: Mapping[int, str]
    """What each other actor that can't go on waits for."""
    held: str


def timeline(
    events: Sequence[Event],
    names: Mapping[int, str],
    permits: Mapping[str, int],
    *,
    waiting: Sequence[Operation] = (),
    preempted: Set[int] = frozenset(),
    width: int = 100,
    is_colored: bool = False,
) -> str:
    """The history as text, at most `width` characters wide where that can be had.

    `permits` is that of `happens_before.conflicts`; `waiting` are the operations that were announced and never done;
    `preempted` has the places in the history at which the turn was taken from an actor that could have gone on.
    """
    events = by_present_names(events)
    for is_brief in (False, True):
        rows = _rows(events, waiting, preempted, names, permits, is_brief)
        table = _as_columns(rows, names, is_brief)
        if _width(table) <= width:
            break
    else:
        table = _as_list(rows, names)
    lines = [line.rstrip() for line in _joined(table, is_colored)]
    return "\n".join([*lines, LEGEND] if preempted else lines)


def page_part(title: str, execution: Execution | None, departed: str, preempted: Set[int] = frozenset()) -> str:
    """A replay as a notebook shows it: how it ended, and its timeline; or where it departed. All of it is text."""
    if execution is None:
        return f"<p>{escape(title)}: it departs from the schedule: {escape(departed)}</p>"
    permits = {name: declared.permits for name, declared in execution.objects.items()}
    text = timeline(
        execution.events, execution.actors, permits, waiting=execution.ending.waiting, preempted=preempted, width=120
    )
    said = f": {escape(execution.trial.detail)}" if execution.trial.detail else ""
    return f"<p>{escape(title)}, <b>{escape(execution.trial.outcome)}</b>{said}</p>\n<pre>{escape(text)}</pre>"


# What happens in each line -------------------------------------------------------------------------------------------


def _rows(
    events: Sequence[Event],
    waiting: Sequence[Operation],
    preempted: Set[int],
    names: Mapping[int, str],
    permits: Mapping[str, int],
    is_brief: bool,
) -> list[Row]:
    owners, standing, rows = fed(names), Standing(permits), []
    for place, (event, nexts) in enumerate(zip(events, followers(events, waiting), strict=True)):
        standing.done(event)
        actor, line, kind = event.operation.actor, event.operation.line, event.operation.kind
        waits = {
            other: called(name, is_brief)
            for other, operation in sorted(nexts.items())
            if other != actor and other not in owners and (name := standing.missing(operation))
        }
        mark = PREEMPTED if place in preempted else ""
        lead = [f"{place + 1}{mark or ' '}"] if is_brief else [f"{place + 1:4}", mark]
        held, column = _held(standing, names, is_brief), owners.get(actor, actor)
        rows.append(Row(lead, line, column, told(event, is_brief), kind in FAINT, waits, held))
    held = _held(standing, names, is_brief)
    for operation in waiting:
        name = next((name for name in operation.objects if meaning(operation.kind, name).remedy), "")
        if name:
            text = f"waits for {called(name, is_brief)}"
            rows.append(Row([""] if is_brief else ["", ""], operation.line, operation.actor, text, False, {}, held))
    return rows


def followers(events: Sequence[Event], waiting: Sequence[Operation]) -> list[dict[int, Operation]]:
    """For each operation, what every actor does after it, or is left waiting for."""
    pending = {operation.actor: operation for operation in waiting}
    nexts = []
    for event in reversed(events):
        nexts.append(dict(pending))
        pending[event.operation.actor] = event.operation
    return nexts[::-1]


def told(event: Event, is_brief: bool) -> str:
    """What an operation did: `read {'count': 1}`, `acquire lock 'guard'`, `put 0 into 'requests'`."""
    operation, result = event.operation, _shortened(event.result, is_brief)
    kind = operation.kind
    if kind in FAINT:
        return f"({_spaced(kind, result)})"
    objects = told_of(operation.objects)
    what = meaning(kind, objects[0]) if objects else Meaning()
    if what.joint:  # the kind tells a queue or a pipe from all others
        return _spaced(kind, result, what.joint, called(objects[0], True))
    names = data_of(operation) if operation.is_data else objects
    # What is done to entries nothing else is called, so they need no family.
    is_entry = family(names[0]) == ENTRY if names else False
    things = dict.fromkeys(called(name, is_brief or is_entry) for name in names if name != "store")
    thing = (" to " if is_entry else " or ").join(things)
    if operation.is_timeout:
        return f"{_spaced(kind, thing)}: time is up"
    if not thing:
        return _spaced(kind, result)
    # That it was had is what one expects of an acquire or a wait.
    is_told = result and not (result == "True" and what.remedy)
    return f"{kind} {thing}: {result}" if is_told else f"{kind} {thing}"


def data_of(operation: Operation) -> list[str]:
    """What an access to data reads or writes: not the lock that it takes for that moment."""
    return [name for name in told_of(operation.objects) if family(name) not in LOCKS]


def called(name: str, is_brief: bool) -> str:
    """An object in a line: `lock 'guard'`, or briefly `'guard'`."""
    return shown(name).partition(" ")[2] if is_brief else shown(name)


def _spaced(*words: str) -> str:
    return " ".join(filter(None, words))


def _shortened(result: str, is_brief: bool) -> str:
    if len(result) <= _LONGEST:
        return result
    made = re.match(r"[A-Za-z_]\w*\(", result)
    if made:
        return "" if is_brief else f"{made[0]}...)"
    half = (_LONGEST - 3) // 2
    return f"{result[:half]}...{result[-half:]}"


def _held(standing: Standing, names: Mapping[int, str], is_brief: bool) -> str:
    """`lock 'guard' by buyer 0`, or briefly `'guard': 0`."""
    told = []
    for name in standing.holds:
        holders = [names[actor] for actor in standing.holders(name)]
        if is_brief:
            told.append(f"{called(name, True)}: {', '.join(holder.split(' ')[-1] for holder in holders)}")
        else:
            told.append(f"{called(name, False)} by {' and '.join(holders)}")
    return ", ".join(told)


# How it is laid out --------------------------------------------------------------------------------------------------


class _Cell(NamedTuple):
    text: str
    style: str = ""


_Table = list[list[_Cell]]


def _as_columns(rows: Sequence[Row], names: Mapping[int, str], is_brief: bool) -> _Table:
    columns = sorted({row.column for row in rows})
    lead = [_Cell(""), _Cell("line", _DIM)] if is_brief else [_Cell("step", _DIM), _Cell(""), _Cell("line", _DIM)]
    table = [[*lead, *(_Cell(names[column], _BOLD) for column in columns), _Cell("held", _DIM)]]
    before: Mapping[int, str] = {}
    for row in rows:
        cells = [*map(_Cell, row.lead), _Cell(row.line, _DIM)]
        for column in columns:
            if column == row.column:
                cells.append(_Cell(row.text, _DIM if row.is_faint else ""))
            else:
                wait = row.waits.get(column, "")
                text = "..." if wait and wait == before.get(column) else f"waits for {wait}" if wait else ""
                cells.append(_Cell(text, _DIM))
        table.append([*cells, _Cell(row.held, _DIM)])
        before = row.waits
    return table if any(row.held for row in rows) else [cells[:-1] for cells in table]


def _as_list(rows: Sequence[Row], names: Mapping[int, str]) -> _Table:
    table = []
    for row in rows:
        held = f"held: {row.held}" if row.held else ""
        waiting = f"waiting: {', '.join(names[actor] for actor in row.waits)}" if row.waits else ""
        beside = "; ".join(filter(None, [held, waiting]))
        cells = [*map(_Cell, row.lead), _Cell(row.line, _DIM), _Cell(names[row.column], _BOLD)]
        table.append([*cells, _Cell(row.text, _DIM if row.is_faint else ""), _Cell(beside, _DIM)])
    return table


def _width(table: _Table) -> int:
    return max((len(line.rstrip()) for line in _joined(table, False)), default=0)


def _joined(table: _Table, is_colored: bool) -> list[str]:
    widths = [max(len(cell.text) for cell in column) for column in zip(*table, strict=True)]
    lines = []
    for step, *others in table:
        padded = [step._replace(text=step.text.rjust(widths[0]))]
        padded += [cell._replace(text=cell.text.ljust(width)) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join(_painted(cell) if is_colored else cell.text for cell in padded))
    return lines


def _painted(cell: _Cell) -> str:
    text = cell.text.rstrip()
    return f"{cell.style}{text}{_PLAIN}{cell.text[len(text) :]}" if cell.style and text else cell.text
