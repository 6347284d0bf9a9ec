"""Threads: each is a participant of its own, and of those of a process one alone runs.

The script, and what in Python's library holds a lock while something is awaited, get a module `threading` whose
primitives are controlled. Python's own one stays as it is beneath: what it needs to start and end a thread waits for
nothing that the controller decides.
"""

from __future__ import annotations

import _thread
import logging
import queue
import sys
import threading
from collections.abc import Callable
from concurrent.futures import _base
from contextlib import suppress
from functools import partial
from itertools import count
from types import ModuleType
from typing import Any

from lab.engines.controlled.inside import thread_locks, thread_signals
from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.clock import now_s, pass_s
from lab.engines.controlled.inside.program import told_by_thread

_Own: Any = threading
raw_start, raw_join, raw_is_alive = _Own.Thread.start, _Own.Thread.join, _Own.Thread.is_alive
raw_shutdown = _Own._shutdown
_started: dict[int, Any] = {}
"""The threads of this process by their numbers. None is forgotten: at its end nothing that it holds may be closed."""
_hashes = count()
_running: set[int] = set()
"""Those of which nobody in this process has seen the end, by an operation."""


class _Threading(ModuleType):
    """`threading` as the script sees it: what is not controlled is Python's own."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_Own, name)


class _Timer(threading.Timer):
    """`threading.Timer`, which waits at an Event that is controlled."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.finished = thread_signals.Event()  # type: ignore[assignment]


def are_several() -> bool:
    """True if threads of this process run besides the one that asks."""
    return bool(_running - {me.number}) or me.number != me.process


def after_fork() -> None:
    """In a new process, which has none of its parent's threads but the one that has forked it."""
    _started.clear()
    _running.clear()


def _start(self: Any) -> None:
    """`Thread.start`."""
    if not self._initialized or self.ident is not None:
        raw_start(self)  # which objects
        return
    number = me.next_child()
    # Python adds to a name of its own what the thread calls: `Thread-1 (buy)`.
    me.tell("thread", number, self.name.partition(" (")[0], self.daemon)
    self.run = partial(_run, self.run, me.start_thread(number))
    self._lab_number = number
    _started[number] = self
    _running.add(number)
    raw_start(self)


def _run(run: Callable[[], object], own: dict[str, Any]) -> None:
    me.enter(own)
    try:
        run()
    except BaseException as error:  # noqa: BLE001 - whatever a thread raises is an outcome
        hook = vars(_controlled).get("excepthook")
        if told_by_thread(error) and hook is not None:
            with suppress(Exception):
                hook(threading.ExceptHookArgs((type(error), error, error.__traceback__, threading.current_thread())))
    me.leave()


def _number(thread: Any) -> int | None:
    """By which the controller knows it; None if it is no thread that this process has started."""
    number: int | None = getattr(thread, "_lab_number", None)
    return number if number in _started else None


def _join(self: Any, timeout: float | None = None) -> None:
    """`Thread.join`."""
    number = _number(self)
    if number is None or number == me.number:
        if self is threading.main_thread() and me.number != me.process:
            me.abandon("a thread that waits for the end of the main thread")
        raw_join(self, timeout)
    elif timeout is None:
        _await(number)
    elif timeout > 0:
        if me.ask("processes", "join", number, True):
            _forget(number)
        else:
            pass_s(timeout)


def _await(number: int) -> None:
    if number in _running:
        me.ask("processes", "join", number, False)
        _forget(number)


def _forget(number: int) -> None:
    """It has ended: if it was the last besides the main thread, that is alone again."""
    _running.discard(number)
    if not _running:
        me.crowd = 0


def _is_alive(self: Any) -> bool:
    """`Thread.is_alive`."""
    number = _number(self)
    if number is None or number == me.number:
        return bool(raw_is_alive(self))
    if number in _running and me.ask("processes", "poll", number):
        _forget(number)
    return number in _running


def _enumerate() -> list[Any]:
    """`threading.enumerate`."""
    return [threading.main_thread(), *(thread for thread in _started.values() if _is_alive(thread))]


def _shutdown() -> None:
    """What a process does at its end: it waits for its threads but for the daemons."""
    if _started:
        _Own._SHUTTING_DOWN = True
        while _Own._threading_atexits:
            _Own._threading_atexits.pop()()
        while left := [one for one in sorted(_running) if one != me.number and not _started[one].daemon]:
            for number in left:
                _await(number)
    raw_shutdown()


def _hash(self: Any) -> int:
    """Of a Thread: by addresses, which differ in every execution, a set of them would be joined in another order."""
    if "_lab_hash" not in vars(self):
        self._lab_hash = next(_hashes)
    number: int = self._lab_hash
    return number


def _abandoned(*_: Any, **__: Any) -> Any:
    me.abandon("a thread that is not started by threading.Thread")


_controlled = _Threading("threading", threading.__doc__)
vars(_controlled).update(
    {
        name: getattr(module, name)
        for module, names in (
            (thread_locks, ("Lock", "RLock", "Semaphore", "BoundedSemaphore")),
            (thread_signals, ("Event", "Condition", "Barrier")),
        )
        for name in names
    },
    Timer=_Timer,
    enumerate=_enumerate,
    active_count=lambda: len(_enumerate()),
)


def install() -> None:
    """Before the script imports any of it."""
    _Own.Thread.start, _Own.Thread.join, _Own.Thread.is_alive = _start, _join, _is_alive
    _Own.Thread.__hash__ = _hash
    _Own._shutdown = _shutdown
    _thread.start_new_thread = _thread.start_new = _abandoned
    sys.modules["threading"] = _controlled
    queues: Any = queue
    logs: Any = logging
    futures: Any = _base
    for module in (queues, logs, futures):
        module.threading = _controlled
    queues.SimpleQueue, queues.time = queues._PySimpleQueue, now_s
    logs._lock = thread_locks.RLock()
