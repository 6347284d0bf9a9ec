"""Futures of both kinds of executors: whoever waits for several meets them in an order that repeats."""

from __future__ import annotations

import concurrent.futures as futures
import concurrent.futures._base as base
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.executors import ControlledFuture, as_completed, wait

_raw_as_completed, _raw_wait = base.as_completed, base.wait
_numbers = count()


def _numbered(raw: Any) -> Any:
    def made(self: Any) -> None:
        self._lab_number = next(_numbers)
        raw(self)

    return made


def _number(future: Any) -> int:
    number: int = future._lab_number
    return number


def _are_of_processes(fs: Iterable[Any]) -> bool:
    """True if a pool of processes has them, False if threads do."""
    kinds = {isinstance(one, ControlledFuture) for one in fs}
    if len(kinds) > 1:
        me.abandon("a wait for the futures of processes and of threads")
    return True in kinds


def _as_completed(fs: Iterable[Any], timeout: float | None = None) -> Iterator[Any]:
    """`concurrent.futures.as_completed`."""
    fs = list(fs)
    return (as_completed if _are_of_processes(fs) else _raw_as_completed)(fs, timeout)


def _wait(fs: Iterable[Any], timeout: float | None = None, return_when: str = base.ALL_COMPLETED) -> Any:
    """`concurrent.futures.wait`."""
    fs = list(fs)
    return (wait if _are_of_processes(fs) else _raw_wait)(fs, timeout, return_when)


def install() -> None:
    """Before the script makes any."""
    future: Any = base.Future
    future.__init__, future.__hash__ = _numbered(future.__init__), _number
    # By addresses it orders the locks that it takes: these differ in every execution.
    own: Any = base
    own.id = _number
    places: Any = (futures, base)
    for place in places:
        place.as_completed, place.wait = _as_completed, _wait
