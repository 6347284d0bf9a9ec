"""What the kinds of operations mean: what each orders, who holds what by it, what it waits for, and its words.

The one table of these words: an engine announces operations by them, and whoever reads a history looks here. Knows
neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from lab.scheduler import Event, Operation
from lab.store import BUSY


class Effect(StrEnum):
    """What an operation that is done does to the order of a history."""

    NONE = "none"
    ACQUIRE = "acquire"
    """After the last release."""
    RELEASE = "release"
    """Before the next acquire, in place of the release before."""
    ADD = "add"
    """As RELEASE, and those before it count as well."""
    EXCHANGE = "exchange"
    """ACQUIRE, and then RELEASE."""
    FORGET = "forget"
    """No release counts any more."""
    TAKE = "take"
    """After the release of the permit that is taken: the one that lay there longest. At first there are some."""
    GIVE = "give"
    PUT = "put"
    GET = "get"
    """After the put of the item that is got, which came first; and where there is a size, its room is a permit."""
    SLEEP = "sleep"
    """RELEASE, and wait to be notified."""
    NOTIFY = "notify"
    WAKE = "wake"
    """ACQUIRE, after a notification."""
    ARRIVE = "arrive"
    PASS = "pass"
    """After all who arrived in the same round."""


class Meaning(NamedTuple):
    """What one kind of operation means to one family of objects."""

    effect: Effect = Effect.NONE
    holding: int = 0
    """1 if its actor holds the object from then on, -1 if it lets go."""
    failures: tuple[str, ...] = ()
    """How the results begin that tell that it came to nothing."""
    remedy: str = ""
    """What another actor does to the object to end the wait for this; empty if it never waits."""
    joint: str = ""
    """Between what is passed on and the object: `put 1 into ...`; empty if nothing is."""
    past: str = ""
    """`wrote`, of an access to data."""
    perfect: str = ""
    """`written`."""


_NO = ("False",)
_REFUSED = ("ValueError(", "AssertionError(")
_BUSY = (repr(BUSY),)
_BROKEN = ("BrokenBarrierError(",)
_FULL, _EMPTY = ("Full(",), ("Empty(",)


def _access(effect: Effect, past: str, perfect: str = "") -> Meaning:
    return Meaning(effect, failures=_BUSY, past=past, perfect=perfect or past)


_STORE = {
    "read": _access(Effect.ACQUIRE, "read"),
    "truncate": _access(Effect.ADD, "emptied"),
    "write": _access(Effect.ADD, "wrote", "written"),
    "replace": _access(Effect.ADD, "replaced"),
    "append": _access(Effect.ADD, "appended to"),
    "read version": _access(Effect.ACQUIRE, "read the version of"),
    "compare version": _access(Effect.ACQUIRE, "compared the version of"),
    "claim": _access(Effect.EXCHANGE, "claimed"),
    "lock": _access(Effect.EXCHANGE, "locked"),
    "write if": _access(Effect.EXCHANGE, "wrote", "written"),
    "begin": Meaning(Effect.ACQUIRE, 1, _BUSY, "commit to"),
    "commit": Meaning(Effect.ADD, -1, _BUSY),
    "rollback": Meaning(Effect.ADD, -1, _BUSY),
}
# What order an access to a plain file, or to shared memory, makes nobody says: only its words are told.
_FILE = {
    kind: Meaning(Effect.EXCHANGE, past=past, perfect=perfect)
    for kind, past, perfect in (
        ("read", "read", "read"),
        ("write", "wrote", "written"),
        ("append", "appended to", "appended to"),
        ("truncate", "emptied", "emptied"),
    )
}
_LOCK = {
    "acquire": Meaning(Effect.ACQUIRE, 1, _NO, "release"),
    "try to acquire": Meaning(Effect.ACQUIRE, 1, _NO),
    "release": Meaning(Effect.RELEASE, -1, _REFUSED),
}
_RLOCK = {**_LOCK, "acquire again": Meaning(), "release once": Meaning()}
_SEMAPHORE = {
    "acquire": Meaning(Effect.TAKE, 1, _NO, "release"),
    "try to acquire": Meaning(Effect.TAKE, 1, _NO),
    "release": Meaning(Effect.GIVE, -1, _REFUSED),
}
_NAME = {
    "open": Meaning(Effect.ACQUIRE, 0, _NO),
    "unlink": Meaning(Effect.ADD),
}
# The entry of a file in its folder. To open or replace a file is an access as well: see `accessed`.
_REPLACES = ("replace", "rename")
_ENTRY = {
    "open": Meaning(Effect.EXCHANGE, past="opened", perfect="opened"),
    **{kind: Meaning(Effect.EXCHANGE, past="replaced", perfect="replaced") for kind in _REPLACES},
}
_EVENT = {
    "set": Meaning(Effect.ADD),
    "clear": Meaning(Effect.FORGET),
    "wait": Meaning(Effect.ACQUIRE, 0, _NO, "set"),
    "is_set": Meaning(Effect.ACQUIRE, 0, _NO),
}
_CONDITION = {
    # Who notifies holds the lock, so one clock tells of the lock and of the notifications.
    **_RLOCK,
    "wait": Meaning(Effect.SLEEP, -1),
    "wake": Meaning(Effect.WAKE, 1, _NO, "notify"),
    "reacquire": Meaning(Effect.ACQUIRE, 1, (), "release"),
    "notify": Meaning(Effect.NOTIFY),
}
_BARRIER = {
    "arrive": Meaning(Effect.ARRIVE, 0, _BROKEN),
    "pass": Meaning(Effect.PASS, 0, _BROKEN, "arrive at"),
    "abort": Meaning(),
    "reset": Meaning(Effect.FORGET),
    "look": Meaning(),
}
# A put reaches the actor's own buffer, from which its feeder delivers; both touch the queue only if it has a size.
_BUFFER = {
    "put": Meaning(Effect.PUT, 0, _FULL, joint="into"),
    "try to put": Meaning(Effect.PUT, 0, _FULL, joint="into"),
    "deliver": Meaning(Effect.GET, joint="into"),
    "full": Meaning(),
    "qsize": Meaning(),
}
_QUEUE = {
    "put": Meaning(Effect.TAKE, 0, _FULL, "get from"),
    "try to put": Meaning(Effect.TAKE, 0, _FULL),
    "deliver": Meaning(Effect.PUT),
    "get": Meaning(Effect.GET, 0, _EMPTY, "put into", "from"),
    "try to get": Meaning(Effect.GET, 0, _EMPTY, joint="from"),
    "empty": Meaning(),
    "full": Meaning(),
    "qsize": Meaning(),
}
_PIPE = {
    "send": Meaning(Effect.PUT, joint="into"),
    "recv": Meaning(Effect.GET, 0, (), "send into", "from"),
    "poll": Meaning(remedy="send into"),
    "wait": Meaning(remedy="send into"),
}

# Tasks that go out to workers, and results that come in, each in a place of its own.
_POOL = {
    "submit": Meaning(Effect.EXCHANGE, joint="to pool"),
    "take": Meaning(Effect.EXCHANGE, joint="from pool", remedy="submit to"),
    "give": Meaning(Effect.EXCHANGE, joint="to pool"),
    "offer": Meaning(Effect.EXCHANGE, joint="to pool"),
    "collect": Meaning(Effect.EXCHANGE, joint="from pool", remedy="give to"),
    "look": Meaning(Effect.EXCHANGE, joint="into pool"),
    "close": Meaning(Effect.EXCHANGE, joint="pool"),
}

ENTRY = "entry"
"""The family of what names files in their folders."""

_KINDS: dict[str, dict[str, Meaning]] = {
    "store": _STORE,
    "lock": _LOCK,
    "rlock": _RLOCK,
    "file": _FILE,
    "block": _FILE,
    "file_lock": {**_LOCK, "acquire again": Meaning()},
    "semaphore": _SEMAPHORE,
    "bounded_semaphore": _SEMAPHORE,
    "name": _NAME,
    ENTRY: _ENTRY,
    "event": _EVENT,
    "condition": _CONDITION,
    "barrier": _BARRIER,
    "buffer": _BUFFER,
    "queue": _QUEUE,
    "pipe": _PIPE,
    "pool": _POOL,
    "value": {**_RLOCK, "read": _STORE["read"], "write": _STORE["write"]},
    "notes": {"note": Meaning()},
}

_UNKNOWN = Meaning(Effect.EXCHANGE)
"""Of a kind that is not in the table: better a conflict that is not told than one that is none."""

LOCKS = frozenset({"lock", "rlock", "semaphore", "bounded_semaphore"})
"""The families of what an access to data may take and give back."""

FAINT = ("sleep", "note")
"""Kinds that concern nobody else."""

EMPTIES = "truncate"
"""The kind after which a reader finds half a record."""

LIFE = "life of "
"""What the end of a process and an operation of a daemon thread have in common: one before the other, or never."""

_FEEDER, _BUFFER_OF = "feeder of ", " buffer of "


@lru_cache(maxsize=4096)
def family(name: str) -> str:
    """What sort of thing an object is, by its name: `lock` of `lock 'guard'`."""
    return "buffer" if _BUFFER_OF in name else name.partition(" ")[0]


def told_of(names: Sequence[str]) -> list[str]:
    """The objects that are told of.

    Not the life of a daemon thread, which it touches by whatever it does; and of a file by its name neither the folders
    in which that stands nor the data to which it leads.
    """
    told = [name for name in names if not name.startswith(LIFE)]
    return [name for name in told if family(name) == ENTRY] or told


def accessed(event: Event) -> Sequence[str]:
    """What an operation accesses as data: the objects of a plain access, and the file that is opened or replaced.

    Who replaces a file after another has opened it replaces what that one goes by: so an entry is data there, as well
    as what orders. Where entries are locks or flags, made and removed and looked for, they only order.
    """
    operation = event.operation
    if operation.is_data:
        return operation.objects
    is_opened, is_replaced = operation.kind == "open" and operation.is_read, operation.kind in _REPLACES
    if not (is_opened or is_replaced) or event.result:  # what is told of these is that they came to nothing
        return ()
    found = _entries(operation)
    return found[-1:] if is_opened or len(found) > 1 else ()  # a file that replaces itself is as it was


def removed(event: Event) -> str | None:
    """The file that is there no more, by its name; None if none was removed."""
    files = _renamed_or_removed(event, ("unlink", "remove"))
    return files[-1] if files else None


def replaced(event: Event) -> tuple[str, str] | None:
    """The file that has taken the place of another, and that other, by their names; None if none has."""
    files = _renamed_or_removed(event, _REPLACES)
    return (files[0], files[-1]) if len(files) > 1 else None


def _renamed_or_removed(event: Event, kinds: tuple[str, ...]) -> list[str]:
    """The files of an operation of these kinds that has come to something; semaphores and blocks are no files."""
    operation = event.operation
    is_done = operation.kind in kinds and not operation.is_data and not event.result
    return [file_of(name) for name in _entries(operation)] if is_done else []


def file_of(entry: str) -> str:
    """The file that this entry of a folder leads to, by its name."""
    return entry.replace(ENTRY, "file", 1)


def _entries(operation: Operation) -> list[str]:
    return [name for name in operation.objects if family(name) == ENTRY]


def shown(name: str) -> str:
    """An object as people call it: the queue of a buffer, the pipe of one of its directions, a folder of all kinds."""
    if name.startswith("folder "):
        return name.rpartition(" ")[0]
    return "the store" if name == "store" else name.partition(_BUFFER_OF)[0].partition(" (to the ")[0]


@lru_cache(maxsize=4096)
def meaning(kind: str, name: str) -> Meaning:
    """What an operation of this kind means to the object of this name."""
    return _KINDS.get(family(name), {}).get(kind, _UNKNOWN)


def is_vain(event: Event, what: Meaning) -> bool:
    """True if an operation that means this came to nothing: its time was up, or a try failed."""
    return (event.operation.is_timeout and event.result != "True") or event.result.startswith(what.failures)


def fed(names: Mapping[int, str]) -> dict[int, int]:
    """For each feeder (the thread behind a process's end of a queue), whose it is; read from its name."""
    numbers = {name: number for number, name in names.items()}
    return {
        number: numbers[owner]
        for number, name in names.items()
        if name.startswith(_FEEDER) and (owner := name[name.rfind("(") + 1 : -1]) in numbers
    }
