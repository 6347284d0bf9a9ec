"""A guard for scenarios about an Event: ask whether it is set, wait if not, then act."""

from __future__ import annotations

from typing import Any

from lab.guard import Guard, Section
from lab.world.protocol import World


class EventGuard(Guard):
    """Waits for the scenario's Event `go`. The check is not the act: the Event may be cleared in between."""

    name = "event"

    def admits(self, processes: int) -> int:
        """All of them."""
        return processes

    def run(self, section: Section, world: World, actor: int) -> Any:
        """Do the section once the Event was seen set; notes `asked` and `admitted` for the judge."""
        go = world.event("go")
        world.note("asked")
        if not go.is_set():
            go.wait()
        world.note("admitted")
        return section(world, actor)
