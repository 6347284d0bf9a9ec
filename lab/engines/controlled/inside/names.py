"""What is passed to a process that is not forked: primitives by their names, which end with the objects of their maker.

So who starts a process and lets go of its Lock before the new one has found it, as one does whose Lock is held by the
arguments alone, has lost it: that is a race as any other. What a context that forks has made can't be passed at all.
"""

from __future__ import annotations

import errno
import multiprocessing.context as context
import multiprocessing.util as util
import os
from typing import Any

from lab.engines.controlled.inside.channel import Private, me


def keep_name(thing: Any, identity: str) -> None:
    """The name ends with this object, or with the process."""
    util.Finalize(thing, _unlink, args=(identity,), exitpriority=0)


def _unlink(identity: str) -> None:
    me.ask("names", "unlink", identity)


def open_name(identity: str) -> None:
    """Find it; FileNotFoundError if its maker has let go of it."""
    if not me.ask("names", "open", identity):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def refuse(*, is_forked: bool) -> None:
    """RuntimeError for what a context that forks has made: by an older Python its user would crash."""
    if is_forked:
        raise RuntimeError(
            "A SemLock created in a fork context is being shared with a process in a spawn context. This is not "
            "supported. Please use the same context to create multiprocessing objects and Process."
        )


class Passable(Private):
    """A primitive other than a semaphore."""

    identity: str

    def __init_subclass__(cls) -> None:
        cls.__name__ = cls.__name__.removeprefix("Controlled")  # as messages call it

    def _begin(self, ctx: Any, kind: str, *arguments: Any) -> None:
        """Make it in the controller, as of this context."""
        self.identity = me.make(kind, *arguments)
        self._is_forked = (ctx or context._default_context).get_start_method() == "fork"
        if not self._is_forked:
            keep_name(self, self.identity)

    def __getstate__(self) -> dict[str, Any]:
        context.assert_spawning(self)
        refuse(is_forked=self._is_forked)
        return dict(vars(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        open_name(self.identity)
