"""Functions as a script: `setup`, a process for each call, and a check of what the calls have returned.

They are those of a module, which is imported anew, or were carried here.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from multiprocessing import Process
from types import ModuleType
from typing import Any

from lab.engines.controlled.inside.carried import loaded
from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.descriptors import raw_close, raw_open, raw_read, raw_write


def run(
    module: str,
    file: str,
    function: str,
    takes_number: bool,
    processes: int,
    setup: str,
    check: str,
    takes_state: bool,
) -> None:
    """The whole script; names that are empty stand for nothing. Raises what the check objects to."""
    home = _imported(module, f"{me.folder}{file}")
    found = [getattr(home, name) if name else None for name in (function, setup, check)]
    _play(function, takes_number, processes, takes_state, pickle.dumps, *found)


def run_carried(data: str, function: str, takes_number: bool, processes: int, takes_state: bool, folder: str) -> None:
    """The same of functions that were pickled; `folder` is what paths in them begin with that mean this one."""
    import cloudpickle

    try:
        found = loaded(_read(me.folder + data), folder)
    except Exception as error:
        me.abandon(f"what the function holds, which can't be made anew ({type(error).__name__}: {error}),")
        raise
    _play(function, takes_number, processes, takes_state, cloudpickle.dumps, *found)


def _play(
    name: str,
    takes_number: bool,
    processes: int,
    takes_state: bool,
    dumps: Callable[[Any], bytes],
    call: Any,
    setup: Any,
    check: Any,
) -> None:
    state = setup() if setup is not None else None
    children = [
        Process(target=_called, args=(call, number, takes_number, dumps), name=f"{name} {number}")
        for number in range(processes)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
    if any(child.exitcode for child in children):
        raise SystemExit(1)
    returns = [_returned(number) for number in range(processes)]
    print(f"returned {returns}")  # noqa: T201 - so it is part of the ending
    if check is not None:
        try:
            said = check(returns, state) if takes_state else check(returns)
        except AssertionError as error:
            # Below the first line pytest may have written what it knows of the values.
            error.args = (str(error).partition("\n")[0],)
            raise
        if isinstance(said, str) and said:
            raise AssertionError(said)
        if said is False:
            raise AssertionError(f"{getattr(check, '__name__', 'the check')} objects to {returns}")


def _imported(name: str, path: str) -> ModuleType:
    """The module anew, so that what it makes at its top is controlled."""
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _called(call: Callable[..., Any], number: int, takes_number: bool, dumps: Callable[[Any], bytes]) -> None:
    """What it returns goes past the controller: only who has waited for its end reads it."""
    value = dumps(call(number) if takes_number else call())
    with me:
        descriptor = raw_open(_place(number), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        raw_write(descriptor, value)
        raw_close(descriptor)


def _returned(number: int) -> Any:
    return pickle.loads(_read(_place(number)))


def _read(path: str) -> bytes:
    with me:
        descriptor = raw_open(path, os.O_RDONLY)
        parts = []
        while part := raw_read(descriptor, 1 << 20):
            parts.append(part)
        raw_close(descriptor)
    return b"".join(parts)


def _place(number: int) -> str:
    return f"{me.payload_folder}/returned-{number}"
