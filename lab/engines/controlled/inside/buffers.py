"""The buffers of files: Python's own, which lock themselves while what they read or write waits for its turn.

Another thread of the process would wait at such a lock unseen, with nobody to let go of it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from lab.engines.controlled.inside.channel import me

_LOCKING = ("read", "read1", "readinto", "readinto1", "readline", "peek", "write", "flush", "seek", "tell", "truncate")


def _watched(name: str, raw: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *arguments: Any) -> Any:
        if not me.crowd:
            return raw(self, *arguments)
        user = self._user
        if user not in (None, me.number):
            me.abandon("a file that two threads use at the same time")
        self._user = me.number
        try:
            return raw(self, *arguments)
        finally:
            self._user = user

    method.__name__ = method.__qualname__ = name
    return method


def _kind(name: str) -> type:
    raw: Any = getattr(io, name)
    methods = {method: _watched(method, getattr(raw, method)) for method in _LOCKING if hasattr(raw, method)}
    return type(name, (raw,), {"_user": None, "__module__": raw.__module__, **methods})


KINDS = {name: _kind(name) for name in ("BufferedReader", "BufferedWriter", "BufferedRandom")}
"""By their names."""
