"""Readers only: the control. Nothing changes, so nothing can go wrong, and a lock is a price for nothing.

Question: what does a needless lock cost, and is "reading is always safe" true beside a writer?

    lab run check_ticket --processes 5
    lab run check_ticket --processes 5 --set writers=1 --set rounds=20 --delays 0

Observed (two cores, 95 % intervals):

    check_ticket, json_file, 5 processes, delay uniform(0,10ms), 1,000 trials a cell
    guard     violations  median wall    times unguarded
    none   0 % [0, 0.37]      9.18 ms
    lock   0 % [0, 0.37]        26 ms  2.83 [2.76, 2.88]

    check_ticket, json_file, 5 processes, delay 0, 1,000 trials a cell
    guard     violations  median wall    times unguarded
    none   19 % [6, 41]*       2.6 ms
    lock   0 % [0, 0.37]      2.64 ms  1.01 [1.00, 1.04]

The first table is without a writer, the second beside one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.delays import Delay, uniform
from lab.scenario import Scenario
from lab.store import TornRead
from lab.trial import Judgement, ok, violation
from lab.world.protocol import Stage, World


class CheckTicket(Scenario):
    """N actors look how many tickets are left; the first few of them may be writers."""

    tickets: int = 1
    writers: int = 0
    rounds: int = 1
    read_delay: Delay = uniform(0, 1)

    outcomes = {
        "torn_read": violation("a reader met a half-written file"),
        "ok": ok("every reader saw how many tickets there are"),
    }
    guards = ("none", "lock")
    stores = ("json_file", "atomic_json_file", "memory", "sqlite")
    main_delays = ("read_delay",)
    stays_in_world = True
    actors = "readers"

    def setup(self, world: Stage) -> None:
        """All tickets are there."""
        world.store.write({"count": self.tickets})

    def section(self, world: World, actor: int) -> int:
        """Look, or as a writer write the same number anew, `rounds` times; returns how many reads were torn."""
        torn = 0
        for _ in range(self.rounds):
            if actor < self.writers:
                world.store.write({"count": self.tickets})
            else:
                torn += self._look(world)
            world.sleep(self.read_delay)
        return torn

    def _look(self, world: World) -> bool:
        try:
            world.store.read()
        except TornRead:
            return True
        return False

    def judge(self, world: Stage, returns: Sequence[Any]) -> Judgement:
        """Count the torn reads."""
        torn_reads = sum(returns)
        return self.first({"torn_reads": torn_reads}, torn_read=torn_reads > 0)
