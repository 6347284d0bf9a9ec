"""Five buyers, one ticket: who checks before acting must be alone between the two.

Question: how often is the last ticket sold twice, and which guard stops that?

    lab run ticket_sale --processes 5 --delays "uniform(0,10ms)" --set request_delay=0

Observed (two cores, 95 % intervals):

    ticket_sale, json_file, 5 processes, delay uniform(0,10ms), 1,000 trials a cell
    guard                 violations  median wall    times unguarded
    none          100 % [99.63, 100]      15.3 ms
    lock               0 % [0, 0.37]        52 ms  3.39 [3.30, 3.49]
    semaphore(2)  100 % [99.63, 100]      29.1 ms   1.9 [1.85, 1.94]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.delays import Delay, uniform, zero
from lab.scenario import Guarded, Scenario
from lab.store import TornRead
from lab.trial import Judgement, ok, violation
from lab.world.protocol import Stage, World


class TicketSale(Scenario):
    """N buyers, a few tickets, one counter in a store."""

    tickets: int = 1
    request_delay: Delay = zero
    read_delay: Delay = uniform(0, 1)
    write_delay: Delay = uniform(0, 1)

    outcomes = {
        "oversold": violation("more tickets were sold than there were"),
        "torn_read": violation("a buyer read a half-written file, and left"),
        "lost_update": violation("the counter does not show all the sales"),
        "ok": ok("as many sold as the counter shows, and no more than there were"),
    }
    guards = (
        "none",
        "lock",
        "rlock",
        "semaphore(1)",
        "semaphore(2)",
        "bounded_semaphore(1)",
        "file_lock",
        "queue",
        "pipe",
        "optimistic",
        "transaction",
    )
    stores = ("json_file", "atomic_json_file", "memory", "sqlite")
    main_delays = ("read_delay", "write_delay")
    stays_in_world = True
    actors = "buyers"

    def setup(self, world: Stage) -> None:
        """All tickets are there."""
        world.store.write({"count": self.tickets})

    def act(self, world: World, actor: int, guarded: Guarded) -> Any:
        """Not every request arrives at once."""
        world.sleep(self.request_delay)
        return guarded(world, actor)

    def section(self, world: World, actor: int) -> bool:
        """Buy a ticket if there is one, and write the counter back in any case; True if one was sold."""
        try:
            state = world.store.read()
        except TornRead:
            world.note("torn_read")
            return False
        world.sleep(self.read_delay)
        is_sold = bool(state["count"] > 0)
        if is_sold:
            state["count"] -= 1
        world.sleep(self.write_delay)
        world.store.write(state)
        return is_sold

    def judge(self, world: Stage, returns: Sequence[Any]) -> Judgement:
        """Compare what was sold with what there was and with what the counter shows."""
        sold, torn_reads = sum(returns), len(world.noted("torn_read"))
        try:
            final = world.store.read()["count"]
        except TornRead:
            final, torn_reads = None, torn_reads + 1
        measures = {"sold": sold, "final": final, "torn_reads": torn_reads, "retries": len(world.noted("retry"))}
        return self.first(
            measures, oversold=sold > self.tickets, torn_read=torn_reads > 0, lost_update=final != self.tickets - sold
        )
