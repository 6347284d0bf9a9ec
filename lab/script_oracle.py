"""What a script may have meant: the endings that its processes have one after another, in some order."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from lab.engines.controlled.session import ENDED, ControlledSession
from lab.schedule import Choice
from lab.scheduler import Departed
from lab.schedulers.checks import Budget
from lab.schedulers.replay import Replay
from lab.schedulers.serial import Look, Serial

NO_ORACLE = "no oracle"

AT_FIRST = 24
"""Orders that are run before the search: all, of up to four children."""

MOST_S = 10.0
"""Seconds for them, or for the decision about one ending."""


@dataclass
class Oracle:
    """The endings that serial orders have, and those of which it is known that none has them.

    `orders` were run at first, `cut` of which could not finish, and all there are to their ends if `is_complete`.
    `shares` tells whether the children share anything, `hands_on` whether threads hand anything on to each other: then
    an ending that no order has may be a right one.
    """

    endings: dict[str, str] = field(default_factory=dict)
    excluded: set[str] = field(default_factory=set)
    undecided: set[str] = field(default_factory=set)
    orders: int = 0
    cut: int = 0
    is_complete: bool = False
    shares: bool = False
    hands_on: bool = False
    _loops: set[Look] = field(default_factory=set)

    @property
    def told(self) -> str:
        """`1 ending`, `2 endings`."""
        return f"{len(self.endings)} ending{'' if len(self.endings) == 1 else 's'}"

    def begin(self, session: ControlledSession, most: int, seconds: float) -> None:
        """Run orders, up to so many and for so long."""
        begun, serial = time.monotonic(), Serial(most, has_threads=session.has_threads, loops=self._loops)
        is_late = self._run(session, serial, begun + seconds)
        self.orders, self.cut = serial.orders - is_late, serial.cut
        self.is_complete = serial.is_complete and not session.killed
        self.hands_on |= session.hands_on

    def decide(
        self, session: ControlledSession, ending: str, choices: Sequence[Choice], most: int, seconds: float
    ) -> None:
        """Find out whether some order has this ending, which was seen with these choices, in the time that is left."""
        if ending in self.endings or ending in self.excluded or ending in self.undecided or not self.endings:
            return
        if ending not in session.states:  # another process has seen it
            _replayed(session, choices)
        state = session.states.get(ending)
        self.hands_on |= session.hands_on
        if state is None or self.hands_on:
            self.undecided.add(ending)
            return
        if self.is_complete:
            self.excluded.add(ending)
            return
        printed = state.by_number
        serial = Serial(
            most, lambda actor: session.compared(actor) == printed.get(actor), session.has_threads, self._loops
        )
        killed = len(session.killed)
        self._run(session, serial, time.monotonic() + min(MOST_S, seconds), ending)
        if ending not in self.endings:
            # An order in which somebody was killed may be the one.
            is_sure = serial.is_complete and len(session.killed) == killed
            (self.excluded if is_sure else self.undecided).add(ending)

    def _run(self, session: ControlledSession, serial: Serial, end: float, wanted: str = "") -> bool:
        """True if there was no time for the last order that was begun."""
        # Of a program without an end an order alone may take longer than there is time.
        budget = Budget(serial, None, max(0.0, end - time.monotonic()))
        try:
            while wanted not in self.endings and budget.begin():
                execution = session.execute(budget)
                if budget.spent:
                    break
                budget.end(execution.ending.waiting)
                outcome = execution.trial.outcome
                if outcome.startswith(ENDED):
                    self.endings.setdefault(outcome, execution.trial.detail)
                if execution.ending.kind in ("stuck", "endless"):
                    break
        except Departed:
            pass  # the search meets it too, and says so
        return bool(budget.spent)


def _replayed(session: ControlledSession, choices: Sequence[Choice]) -> None:
    replay = Replay(choices)
    replay.begin()
    with suppress(Departed):
        replay.end(session.execute(replay).ending.waiting)
