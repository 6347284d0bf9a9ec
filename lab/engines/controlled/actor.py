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
    """A process of the script, or a thread of one. Without a connection it has not yet opened its channel."""

    number: int
    name: str
    parent: int
    connection: socket | None = None
    pid: int = 0
    thread_of: int | None = None
    """The process that it is a thread of; None if it is a process, whose first thread then has its number."""
    has_threads: bool = False
    """True of a process, and of a thread, that has started threads."""
    sections: int = 0
    """How often it has asked for a lock of its process."""
    is_daemon: bool = False
    """True of a thread that ends with its process, wherever it is."""
    step: Step | None = None
    line: str = ""
    is_done: bool = False
    is_reaped: bool = False
    is_gone: bool = False
    code: int | None = None
    """How it ended; None while it has not, or if nobody knows."""
    raised: Raised | None = None
    output: list[tuple[int, bytes]] = field(default_factory=list)
    """What a process has printed, whichever of its threads it was."""
    operations: int = 0
    """How many of its operations were chosen."""
    after: dict[int, int] = field(default_factory=dict)
    """What its next operation could not have come before: of which actors how many operations."""
    looks: dict[tuple[str, tuple[str, ...], str], int] = field(default_factory=dict)
    """What it has looked at since anybody changed anything, and how often: to look again tells it nothing."""
    killed_by: tuple[int, int] | None = None
    check: int = 0
    """Of all that it has asked and told up to now."""

    @property
    def process(self) -> int:
        """The number of its process."""
        return self.number if self.thread_of is None else self.thread_of
