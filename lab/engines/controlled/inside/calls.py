"""Functions of a module as a script: `setup`, a process for each call, and a check of what the calls have returned."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from multiprocessing import Process
from types import ModuleType
from typing import Any

from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.descriptors import raw_close, raw_open, raw_read, raw_write


def run(module: str, file: str, function: str, takes_number: bool, processes: int, setup: str, check: str) -> None:
    """The whole script; names that are empty stand for nothing. Raises what the check objects to."""
    loaded = _loaded(module, f"{me.folder}{file}")
    call = getattr(loaded, function)
    if setup:
        getattr(loaded, setup)()
    children = [
        Process(target=_called, args=(call, number, takes_number), name=f"{function} {number}")
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
    if check:
        said = getattr(loaded, check)(returns)
        if isinstance(said, str) and said:
            raise AssertionError(said)
        if said is False:
            raise AssertionError(f"{check} objects to {returns}")


def _loaded(name: str, path: str) -> ModuleType:
    """The module anew, so that what it makes at its top is controlled."""
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _called(call: Callable[..., Any], number: int, takes_number: bool) -> None:
    """What it returns goes past the controller: only who has waited for its end reads it."""
    value = pickle.dumps(call(number) if takes_number else call())
    with me:
        descriptor = raw_open(_place(number), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        raw_write(descriptor, value)
        raw_close(descriptor)


def _returned(number: int) -> Any:
    with me:
        descriptor = raw_open(_place(number), os.O_RDONLY)
        parts = []
        while part := raw_read(descriptor, 1 << 20):
            parts.append(part)
        raw_close(descriptor)
    return pickle.loads(b"".join(parts))


def _place(number: int) -> str:
    return f"{me.payload_folder}/returned-{number}"
