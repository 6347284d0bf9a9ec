"""Six singers, a karaoke bar with four rooms: a semaphore admits as many as there are rooms.

Question: how often are more than four inside, and what do a lock and a pool of four do instead?

    lab run ktv

Observed (two cores, 95 % intervals):

    ktv, 6 processes, delay randint(1,5)*10ms, 1,000 trials a cell
    guard                         violations  median wall    times unguarded
    none                  100 % [99.63, 100]      50.3 ms
    semaphore(4)               0 % [0, 0.37]      60.5 ms   1.2 [1.20, 1.21]
    bounded_semaphore(4)       0 % [0, 0.37]      60.4 ms   1.2 [1.19, 1.21]
    lock                       0 % [0, 0.37]       181 ms   3.6 [3.59, 3.65]
    pool(4)                    0 % [0, 0.37]      61.5 ms  1.22 [1.21, 1.24]

A lock is safe, and leaves three rooms empty. The pool serves six singers by four processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.delays import Delay, randint, zero
from lab.scenario import Guarded, Scenario
from lab.trial import Judgement, Note, ok, violation
from lab.world.protocol import Stage, World


class Ktv(Scenario):
    """N singers enter, sing and leave; there are `rooms` rooms."""

    rooms: int = 4
    arrival_delay: Delay = zero
    song: Delay = randint(1, 5)

    outcomes = {
        "over_capacity": violation("more singers were inside than there are rooms"),
        "ok": ok("never more singers inside than rooms"),
    }
    guards = ("none", "semaphore(4)", "bounded_semaphore(4)", "lock", "pool(4)")
    small = {"rooms": 1}
    small_guards = ("none", "semaphore(1)", "bounded_semaphore(1)", "lock", "pool(1)")
    main_delays = ("song",)
    processes = (6,)
    stays_in_world = True
    actors = "singers"

    def act(self, world: World, actor: int, guarded: Guarded) -> Any:
        """Arrive, then sing."""
        world.sleep(self.arrival_delay)
        return guarded(world, actor)

    def section(self, world: World, actor: int) -> None:
        """Enter, sing, leave. The stamps are inside the guard, so they never show more singers than there were."""
        world.note("enter")
        world.sleep(self.song)
        world.note("leave")

    def judge(self, world: Stage, returns: Sequence[Any]) -> Judgement:
        """Count the singers inside at each stamp."""
        peak = most_at_once(world.noted("enter"), world.noted("leave"))
        processes_used = len({note.worker for note in world.noted("enter")})
        return self.first({"peak": peak, "processes_used": processes_used}, over_capacity=peak > self.rooms)


def most_at_once(enters: Sequence[Note], leaves: Sequence[Note]) -> int:
    """The largest number inside; one who leaves at the very stamp at which another enters has left before."""
    steps = sorted([(note.time_ns, 1) for note in enters] + [(note.time_ns, -1) for note in leaves])
    inside = peak = 0
    for _, step in steps:
        inside += step
        peak = max(peak, inside)
    return peak
