"""What every engine makes of an ended trial: the judgement, and what a row of the results can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from lab.cell import Cell
from lab.guard import described
from lab.trial import Judgement
from lab.world.protocol import Stage

# SystemExit too: who calls sys.exit() in a setup or a judge must not end the run in silence.
RAISED_BY_USERS = (Exception, SystemExit, GeneratorExit)
"""What a setup or a judge may raise, and is an outcome."""

_MEASURES = (bool, int, float, str, type(None))


def default_timeout_s(cell: Cell) -> float:
    """The scenario's own limit, or ten times its longest serial delay, at least 1 s."""
    return cell.scenario.timeout_s or max(1.0, 10 * cell.scenario.longest_serial_s(cell.processes))


def judged(cell: Cell, stage: Stage, returns: Sequence[object]) -> tuple[Judgement, str]:
    """What the scenario's judge says, and what is wrong with that for a row; empty if nothing is."""
    try:
        judgement = cell.scenario.judge(stage, returns)
    except RAISED_BY_USERS as error:
        return Judgement("raised"), f"{described(error)} (in judge)"
    return judgement, objection(judgement, cell)


def objection(judgement: object, cell: Cell) -> str:
    """What is wrong with what a judge returned, for rows and columns; empty if nothing is."""
    if not isinstance(judgement, Judgement):
        return f"judge returned a {type(judgement).__name__}, expected a lab.Judgement"
    if judgement.outcome not in cell.scenario.outcomes:
        return f"judge called it {judgement.outcome!r}, which `outcomes` does not declare"
    if not isinstance(judgement.measures, Mapping):
        return f"judge measured a {type(judgement.measures).__name__}, expected a mapping of names to values"
    for name, value in judgement.measures.items():
        if not isinstance(name, str) or not _is_storable(name):
            return f"judge measured {name!a}, expected a name that is text"
        if name in cell.taken_names:
            return f"judge measured {name!r}, which is a column already"
        if type(value) not in _MEASURES:
            return f"judge measured {name} as a {type(value).__name__}, expected a bool, int, float, str or None"
    return ""


def storable(text: str) -> str:
    """The text without what UTF-8 can't hold, such as half of a surrogate pair from a file's name."""
    return text.encode("utf-8", "backslashreplace").decode()


@cache
def _is_storable(name: str) -> bool:
    return storable(name) == name


def middle(ordered: Sequence[float]) -> float:
    """The median."""
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
