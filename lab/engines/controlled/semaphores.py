"""The state of semaphores, which all locks of multiprocessing are, and of locks on files."""

from __future__ import annotations

from typing import Any

from lab.engines.controlled.step import Lasting, Names, Step


class Semaphore(Lasting):
    """A count; `holders` took it last, for who wants to know why nobody can."""

    def __init__(self, name: str, value: int, most: int) -> None:
        self.name = name
        self.value = value
        self.most = most
        self.holders: list[int] = []

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """acquire(blocks, has_timeout), release(count), value."""
        names = (self.name,)
        if verb == "acquire":
            blocks, has_timeout = arguments
            if not blocks:
                return Step("try to acquire", names, lambda: self.value > 0 and self.take(actor))
            give_up = (lambda: False) if has_timeout else None
            return Step("acquire", names, lambda: self.take(actor), lambda: self.value > 0, give_up=give_up)
        if verb == "release":
            return Step("release", names, lambda: self.give(actor, *arguments))
        return Step("value", names, lambda: self.value, is_read=True)

    def take(self, actor: int) -> bool:
        """One less."""
        self.value -= 1
        self.holders.append(actor)
        return True

    def give(self, actor: int, count: int = 1) -> bool:
        """So many more; False if that were more than there may be."""
        if self.value + count > self.most:
            return False
        self.value += count
        for _ in range(min(count, len(self.holders))):
            self.holders.remove(actor if actor in self.holders else self.holders[0])
        return True


class SemaphoreNames(Lasting):
    """The names by which processes that are not forked find what they are passed, until its maker lets go of it."""

    name = "names"

    def __init__(self) -> None:
        self._gone: set[str] = set()

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """open(identity), which gives False if there is none any more; unlink(identity)."""
        identity = arguments[0]
        names = (f"name of {identity}",)
        if verb == "open":
            return Step(verb, names, lambda: identity not in self._gone, is_read=True)
        return Step(verb, names, lambda: self._gone.add(identity))


class FileLocks:
    """Locks on whole files, by inode: one owner, or several that share. They end with their process."""

    name = "file locks"

    def __init__(self) -> None:
        self._alone: dict[int, int] = {}
        self._shared: dict[int, set[int]] = {}
        self._names: dict[int, str] = {}

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """lock(inode, path, owner, is_shared, blocks), unlock(inode, path, owner), leave(inode, path, owner)."""
        inode, path, owner = arguments[:3]
        name = self._names.setdefault(inode, f"lock on {path.rpartition('/')[2]!r}")
        if verb != "lock":
            return Step("unlock", (name,), lambda: self._unlock(owner, inode))
        is_shared, blocks = arguments[3:]

        def can() -> bool:
            holder = self._alone.get(inode, owner)
            return holder == owner and (is_shared or self._shared.get(inode, set()) <= {owner})

        def do() -> bool:
            if not can():
                return False
            self._unlock(owner, inode)
            if is_shared:
                self._shared.setdefault(inode, set()).add(owner)
            else:
                self._alone[inode] = owner
            return True

        return Step("lock" if blocks else "try to lock", (name,), do, can if blocks else None)

    def _unlock(self, owner: int, inode: int) -> None:
        if self._alone.get(inode) == owner:
            del self._alone[inode]
        self._shared.get(inode, set()).discard(owner)

    def leave(self, actor: int) -> None:
        """All its locks end."""
        for inode in self._names:
            self._unlock(actor, inode)

    def left_by(self, actor: int) -> Names:
        """The locks that it holds."""
        return tuple(
            name
            for inode, name in self._names.items()
            if self._alone.get(inode) == actor or actor in self._shared.get(inode, ())
        )
