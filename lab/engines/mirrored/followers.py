"""Declared primitives as a participant has them: each call is the model's first, then multiprocessing's own.

When the model says what a call comes to, it can be done at once, so the real one is given little time: it must come to
the same. Of Condition and Barrier there is no real one: multiprocessing's can't be made to wake one sleeper and not
another, so what the model says is all there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from multiprocessing import connection
from types import TracebackType
from typing import Any

from lab.engines.mirrored.channel import Channel, Gate, Key
from lab.engines.mirrored.outcome import Outcome, agree, outcome_of


class Follower:
    """One primitive; `real` is multiprocessing's."""

    def __init__(self, channel: Channel, key: Key, real: Any) -> None:
        self._channel, self.key, self.real = channel, key, real
        self._patience_s = channel.PATIENCE_S

    def _asked(self, method: str, *arguments: Any) -> Any:
        """What the model alone says."""
        return self._channel.ask("call", self.key, method, arguments).unwrap()

    def _followed(self, do: Callable[[Outcome], Any], method: str, *arguments: Any) -> Any:
        """What the model says, and then the real one does, which is told what that was."""
        modelled = self._channel.ask("call", self.key, method, arguments)
        real = outcome_of(lambda: do(modelled))
        if not agree(modelled, real):
            kind, name, _ = self.key
            self._channel.differ(f"{kind} {name!r}: {method} came to {modelled} in the model, and to {real}")
        return real.unwrap()


class _Acquired(Follower):
    """What is acquired and released."""

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """True once it is held."""
        return bool(self._followed(self._acquire, "acquire", block, timeout))

    def release(self) -> None:
        """Let go."""
        self._followed(lambda _: self.real.release(), "release")

    def _acquire(self, modelled: Outcome) -> bool:
        return bool(self.real.acquire(True, self._patience_s) if modelled.value else self.real.acquire(False))

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.release()


class FileLock(Follower):
    """`flock`."""

    def acquire(self, block: bool = True) -> bool:
        """True once it is held."""
        return bool(self._followed(lambda _: self.real.acquire(block=False), "acquire", block))

    def release(self) -> None:
        """Let go."""
        self._followed(lambda _: self.real.release(), "release")


class Event(Follower):
    """`Event`."""

    def is_set(self) -> bool:
        """True if it is set."""
        return bool(self._followed(lambda _: self.real.is_set(), "is_set"))

    def set(self) -> None:
        """Let all go who wait."""
        self._followed(lambda _: self.real.set(), "set")

    def clear(self) -> None:
        """Let nobody go who comes from now on."""
        self._followed(lambda _: self.real.clear(), "clear")

    def wait(self, timeout: float | None = None) -> bool:
        """True once it is set."""
        return bool(self._followed(lambda said: self.real.wait(self._patience_s if said.value else 0), "wait", timeout))


class Value(_Acquired):
    """`Value`, and under the same name its own lock."""

    @property
    def value(self) -> int:
        """The number."""
        return int(self._followed(lambda _: self.real.value, "value"))

    @value.setter
    def value(self, number: int) -> None:
        self._followed(lambda _: setattr(self.real, "value", number), "value", number)

    def get_lock(self) -> Value:
        """Its lock."""
        return self

    def get_obj(self) -> Any:
        """What multiprocessing has beneath: here the same."""
        return self


class Queue(Follower):
    """`Queue`."""

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        """Put it into the own buffer."""
        self._followed(lambda said: self._put(obj, said), "put", obj, block, timeout)

    def _put(self, obj: Any, said: Outcome) -> None:
        if said.error is None:
            self.real.put(obj, True, self._patience_s)
        else:
            self.real.put(obj, False)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """The next item."""
        return self._followed(self._get, "get", block, timeout)

    def _get(self, said: Outcome) -> Any:
        return self.real.get(True, self._patience_s) if said.error is None else self.real.get(False)

    def put_nowait(self, obj: Any) -> None:
        """`put` without waiting."""
        self.put(obj, False)

    def get_nowait(self) -> Any:
        """`get` without waiting."""
        return self.get(False)

    def empty(self) -> bool:
        """True if nothing was delivered that nobody has got yet."""
        return bool(self._followed(lambda _: self.real.empty(), "empty"))

    def full(self) -> bool:
        """True if a put would wait."""
        return bool(self._followed(lambda _: self.real.full(), "full"))

    def qsize(self) -> int:
        """How many were put that nobody has got yet."""
        return int(self._followed(lambda _: self.real.qsize(), "qsize"))

    def close(self) -> None:
        """Nothing: what was put is delivered anyhow."""

    def join_thread(self) -> None:
        """Nothing, for the same reason."""

    def cancel_join_thread(self) -> None:
        """Nothing, for the same reason."""


class End(Follower):
    """One end of a `Pipe`."""

    def send(self, obj: Any) -> None:
        """Send it."""
        self._followed(lambda _: self.real.send(obj), "send", obj)

    def recv(self) -> Any:
        """The next that was sent to this end."""
        return self._followed(lambda _: self._received(), "recv")

    def _received(self) -> Any:
        if not self.real.poll(self._patience_s):
            raise TimeoutError("nothing has come")
        return self.real.recv()

    def poll(self, timeout: float | None = 0.0) -> bool:
        """True once there is something to receive."""
        return bool(self._followed(lambda said: self.real.poll(self._patience_s if said.value else 0), "poll", timeout))


def wait(channel: Channel, ends: Sequence[End]) -> list[End]:
    """`multiprocessing.connection.wait`."""
    said = channel.ask("wait", [end.key for end in ends]).unwrap()
    ready = connection.wait([end.real for end in ends], timeout=0)
    found = [place for place, end in enumerate(ends) if end.real in ready]
    if found != said:
        channel.differ(f"wait: ends {said} are ready in the model, and {found}")
    return [ends[place] for place in found]


class Condition(Follower):
    """`Condition`, of which there is the model alone."""

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """True once it is held."""
        return bool(self._asked("acquire", block, timeout))

    def release(self) -> None:
        """Let go."""
        self._asked("release")

    def wait(self, timeout: float | None = None) -> bool:
        """Let go, sleep until notified, and take the lock again."""
        return bool(self._asked("wait", timeout))

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait until the predicate holds; its last value."""
        end_s = None if timeout is None else self._now_s() + timeout
        holds = predicate()
        while not holds:
            left_s = None if end_s is None else end_s - self._now_s()
            if left_s is not None and left_s <= 0:
                break
            is_notified = self.wait(left_s)
            holds = predicate()
            if not is_notified:
                break
        return holds

    def _now_s(self) -> float:
        return float(self._channel.ask("now").unwrap())

    def notify(self, n: int = 1) -> None:
        """Wake so many sleepers at most."""
        self._asked("notify", n)

    def notify_all(self) -> None:
        """Wake all sleepers."""
        self._asked("notify_all")

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.release()


class Barrier(Follower):
    """`Barrier`, of which there is the model alone."""

    def wait(self, timeout: float | None = None) -> int:
        """The number of this actor among those that passed together."""
        return int(self._asked("wait", timeout))

    def reset(self) -> None:
        """Empty again."""
        self._asked("reset")

    def abort(self) -> None:
        """Broken."""
        self._asked("abort")

    @property
    def parties(self) -> int:
        """How many pass together."""
        return int(self._asked("parties"))

    @property
    def n_waiting(self) -> int:
        """How many have arrived."""
        return int(self._asked("n_waiting"))

    @property
    def broken(self) -> bool:
        """True if it is broken."""
        return bool(self._asked("broken"))


MODEL_ALONE = ("condition", "barrier")
"""Kinds of which there is no real one here."""

_KINDS: dict[str, type[Follower]] = {
    "lock": _Acquired,
    "rlock": _Acquired,
    "semaphore": _Acquired,
    "bounded_semaphore": _Acquired,
    "file_lock": FileLock,
    "event": Event,
    "condition": Condition,
    "barrier": Barrier,
    "queue": Queue,
    "value": Value,
}


def followers(channel: Channel, primitives: Iterable[tuple[tuple[str, str], Any]]) -> dict[tuple[str, str], Any]:
    """What a body is handed for each declared primitive; behind each queue a gate is put into its feeder's way."""
    made: dict[tuple[str, str], Any] = {}
    gates: dict[str, Gate] = {}
    for (kind, name), real in primitives:
        if kind == "pipe":
            made[kind, name] = tuple(End(channel, (kind, name, part), end) for part, end in enumerate(real))
            continue
        if kind == "queue":
            gates[name] = real._wlock = Gate(real._wlock)
        made[kind, name] = _KINDS[kind](channel, (kind, name, None), real)
    channel.gates = gates
    return made
