"""Shared memory: values and arrays. Their bytes are the real ones; here is only what an access touches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.engines.controlled.semaphores import Semaphore
from lab.engines.controlled.step import Lasting, Names, Step


class Memory(Lasting):
    """A value, or an array of places that are told apart."""

    def __init__(self, name: str, models: Mapping[str, Any]) -> None:
        self.name = name
        self._models = models

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """Read or write(lock, places): with a lock that others hold it must wait, since it takes it for the access."""
        identity, places = arguments
        names = tuple(f"{self.name}[{place}]" for place in places) if places else (self.name,)
        lock: Semaphore | None = self._models[identity] if identity else None
        can = None
        if lock is not None:
            held = lock
            names = (*names, lock.name)
            can = lambda: held.value > 0  # noqa: E731
        return Step(verb, names, lambda: None, can, is_read=verb == "read", is_data=True, gives=False)


class Blocks(Lasting):
    """Blocks of shared memory by name: their names, their sizes, and the places of each that are told apart.

    One that is made under a name that was unlinked is taken for the same: who uses the old one is ordered too much.
    """

    name = "blocks"

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """create, attach, unlink, size, resize(name); read or write(name, places, whether all of each is touched)."""
        name = arguments[0]
        if verb in ("size", "resize"):
            return Step(verb, (f"size {name!r}",), is_read=verb == "size", gives=False)
        if verb in ("read", "write"):
            places, is_exact = arguments[1:]
            return Step(verb, _named(name, places), is_read=verb == "read", is_data=is_exact, gives=False)
        return Step(verb, (f"name {name!r}",), is_read=verb == "attach", gives=False)


def _named(name: str, places: list[tuple[int, int]]) -> Names:
    ranges = (f"{start}" if end == start + 1 else f"{start}:{end}" for start, end in places)
    return tuple(f"block {name!r}[{place}]" for place in ranges)
