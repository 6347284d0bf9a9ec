"""SQLite databases: what each operation touches, and when a try that found one busy may be made again.

The databases themselves are real, and so are their locks: a participant finds out for itself whether one is busy.
"""

from __future__ import annotations

from lab.engines.controlled.step import Names, Step


class Databases:
    """All databases of an execution, whose folders lie under `root`."""

    name = "databases"

    def __init__(self, root: str) -> None:
        self._own = f"{root}/run/"
        self._changes: dict[str, int] = {}
        """How often something was done to each that may have let somebody go on."""
        self._since: dict[tuple[int, str], int] = {}
        """The changes that an actor had seen when it last found one busy."""
        self._held: dict[str, set[int]] = {}
        """Who has a transaction open in which it has read or written."""
        self.were_busy = False
        """True if somebody has waited."""

    def step(self, actor: int, verb: str, arguments: tuple[str, ...]) -> Step:
        """do(path, kind, is_read), do again(path, kind)."""
        path, kind = arguments[:2]
        names = (self._called(path),)
        if verb == "do":
            is_read = bool(arguments[2])
            return Step(kind, names, lambda: self._done(path, is_read), is_read=is_read, gives=False)
        self.were_busy = True
        return Step(
            f"{kind} again",
            names,
            lambda: self._done(path, False),
            lambda: self._changes[path] != self._since[actor, path],
            give_up=lambda: False,
            is_last_resort=True,
            gives=False,
        )

    def _done(self, path: str, is_read: bool) -> bool:
        self._changes[path] = self._changes.get(path, 0) + (not is_read)
        return True

    def told(self, actor: int, path: str, is_busy: bool, is_held: bool) -> None:
        """What an operation came to: it found the database busy, and so did nothing, or it took or let go of locks."""
        if is_busy:
            self._changes[path] = self._changes.get(path, 0) - 1
            self._since[actor, path] = self._changes[path]
        elif is_held:
            self._held.setdefault(path, set()).add(actor)
        else:
            self._held.get(path, set()).discard(actor)

    def leave(self, actor: int) -> None:
        """What it had open is rolled back."""
        for path, holders in self._held.items():
            if actor in holders:
                holders.discard(actor)
                self._done(path, False)

    def left_by(self, actor: int) -> Names:
        """The databases in which it has a transaction open."""
        return tuple(self._called(path) for path, holders in self._held.items() if actor in holders)

    def _called(self, path: str) -> str:
        return f"database {path.removeprefix(self._own)!r}"
