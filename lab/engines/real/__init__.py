"""The real engine: trials on free-running processes, in the order that the operating system gives them."""

from lab.engines.real.engine import RealEngine

__all__ = ["RealEngine"]
