"""Two lines each into one file: they mix without a lock. Order is lost, data is not.

Question: how often does somebody else's line stand between "i is running" and "i is done"?

    lab run print_lines --processes 5

Observed (two cores, 95 % intervals):

    print_lines, text_file, 5 processes, delay uniform(0,10ms), 1,000 trials a cell
    guard     violations         interesting  median wall    times unguarded
    none   0 % [0, 0.37]  100 % [99.63, 100]       9.1 ms
    lock   0 % [0, 0.37]       0 % [0, 0.37]      27.1 ms  2.98 [2.84, 3.08]

A violation it is not: the lines are mixed, and none is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.delays import Delay, uniform
from lab.scenario import Scenario
from lab.trial import Judgement, interesting, ok
from lab.world.protocol import Stage, World


class PrintLines(Scenario):
    """N actors append "i is running", work, and append "i is done" to one file."""

    work: Delay = uniform(0, 1)

    outcomes = {
        "interleaved": interesting("a line of another actor stands between the two lines of one"),
        "ok": ok("the two lines of each actor stand together"),
    }
    guards = ("none", "lock")
    stores = ("text_file",)
    main_delays = ("work",)
    stays_in_world = True
    actors = "writers"

    def setup(self, world: Stage) -> None:
        """An empty file."""
        world.store.write({"lines": []})

    def section(self, world: World, actor: int) -> None:
        """Two lines, with work between them."""
        world.store.append(f"{actor} is running")
        world.sleep(self.work)
        world.store.append(f"{actor} is done")

    def judge(self, world: Stage, returns: Sequence[Any]) -> Judgement:
        """Look at the lines in pairs: together, the two of a pair are one actor's."""
        lines = world.store.read()["lines"]
        pairs = zip(lines[::2], lines[1::2], strict=True)
        split = sum(first.split()[0] != second.split()[0] for first, second in pairs)
        return self.first({"split_pairs": split}, interleaved=split > 0)
