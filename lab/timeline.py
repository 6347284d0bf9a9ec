"""A history as text: one column an actor, one line an operation, and beside it who holds what.

Where the columns don't fit, the actor's name stands in each line instead. Knows no engine, and prints nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

from lab.kinds import FAINT, fed, meaning, shown
from lab.scheduler import Event, Operation
from lab.standing import Standing

PREEMPTED = ">"
LEGEND = f"{PREEMPTED} the turn was taken from an actor that could have gone on"
_LONGEST = 26
"""Characters of a result; a longer one loses its middle."""
_DIM, _BOLD, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"


class Row(NamedTuple):
    """One operation: who did what where, and then who waits for what, and who holds what."""

    step: str
    mark: str
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
    rows = _rows(events, waiting, preempted, names, permits)
    titles = {row.column: names[row.column] for row in sorted(rows, key=lambda row: row.column)}
    table = _as_columns(rows, titles)
    if max((len(line.rstrip()) for line in _joined(table, False)), default=0) > width:
        table = _as_list(rows, names)
    lines = [line.rstrip() for line in _joined(table, is_colored)]
    return "\n".join([*lines, LEGEND] if preempted else lines)


# What happens in each line -------------------------------------------------------------------------------------------


def _rows(
    events: Sequence[Event],
    waiting: Sequence[Operation],
    preempted: Set[int],
    names: Mapping[int, str],
    permits: Mapping[str, int],
) -> list[Row]:
    owners = fed(names)
    standing = Standing(permits)
    pending = {operation.actor: operation for operation in waiting}
    upcoming: list[dict[int, Operation]] = []
    """After each operation, what every actor does next."""
    for event in reversed(events):
        upcoming.append(dict(pending))
        pending[event.operation.actor] = event.operation
    rows = []
    for place, event in enumerate(events):
        standing.done(event)
        actor, mark = event.operation.actor, PREEMPTED if place in preempted else ""
        waits = {
            other: shown(name)
            for other, operation in upcoming[-1 - place].items()
            if other != actor and other not in owners and (name := standing.missing(operation))
        }
        column = owners.get(actor, actor)
        text, is_faint = told(event), event.operation.kind in FAINT
        rows.append(
            Row(str(place + 1), mark, event.operation.line, column, text, is_faint, waits, _held(standing, names))
        )
    for operation in waiting:
        name = next((name for name in operation.objects if meaning(operation.kind, name).remedy), "")
        if name:
            text = f"waits for {shown(name)}"
            rows.append(Row("", "", operation.line, operation.actor, text, False, {}, _held(standing, names)))
    return rows


def told(event: Event) -> str:
    """What an operation did: `read {'count': 1}`, `acquire lock 'guard'`, `put 0 into 'requests'`."""
    operation, result = event.operation, _short(event.result)
    kind = operation.kind
    if kind in FAINT:
        return f"({kind} {result})" if result else f"({kind})"
    name = operation.objects[0] if operation.objects else ""
    what = meaning(kind, name)
    if operation.is_timeout:
        return f"{kind} {shown(name)}: time is up"
    if name == "store":
        return f"{kind} {result}".rstrip()
    if what.joint:
        # Their kinds tell queues and pipes from all others.
        return f"{kind} {result} {what.joint} {shown(name).partition(' ')[2]}"
    if operation.is_data:
        return f"{kind} {shown(name)}: {result}"
    # That it was had is what one expects of an acquire or a wait.
    is_told = result and not (result == "True" and what.remedy)
    return f"{kind} {shown(name)}: {result}" if is_told else f"{kind} {shown(name)}".rstrip()


def _short(result: str) -> str:
    half = (_LONGEST - 3) // 2
    return result if len(result) <= _LONGEST else f"{result[:half]}...{result[-half:]}"


def _held(standing: Standing, names: Mapping[int, str]) -> str:
    return "; ".join(
        f"{shown(name)}: {', '.join(names[actor] for actor in reversed(standing.holders(name)))}"
        for name in standing.holds
    )


# How it is laid out --------------------------------------------------------------------------------------------------


class _Cell(NamedTuple):
    text: str
    style: str = ""


_Table = list[list[_Cell]]


def _as_columns(rows: Sequence[Row], titles: Mapping[int, str]) -> _Table:
    table = [[_Cell("step", _DIM), _Cell(""), _Cell("line", _DIM)]]
    table[0] += [_Cell(title, _BOLD) for title in titles.values()] + [_Cell("held", _DIM)]
    before: Mapping[int, str] = {}
    for row in rows:
        cells = [_Cell(row.step.rjust(4)), _Cell(row.mark, _BOLD), _Cell(row.line, _DIM)]
        for column in titles:
            if column == row.column:
                cells.append(_Cell(row.text, _DIM if row.is_faint else ""))
            else:
                wait = row.waits.get(column, "")
                is_new = wait != before.get(column, "")
                cells.append(_Cell(f"waits for {wait}" if wait and is_new else "..." if wait else "", _DIM))
        table.append([*cells, _Cell(row.held, _DIM)])
        before = row.waits
    return table if any(row.held for row in rows) else [cells[:-1] for cells in table]


def _as_list(rows: Sequence[Row], names: Mapping[int, str]) -> _Table:
    table = []
    for row in rows:
        waits = [f"{names[actor]} waits for {name}" for actor, name in row.waits.items()]
        style = _DIM if row.is_faint else ""
        beside = "; ".join(filter(None, [f"held: {row.held}" if row.held else "", *waits]))
        cells = [_Cell(row.step.rjust(4)), _Cell(row.mark, _BOLD), _Cell(row.line, _DIM)]
        table.append([*cells, _Cell(names[row.column], _BOLD), _Cell(row.text, style), _Cell(beside, _DIM)])
    return table


def _joined(table: _Table, is_colored: bool) -> list[str]:
    widths = [max(len(cell.text) for cell in column) for column in zip(*table, strict=True)]
    return [
        "  ".join(_painted(cell, width, is_colored) for cell, width in zip(cells, widths, strict=True))
        for cells in table
    ]


def _painted(cell: _Cell, width: int, is_colored: bool) -> str:
    text = cell.text.ljust(width)
    return f"{cell.style}{text}{_PLAIN}" if is_colored and cell.style and cell.text else text
