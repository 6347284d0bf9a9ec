"""Standard output, where the order of what is printed is judged: to print is an operation then."""

from __future__ import annotations

from typing import Any

from lab.engines.controlled.step import Lasting, Step


class Output(Lasting):
    """Standard output, where the order of what is printed is judged."""

    name = "output"

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """Print."""
        return Step("print", ("output",), gives=False)
