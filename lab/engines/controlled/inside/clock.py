"""Time: a clock for each process, which its own sleeps move and nothing else does.

In exploration a sleep orders nothing, so it is no operation. What the clock says was one of many courses of time: a
script that looks at it can't be proved.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

from lab.engines.controlled.inside.channel import me

_START_S = 1_700_000_000.0
_TICK_S = 1e-6


def now_s() -> float:
    """The time of this process, in seconds from its start; it moves a little whenever it is asked for."""
    me.slept_s += _TICK_S
    return me.slept_s


def pass_s(seconds: float) -> None:
    """Let time pass for this process."""
    me.slept_s += max(0.0, float(seconds))


def _sleep(seconds: Any) -> None:
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    pass_s(seconds)
    me.told("sleep", float(seconds))


def _doubtful(name: str, of: Callable[[float], Any]) -> Callable[[], Any]:
    def read() -> Any:
        line = me.line()
        if line and line not in _seen:
            _seen.add(line)
            me.tell("clock", line)
        return of(now_s())

    read.__name__ = read.__qualname__ = name
    return read


_seen: set[str] = set()


def _dates() -> None:
    """`datetime` reads the clock in C: its classes get subclasses that ask here."""

    class Date(dt.date):
        @classmethod
        def today(cls) -> Any:
            return cls.fromtimestamp(time.time())

    class Moment(dt.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls.fromtimestamp(time.time(), tz)

        @classmethod
        def utcnow(cls) -> Any:
            return cls.fromtimestamp(time.time(), dt.UTC).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            return cls.fromtimestamp(time.time())

    for kind, name in ((Date, "date"), (Moment, "datetime")):
        kind.__name__ = kind.__qualname__ = name
        kind.__module__ = "datetime"
        setattr(dt, name, kind)


def install() -> None:
    """Before the script imports any of it."""
    _dates()
    time.sleep = _sleep
    for name, start_s in (("time", _START_S), ("monotonic", 0.0), ("perf_counter", 0.0), ("process_time", 0.0)):
        setattr(time, name, _doubtful(name, lambda now, start_s=start_s: start_s + now))  # type: ignore[misc]
        in_ns = _doubtful(f"{name}_ns", lambda now, start_s=start_s: int((start_s + now) * 1e9))  # type: ignore[misc]
        setattr(time, f"{name}_ns", in_ns)
