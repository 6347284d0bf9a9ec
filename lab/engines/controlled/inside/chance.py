"""Chance: draws, random bytes and pids that repeat in every execution, and which draws a proof can stand.

A draw whose value can only become the length of a sleep or a timeout changes nothing, since those order nothing; of any
other only one value was tried. Which is which is read from the script's own text: a draw written within the argument of
a sleep, or put into a name that is used for nothing else. Where that can't be seen, it is taken to matter.
"""

from __future__ import annotations

import ast
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from lab.engines.controlled.inside.channel import me

_DRAWS = frozenset(
    {
        *("random", "randint", "randrange", "uniform", "choice", "choices", "sample", "shuffle", "gauss", "triangular"),
        *("normalvariate", "expovariate", "betavariate", "lognormvariate", "vonmisesvariate", "gammavariate"),
        *("paretovariate", "weibullvariate", "getrandbits", "randbytes", "binomialvariate"),
    }
)
_SEED = 20_240_229
_CACHE: dict[str, set[int]] = {}
_seen: set[str] = set()


class _Chance:
    """Whether the script has chosen a seed by itself, since the last fork: then its draws are a part of it."""

    is_seeded = False


def reseed() -> None:
    """After a fork: Python would seed anew from the system."""
    _Chance.is_seeded = False
    _raw_seed(_SEED + me.number)


_raw_seed = random.seed


def _seed(*arguments: Any, **named: Any) -> None:
    if arguments and arguments[0] is not None:
        _Chance.is_seeded = True
        _raw_seed(*arguments, **named)
    else:
        reseed()


def _watched(name: str) -> Callable[..., Any]:
    raw = getattr(random, name)

    @wraps(raw)
    def draw(*arguments: Any, **named: Any) -> Any:
        if not _Chance.is_seeded and me.is_controlled:
            frame = sys._getframe(1)
            path, line = frame.f_code.co_filename, frame.f_lineno
            where = f"{path}:{line}"
            if where not in _seen:
                _seen.add(where)
                told = me.line()
                me.tell("fixed" if line in harmless_lines(path) else "draw", told or where)
        return raw(*arguments, **named)

    return draw


def _bytes(count: int) -> bytes:
    """`os.urandom`."""
    line = me.line()
    if line and line not in _seen:
        _seen.add(line)
        me.tell("draw", line)
    return _stream.randbytes(count)


class _Own(random.Random):
    """`random.Random`: with no seed, one that repeats."""

    def __init__(self, x: Any = None) -> None:
        if x is None:
            if me.is_controlled and (line := me.line()) and line not in _seen:
                _seen.add(line)
                me.tell("draw", line)
            x = _SEED + me.number
        super().__init__(x)


class _Names:
    """The names of temporary files: of this process and in order."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        me.made["temporary"] = number = me.made.get("temporary", 0) + 1
        return f"{me.number}_{number}"


_stream = random.Random(_SEED)


def install() -> None:
    """Before the script imports any of it."""
    for name in _DRAWS:
        if hasattr(random, name):
            setattr(random, name, _watched(name))
    random.seed = _seed
    random.Random = _Own  # type: ignore[misc]
    os.urandom = random._urandom = _bytes  # type: ignore[attr-defined]
    os.getrandom = lambda size, flags=0: _bytes(size)
    tempfile._RandomNameSequence = _Names  # type: ignore[attr-defined]
    tempfile._name_sequence = _Names()  # type: ignore[attr-defined]


def after_fork() -> None:
    """In a new process."""
    reseed()
    _stream.seed(_SEED + me.number)


# What the text says --------------------------------------------------------------------------------------------------


def harmless_lines(path: str) -> set[int]:
    """The lines of a file on which every draw can only become the length of a sleep or a timeout."""
    if path not in _CACHE:
        try:
            with me, open(path, encoding="utf-8") as file:  # noqa: PTH123 - before or without what is patched
                _CACHE[path] = harmless(ast.parse(file.read()))
        except (OSError, SyntaxError, ValueError):
            _CACHE[path] = set()
    return _CACHE[path]


def harmless(tree: ast.Module) -> set[int]:
    """The same, of a tree."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    if not _has_the_real_sleep(tree):
        return set()
    good: set[int] = set()
    bad: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name_of(node.func).rpartition(".")[2] in _DRAWS:
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            (good if _only_sleeps(node, parents) else bad).update(lines)
    return good - bad


def _has_the_real_sleep(tree: ast.Module) -> bool:
    """False if the script gives the name `sleep` or `time` to anything but the module's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) and node.name in ("sleep", "time"):
            return False
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in ("sleep", "time"):
            return False
        if isinstance(node, ast.ImportFrom) and node.module != "time" and any(a.name == "sleep" for a in node.names):
            return False
        if isinstance(node, ast.arg) and node.arg in ("sleep", "time"):
            return False
    return True


def _only_sleeps(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    parent = parents.get(node)
    while isinstance(parent, ast.BinOp | ast.UnaryOp):
        node, parent = parent, parents.get(parent)
    if isinstance(parent, ast.Call) and node in parent.args:
        return _name_of(parent.func) in ("time.sleep", "sleep")
    if isinstance(parent, ast.keyword):
        return parent.arg == "timeout"
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name):
        return _is_used_to_sleep(parent.targets[0].id, parent, parents)
    return False


def _is_used_to_sleep(name: str, node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """True if its function reads the name for nothing but sleeps; at the top of a file, nobody knows."""
    scope: ast.AST | None = node
    while scope is not None and not isinstance(scope, ast.FunctionDef):
        scope = parents.get(scope)
    if scope is None or any(isinstance(inner, ast.Global | ast.Nonlocal | ast.Lambda) for inner in ast.walk(scope)):
        return False
    reads = [n for n in ast.walk(scope) if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)]
    return all(
        _only_sleeps(read, parents) for read in reads if not isinstance(parents.get(read), ast.Assign)
    ) and not any(isinstance(parents.get(read), ast.Assign) for read in reads)


def _name_of(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""
