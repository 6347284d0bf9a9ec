"""The simulated engine: actors as pooled greenlets under a scheduler, in virtual time or in any order."""

from lab.engines.simulated.engine import SimulatedEngine
from lab.engines.simulated.session import SimulatedSession

__all__ = ["SimulatedEngine", "SimulatedSession"]
