"""An execution that is controlled: all wrappers in the place of what they wrap, in an order on which they rely."""

from __future__ import annotations

import gc

from lab.engines.controlled.inside import (
    audit,
    blocks,
    chance,
    clock,
    databases,
    descriptors,
    entries,
    executors,
    files,
    futures,
    pipes,
    pools,
    processes,
    queues,
    rehearsal,
    semaphores,
    signals,
    spawned,
    starting,
    template,
    threads,
    values,
)
from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.line import Line

_WRAPPERS = (
    clock,
    chance,
    descriptors,
    files,
    entries,
    databases,
    semaphores,
    signals,
    queues,
    pipes,
    values,
    blocks,
    processes,
    starting,
    pools,
    executors,
    futures,
    threads,
    template,
    audit,
)


def install(script: str) -> None:
    """In the warm parent of a script."""
    for wrapper in _WRAPPERS:
        wrapper.install()
    # When it runs depends on all that was ever allocated; and what it finds may ask the controller.
    gc.disable()
    chance.harmless_lines(script)


def rehearse(path: str) -> None:
    """Do what processes do, with a file of this path."""
    rehearsal.rehearse(path, processes)


def begin(command: bytes, line: Line) -> None:
    """In the process that is to run the script."""
    line.leave()
    spawned.current.line = line
    me.keeps_history = command == b"history"
    chance.after_fork()
    me.connect()
