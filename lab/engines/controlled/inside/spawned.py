"""A process that was started by spawn or forkserver, from its first moment: it imports the script and runs its target.

It begins where the warm parent stands, and finds there no more of the script than a new interpreter would.
"""

from __future__ import annotations

import atexit
import io
import multiprocessing.forkserver as forkserver
import multiprocessing.process as process
import multiprocessing.spawn as spawn
import os
import pickle
import runpy
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple, NoReturn

from lab.engines.controlled.inside import blocks, chance, program
from lab.engines.controlled.inside.channel import me, raw_exit
from lab.engines.controlled.inside.line import Line
from lab.engines.controlled.inside.processes import controlled_exit
from lab.engines.controlled.inside.queues import unpacked

_PRELOADS_MAIN = "init_main_from_path" in forkserver.ForkServer.ensure_running.__code__.co_consts
"""Of an older Python the server means to import the main module, but looks for its path under another name."""


class Home(NamedTuple):
    """What an interpreter has of the process that starts it; of a server, with the modules that it has imported."""

    is_server: bool
    folder: str
    environment: dict[str, str]
    mask: int
    ignored: list[int]
    preloaded: list[str]


class Birth(NamedTuple):
    """All that a process begins with: `held` are the ends of pipes, `data` what Python would send to it."""

    number: int
    keeps_history: bool
    slept_s: float
    held: list[tuple[str, int]]
    home: Home
    data: bytes


class _Current:
    """What the process at hand starts others by: the line to the warm parent, and the server if there is one."""

    line: Line
    server: tuple[int, Home] | None = None
    """Who has started it, and what it has."""


current = _Current()


class Passed:
    """A descriptor that is passed, by its place among all."""

    found: list[int]

    def __init__(self, place: int) -> None:
        self._place = place

    def detach(self) -> int:
        """Its number here."""
        return Passed.found[self._place]


def live(line: Line, request: Any, descriptors: list[int], script: program.Script) -> NoReturn:
    """The whole life of the process."""
    status = 70
    try:
        birth: Birth = pickle.loads(unpacked(request))
        current.line, Passed.found = line, descriptors
        _begin(birth)
        module: Any = spawn
        module.runpy = SimpleNamespace(run_module=runpy.run_module, run_path=partial(_run_path, script))
        status = program.ended(lambda: _served(birth) if birth.home.is_server else _bootstrapped(birth))
        controlled_exit(status)
    finally:
        raw_exit(status)


def _begin(birth: Birth) -> None:
    me.keeps_history, me.slept_s = birth.keeps_history, birth.slept_s
    if birth.home.environment != os.environ:
        os.environ.clear()
        os.environ.update(birth.home.environment)
    os.umask(birth.home.mask)
    with suppress(OSError):  # what is to be there is tried again, as Python does it
        os.chdir(birth.home.folder)
    for number in birth.home.ignored:
        signal.signal(number, signal.SIG_IGN)
    blocks.share_tracker()
    me.become(birth.number)
    chance.after_fork()
    # Held from the start, and not only from when they are found.
    if birth.held:
        me.tell("hold", birth.held)
        me.messages = 0
    sys.modules["__main__"] = ModuleType("__main__")


def _run_path(script: program.Script, path: str, run_name: str) -> Any:
    """`runpy.run_path`, of what is compiled already."""
    is_script = False
    with me, suppress(OSError), io.open_code(path) as file:
        is_script = (path, file.read()) == script[:2]
    if not is_script:
        me.doubt(f"{os.path.basename(path)}, which the script has changed or put into its own place")  # noqa: PTH119
        return runpy.run_path(path, run_name=run_name)
    runner: Any = runpy
    return runner._run_module_code(script.code, None, run_name, pkg_name="", script_name=script.path)


def _bootstrapped(birth: Birth) -> int:
    stream = io.BytesIO(birth.data)
    own: Any = process.current_process()
    own._inheriting = True
    try:
        preparation = pickle.load(stream)
        if birth.home.preloaded:
            spawn.prepare({name: value for name, value in preparation.items() if not name.startswith("init_main")})
            _preload(birth.home.preloaded, preparation.get("init_main_from_path"))
        spawn.prepare(preparation)
        messages = me.messages
        made = pickle.load(stream)
        me.messages = messages
    finally:
        del own._inheriting
    return int(made._bootstrap())


def _served(birth: Birth) -> int:
    """The server ends its children without what an interpreter does at its end, and knows no exit code but theirs."""
    try:
        return _bootstrapped(birth)
    except SystemExit:
        return 1
    finally:
        atexit._clear()


def _preload(names: Iterable[str], main: str | None) -> None:
    """Import what the server would have imported, once for all that it forks: that must not be something to share."""
    before = me.messages
    for name in names:
        if name != "__main__":
            with suppress(ImportError):
                __import__(name)
        elif _PRELOADS_MAIN and main is not None:
            spawn.import_main_path(main)
    if me.made or me.messages != before:
        me.abandon("what modules do at their top that a fork server imports once for all its children")
