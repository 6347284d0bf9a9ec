"""What a kernel knows of its actors: what each has announced, what that touches, and who waits for it."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from greenlet import greenlet

from lab.scheduler import Operation

Can = Callable[[], bool]
"""Tells whether a blocked operation can be done now."""


class Abandoned(BaseException):
    """Ends an actor whose execution is over. A body must let it pass, as it lets SystemExit pass."""


class Stuck(BaseException):
    """Ends an execution in which somebody went on for too long without an operation; a watchdog raises it."""


class Shared:
    """Something that operations touch, by its name; `waiters` are blocked on it, each with its turn."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.waiters: list[tuple[Actor, int]] = []
        self.is_mixed = False
        """True if not all waiters wait by one step, or one of them may have gone on by another way."""


class Step:
    """What an actor may announce, made once and announced often: it can be done while `can` holds (None: always)."""

    __slots__ = ("can", "is_data", "is_read", "kind", "names", "shared")

    def __init__(
        self, kind: str, *shared: Shared, is_read: bool = False, is_data: bool = False, can: Can | None = None
    ) -> None:
        self.kind = kind
        self.shared = shared
        self.names = tuple(part.name for part in shared)
        self.is_read = is_read
        self.is_data = is_data
        self.can = can


START, SLEEP = Step("start"), Step("sleep")


class Actor:
    """A participant and the step that it has announced; the same number means the same actor in every execution.

    `turn` counts what it has done: what was noted of it at an earlier turn is out of date.
    """

    __slots__ = (
        "body",
        "error",
        "has_timeout",
        "is_done",
        "is_service",
        "is_timed_out",
        "life",
        "line",
        "name",
        "number",
        "returned",
        "step",
        "turn",
    )

    def __init__(self) -> None:
        self.life: greenlet | None = None
        self.turn = 0

    def begin(self, number: int, name: str, body: Callable[[], Any], is_service: bool) -> None:
        """Take up a new body."""
        self.number = number
        self.name = name
        self.body = body
        self.is_service = is_service
        self.is_done = self.has_timeout = self.is_timed_out = False
        self.returned: Any = None
        self.error: BaseException | None = None
        self.step, self.line = START, ""

    def is_able(self) -> bool:
        """True if it could go on, be it by giving up."""
        return self.step.can is None or self.has_timeout or self.step.can()

    def operation(self, ready_at: float, is_timeout: bool = False) -> Operation:
        """What it has announced, or that it gives up waiting for it."""
        step = self.step
        if is_timeout:
            return Operation(self.number, step.kind, step.names, False, True, self.line, ready_at)
        return Operation(self.number, step.kind, step.names, step.is_read, False, self.line, ready_at, step.is_data)


_OWN = ("lab.engines.", "lab.store", "lab.world.", "contextlib")
_lines: dict[tuple[CodeType, int], str] = {}
"""What was found for each instruction that an actor has come through; empty for what is not its body's."""


def line_of(frame: FrameType | None) -> str:
    """The innermost source line that is neither an engine's nor a store's: the body's, or its guard's."""
    while frame is not None:
        place = frame.f_code, frame.f_lasti
        line = _lines.get(place)
        if line is None:
            is_own = str(frame.f_globals.get("__name__", "")).startswith(_OWN)
            name = frame.f_code.co_filename.rpartition("/")[2]
            line = _lines[place] = "" if is_own else f"{name}:{frame.f_lineno}"
        if line:
            return line
        frame = frame.f_back
    return ""
