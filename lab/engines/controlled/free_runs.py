"""Runs of a script that nobody controls, each forked from a warm parent into a folder as new, and what they leave."""

from __future__ import annotations

import os
from collections.abc import Iterator
from marshal import loads
from pathlib import Path
from typing import Any

from lab.engines.controlled.actor import Actor, Raised
from lab.engines.controlled.ending import State, placeless, state_of
from lab.engines.controlled.folder import Folder
from lab.engines.controlled.inside.free import LENGTH
from lab.engines.controlled.parent import WarmParent
from lab.engines.controlled.source import Source

_MOST_KEPT = 1 << 20
"""Bytes of each output that are read."""
_ALL = "all"


class FreeRuns:
    """A warm parent, and the folder of its runs; who reads what a run has left makes it as new for the next."""

    def __init__(self, script: str, source: Source, arguments: list[str], *, orders_output: bool) -> None:
        self._parent = WarmParent(script, arguments, orders_output=orders_output, is_free=True)
        self.root = self._parent.root
        try:
            Folder(f"{self.root}/run", source).restore()
            self._parent.start()
        except BaseException:
            self._parent.close()
            raise

    def run(self, *, is_serial: bool = False, timeout_s: float | None = None) -> tuple[float, float] | None:
        """Run it once, to its end; its wall and its processor seconds, None if that took too long.

        If serial, each process waits at its start until the one before has ended.
        """
        return self._parent.run_free(is_serial=is_serial, timeout_s=timeout_s)

    def close(self) -> None:
        """End whatever runs, and remove the folder."""
        self._parent.close()


class Left:
    """What the runs under one root leave: read it after a run, then make the folder as new."""

    def __init__(self, root: str, source: Source) -> None:
        self.root = root
        self._folder = Folder(f"{root}/run", source)

    def read(self) -> tuple[list[Actor], State]:
        """The processes of the run that has ended, and its state."""
        actors = self._actors()
        output = self._printed(_ALL)
        for actor in actors:
            actor.output = [(1, self._printed(str(actor.number)))]
        each = b"".join(data for actor in actors for _, data in actor.output)
        state = state_of(actors, self._folder.changes(), [output or each])
        if output:  # which process has printed what, nobody tells
            state = state._replace(printed={"the script": output})
        return actors, placeless(state, self.root)

    def restore(self) -> None:
        """Make all as new."""
        self._folder.restore()
        for name in os.listdir(f"{self.root}/diaries"):  # noqa: PTH208 - as fast as it goes
            os.unlink(f"{self.root}/diaries/{name}")  # noqa: PTH108
        Folder(f"{self.root}/tmp", {}).restore()

    def _printed(self, name: str) -> bytes:
        try:
            with open(f"{self.root}/diaries/{name}.1", "rb") as file:  # noqa: PTH123
                return file.read(_MOST_KEPT)
        except FileNotFoundError:
            return b""

    def _actors(self) -> list[Actor]:
        actors = {0: Actor(0, "main", -1)}
        for path in Path(f"{self.root}/diaries").iterdir():
            if path.suffix:
                continue
            number = int(path.name)
            actors.setdefault(number, Actor(number, f"process {number}", number // 1000))
            for verb, arguments in _entries(path.read_bytes()):
                _learn(actors, number, verb, arguments)
        return [actors[number] for number in sorted(actors)]


def _learn(actors: dict[int, Actor], number: int, verb: str, arguments: tuple[Any, ...]) -> None:
    """Take an entry of the diary of the process with this number."""

    def known(other: int) -> Actor:
        return actors.setdefault(other, Actor(other, f"process {other}", other // 1000))

    if verb == "name":
        known(number).name = arguments[0]
    elif verb == "fork":
        child, name = arguments
        known(child).name = name or known(child).name
    elif verb == "raised":
        known(number).raised = Raised(*arguments)
    elif verb == "threads":
        known(number).has_threads = True
    elif verb == "exit":
        known(number).code = arguments[0]
    elif verb == "reaped":
        child, code = arguments
        known(child).code = code
    elif verb == "kill":
        known(arguments[0]).killed_by = (number, 0)


def _entries(diary: bytes) -> Iterator[tuple[str, tuple[Any, ...]]]:
    place = 0
    while place + LENGTH.size <= len(diary):
        (size,) = LENGTH.unpack_from(diary, place)
        place += LENGTH.size
        if place + size > len(diary):
            return
        entry = loads(diary[place : place + size])
        place += size
        if len(entry) > 2:  # the first tells a controller who speaks
            yield entry[2], entry[3]
