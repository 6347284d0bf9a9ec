"""A light that never turns green: a program that hangs is an outcome with a count, not the end of the run.

Question: is a hang noticed, and does the run go on unharmed?

    lab run stuck_light

Observed (two cores, 95 % intervals):

    stuck_light, 20 trials a cell
    guard  processes       violations  hang
    none           2  100 % [83, 100]    20
    none           5  100 % [83, 100]    20

Every trial is a `hang`, noticed after 0.1 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.scenario import Scenario
from lab.trial import Judgement, ok
from lab.world.protocol import Maker, Stage, World


class StuckLight(Scenario):
    """N cars wait for an Event that nobody sets."""

    outcomes = {"ok": ok("every car crossed, which can't be: nobody sets the Event")}
    trials = 20
    timeout_s = 0.1
    stays_in_world = True
    actors = "cars"

    def shared(self, make: Maker) -> None:
        """The Event that nobody sets."""
        make.event("go")

    def section(self, world: World, actor: int) -> None:
        """Wait."""
        world.event("go").wait()

    def judge(self, world: Stage, returns: Sequence[Any]) -> Judgement:
        """Reached only by a car that crossed."""
        return Judgement("ok")
