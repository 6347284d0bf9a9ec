"""A participant as the controller knows it: its channel, what it has announced, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from socket import socket

from lab.engines.controlled.step import Step


@dataclass
class Raised:
    """An exception that nobody caught: its type, its text, and the lines of the script that it came through."""

    kind: str
    text: str
    lines: list[str]

    def __str__(self) -> str:
        where = f" ({self.lines[-1]})" if self.lines else ""
        text = self.text if len(self.text) < 300 else self.text[:300] + "…"
        return f"{self.kind}: {text}{where}" if text else f"{self.kind}{where}"


@dataclass
class Actor:
    """A process of the script. Without a connection it has been forked, and has not yet opened its channel."""

    number: int
    name: str
    parent: int
    connection: socket | None = None
    pid: int = 0
    step: Step | None = None
    line: str = ""
    is_done: bool = False
    is_reaped: bool = False
    is_gone: bool = False
    code: int | None = None
    """How it ended; None while it has not, or if nobody knows."""
    raised: Raised | None = None
    output: list[tuple[int, bytes]] = field(default_factory=list)
    operations: int = 0
    """How many of its operations were chosen."""
    after: dict[int, int] = field(default_factory=dict)
    """What its next operation could not have come before: of which actors how many operations."""
    looks: set[tuple[str, tuple[str, ...], str]] = field(default_factory=set)
    """What it has looked at since anybody changed anything: to look again tells it nothing."""
    killed_by: tuple[int, int] | None = None
    check: int = 0
    """Of all that it has asked and told up to now."""
