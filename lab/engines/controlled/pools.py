"""The state of a pool of workers: the tasks that wait, and the results that nobody has collected.

Workers take tasks in the order in which they were submitted; which worker takes which is a choice. A result has a place
of its own, so the ends of two tasks are in no conflict. Who waits for any of several gets the first by number: an order
in which a later one came first is the same as one in which it was collected earlier.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from lab.engines.controlled.step import Names, Step

Key = tuple[int, int]
"""Of a task and its result: the number of the job, and the place in it."""


class Pool:
    """The tasks and results of one pool."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._head, self._life = f"{name} (to the tasks)", f"{name} (to the workers)"
        self._tasks: deque[tuple[Key, Any]] = deque()
        self._results: dict[Key, Any] = {}
        self._closed = ""
        self._workers: set[int] = set()
        """Who was hired, and was not told to stop."""
        self._is_broken = False
        self._is_raced = False
        """True once somebody waits for any of several results, so that it matters which of them comes first."""

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """submit(key, data), close(word), collect(keys, is_any, has_timeout), look(keys).

        Of a worker: ready, take, next, give(key, data). Who collects gets results with their keys; none if the time is
        up, None if a worker has ended by itself.
        """
        if verb in ("ready", "next"):
            return Step(verb)
        if verb == "take":
            return Step(
                verb,
                do=lambda: self._take(actor),
                can=lambda: bool(self._tasks or self._closed),
                look=self._at_head,
                gives=False,
            )
        if verb == "submit":
            key, data = arguments
            return Step(verb, (self._task(key),), lambda: self._tasks.append((key, data)))
        if verb == "give":
            key, data = arguments
            kind = "offer" if self._is_raced else verb
            return Step(kind, (self._result(key),), lambda: self._results.update({key: data}), gives=False)
        if verb == "close":
            return Step(verb, (self._head,), lambda: self._close(*arguments))
        keys = arguments[0]
        names = tuple(self._result(key) for key in keys)
        if verb == "look":
            return Step(verb, names, lambda: self._collect(keys), is_read=True, gives=False)
        _, is_any, has_timeout = arguments
        self._is_raced |= is_any

        def is_there() -> bool:
            return (any if is_any else all)(key in self._results for key in keys) or self._is_broken

        give_up = (list) if has_timeout else None
        wanted = 1 if is_any else len(keys)
        return Step(
            verb,
            (*names, self._life),
            lambda: self._collect(keys, wanted),
            is_there,
            is_read=True,
            give_up=give_up,
            gives=False,
        )

    def _at_head(self) -> tuple[Names, bool]:
        if self._tasks:
            return (self._head, self._task(self._tasks[0][0])), False
        # Who is told to stop might have had what another took: so it reads the head.
        return (self._head,), bool(self._closed)

    def hire(self, actor: int) -> None:
        """It is a worker, whether it comes to take a task or not."""
        self._workers.add(actor)

    def _take(self, actor: int) -> tuple[Key, Any] | str:
        if self._tasks:
            return self._tasks.popleft()
        self._workers.discard(actor)
        return self._closed

    def _close(self, word: str) -> None:
        self._closed = self._closed or word

    def _collect(self, keys: list[Any], wanted: int = 0) -> Any:
        found = [(key, self._results[key]) for key in keys if key in self._results]
        if len(found) < wanted:
            return None
        return found[:wanted] if wanted else found

    def _task(self, key: Key) -> str:
        return f"{self.name} (to the task {key[0]}.{key[1]})"

    def _result(self, key: Key) -> str:
        return f"{self.name} (to the result {key[0]}.{key[1]})"

    def leave(self, actor: int) -> None:
        """Whoever ends without being told so has lost what it was at."""
        self._is_broken |= actor in self._workers

    def left_by(self, actor: int) -> Names:
        """Who waits for a result notices the end of a worker."""
        return (self._life,) if actor in self._workers else ()
