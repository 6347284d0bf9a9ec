"""The guards, each by the name that the command line and the tables give it."""

from __future__ import annotations

import re

from lab.errors import SHOWN_BY_LIST, UsageError, unknown_name
from lab.guard import CountedGuard, Guard
from lab.guards.event import EventGuard
from lab.guards.locks import BoundedSemaphoreGuard, FileLockGuard, LockGuard, RLockGuard, SemaphoreGuard
from lab.guards.none import NoGuard
from lab.guards.optimistic import OptimisticGuard
from lab.guards.owner import PipeGuard, PoolGuard, QueueGuard
from lab.guards.transaction import TransactionGuard

GUARDS: dict[str, type[Guard]] = {
    guard.name: guard
    for guard in (
        NoGuard,
        LockGuard,
        RLockGuard,
        SemaphoreGuard,
        BoundedSemaphoreGuard,
        FileLockGuard,
        QueueGuard,
        PipeGuard,
        PoolGuard,
        OptimisticGuard,
        TransactionGuard,
        EventGuard,
    )
}

LARGEST_COUNT = 1000


def family(text: str) -> str:
    """The name before the number: `semaphore` of `semaphore(4)`."""
    return text.partition("(")[0].strip()


def guard_named(text: str) -> Guard:
    """The guard that a text such as `lock` or `semaphore(4)` names; UsageError if it names none."""
    match = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", text)
    name, argument = (match[1], match[2]) if match else (text, None)
    if name not in GUARDS:
        raise unknown_name("guard", text, GUARDS, SHOWN_BY_LIST)
    guard = GUARDS[name]
    if not issubclass(guard, CountedGuard):
        if argument is not None:
            raise UsageError(f"guard {text!r}: {name} takes no number. Try {name}.")
        return guard()
    if argument is None or not argument.strip().isdecimal() or not 1 <= int(argument) <= LARGEST_COUNT:
        raise UsageError(
            f"guard {text!r}: expected {name} with a whole number from 1 to {LARGEST_COUNT}. Try {name}(4)."
        )
    return guard(int(argument))
