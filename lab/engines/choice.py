"""The choice of an engine by its name, in one place. An engine is imported when it is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from lab.engines.protocol import Engine

ENGINES: Mapping[str, str] = MappingProxyType(
    {
        "real": "Free-running processes in real time: what a machine does.",
        "simulated": "One process in virtual time: what the delays alone do, in milliseconds instead of hours.",
    }
)
"""Every engine that measures, with a line of explanation."""

CONTROLLED = "Real processes, of which one goes on at a time: for `lab explore` and `lab replay` alone."
"""Of the engine that measures nothing."""


def engine_named(name: str, seed: int, directory: Path | None) -> Engine:
    """A new engine; `directory` is where the stores of the real one keep their files (None: in memory)."""
    if name == "simulated":
        from lab.engines.simulated import SimulatedEngine

        return SimulatedEngine(seed)
    assert name == "real", "the grid knows the names"
    from lab.engines.real import RealEngine

    return RealEngine(seed, directory)
