"""What every engine makes of an ended trial: the judgement, and what a row of the results can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.cell import Cell
from lab.guard import described
from lab.trial import Judgement
from lab.world.protocol import Stage

# SystemExit too: who calls sys.exit() in a setup or a judge must not end the run in silence.
RAISED_BY_USERS = (Exception, SystemExit, GeneratorExit)
"""What a setup or a judge may raise, and is an outcome."""

_MEASURES = frozenset([bool, int, float, str, type(None)])


def default_timeout_s(cell: Cell) -> float:
    """The scenario's own limit, or ten times its longest serial delay, at least 1 s."""
    return cell.scenario.timeout_s or max(1.0, 10 * cell.scenario.longest_serial_s(cell.processes))


class Judge:
    """Asks a cell's scenario to judge its trials, and checks what it says."""

    def __init__(self, cell: Cell, stage: Stage) -> None:
        self._cell = cell
        self._stage = stage
        self._measured: tuple[str, ...] = ()
        """Names of measures that were found right the last time: they are the same in most trials."""

    def judged(self, returns: Sequence[object]) -> tuple[Judgement, str]:
        """What the scenario's judge says, and what is wrong with that for a row; empty if nothing is."""
        try:
            judgement = self._cell.scenario.judge(self._stage, returns)
        except RAISED_BY_USERS as error:
            return Judgement("raised"), f"{described(error)} (in judge)"
        failure = self._objection(judgement)
        if not failure:
            self._measured = tuple(judgement.measures)
        return judgement, failure

    def _objection(self, judgement: object) -> str:
        """What is wrong with what a judge returned, for rows and columns; empty if nothing is."""
        if not isinstance(judgement, Judgement):
            return f"judge returned a {type(judgement).__name__}, expected a lab.Judgement"
        if judgement.outcome not in self._cell.scenario.outcomes:
            return f"judge called it {judgement.outcome!r}, which `outcomes` does not declare"
        if not isinstance(judgement.measures, Mapping):
            return f"judge measured a {type(judgement.measures).__name__}, expected a mapping of names to values"
        if tuple(judgement.measures) != self._measured:
            for name in judgement.measures:
                if not isinstance(name, str) or storable(name) != name:
                    return f"judge measured {name!a}, expected a name that is text"
                if name in self._cell.taken_names:
                    return f"judge measured {name!r}, which is a column already"
        if not _MEASURES.issuperset(map(type, judgement.measures.values())):
            for name, value in judgement.measures.items():
                if type(value) not in _MEASURES:
                    found = type(value).__name__
                    return f"judge measured {name} as a {found}, expected a bool, int, float, str or None"
        return ""


def storable(text: str) -> str:
    """The text without what UTF-8 can't hold, such as half of a surrogate pair from a file's name."""
    return text.encode("utf-8", "backslashreplace").decode()


def middle(ordered: Sequence[float]) -> float:
    """The median."""
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
