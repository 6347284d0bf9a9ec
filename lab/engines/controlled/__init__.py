"""The controlled engine: a script of real processes, unmodified, each of which waits for its turn before every operation."""

from lab.engines.controlled.session import ENDED, ControlledSession, Program

__all__ = ["ENDED", "ControlledSession", "Program"]
