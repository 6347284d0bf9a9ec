"""The controlled engine: an unmodified script, each of whose processes waits for its turn before every operation."""

from lab.engines.controlled.session import ENDED, ControlledSession, Program

__all__ = ["ENDED", "ControlledSession", "Program"]
