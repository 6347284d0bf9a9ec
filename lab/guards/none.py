"""No guard: the section runs as it stands. The run that every other guard is compared with."""

from __future__ import annotations

from typing import Any

from lab.guard import Guard, Section
from lab.world.protocol import World


class NoGuard(Guard):
    """Nothing protects the section."""

    name = "none"

    def admits(self, processes: int) -> int:
        """All of them."""
        return processes

    def run(self, section: Section, world: World, actor: int) -> Any:
        """Do the section at once."""
        return section(world, actor)
