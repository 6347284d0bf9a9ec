"""A turn of an execution: what all have said until nobody ran, as it is recorded, to be heard again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lab.scheduler import Operation

Message = tuple[Any, ...]


@dataclass(slots=True)
class Turn:
    """What was heard, in its order, until nobody ran, and what was announced then: it touched what it did at the time.

    `enabled` is the one operation that could be done then, None if something was done that is no choice.
    """

    heard: list[tuple[int, Message]] = field(default_factory=list)
    announced: list[Operation] = field(default_factory=list)
    enabled: Operation | None = None
