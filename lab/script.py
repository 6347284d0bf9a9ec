"""A script to explore: its files, its arguments, and the rules by which its endings are judged, all as texts."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.engines.controlled.ending import Judge, State
from lab.engines.controlled.inside.channel import CALLING
from lab.engines.controlled.session import Program
from lab.engines.controlled.source import Source, copied, source_of
from lab.errors import UsageError
from lab.function import CARRIED, Calls, Carried
from lab.script_search import Rules

_CARRIED_DATA = "lab_calls.pickle"
_FUNCTION = re.compile(r"[^\s:]+\.py:[A-Za-z_]\w*")
_CHECK_S = 30.0
_MOST_ORDERS = 100_000


def is_script(name: str) -> bool:
    """True for what is explored as a script: `buy.py`, but not `shop.py:LastCoupon`; and a function that is carried."""
    return (name.endswith(".py") and ":" not in name) or is_carried(name)


def is_carried(name: str) -> bool:
    """True for a function that no other process can make again, so that `lab replay` can't."""
    return name.startswith(f"{CARRIED} ")


@dataclass(frozen=True)
class Script:
    """What a user gives: a path and rules. `files` replace the script's folder; a rule replaces the serial endings.

    With `calls` the path is that of a module, whose functions are what is explored; with `carried` it is the name of a
    function that goes into each execution by its bytes, and `files` are what it needs.
    """

    path: str
    files: Sequence[str] = ()
    arguments: Sequence[str] = ()
    check: str | None = None
    expect_output: str | None = None
    is_deterministic: bool = False
    orders: int = 120
    calls: Calls | None = None
    carried: Carried | None = None

    def program(self) -> Program:
        """What an engine is given; UsageError if the script or a rule can't be read."""
        if self.carried is not None:
            return self._carrying(self.carried)
        script = Path(self.path).absolute()
        try:
            text = script.read_bytes()
        except OSError as error:
            raise UsageError(f"can't read {self.path}: {error.strerror}. Expected a Python script.") from error
        try:
            compile(text, str(script), "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            where = f"{self.path}:{line}" if line else self.path
            raise UsageError(f"{where}: expected a Python script, found {error}.") from error
        files = self._files()
        if not 1 <= self.orders <= _MOST_ORDERS:
            raise UsageError(f"orders {self.orders}: expected 1 to {_MOST_ORDERS:,}. Try --orders 120.")
        judges = [*self._check(), *self._expectation()]
        judge = _first_wrong(judges) if judges else None
        orders_output = bool(judges)
        source = source_of(script, files)
        if self.check is not None:
            _expect_script_of(self.check, source)
        if self.calls is None:
            return Program(script.name, source, tuple(self.arguments), orders_output, judge)
        source = {**source, CALLING: self.calls.script(script.name).encode()}
        return Program(CALLING, source, (), orders_output, judge, self.calls.paths, _imported(text))

    def _carrying(self, carried: Carried) -> Program:
        home = Path(carried.folder).absolute() if carried.folder else Path.cwd()
        source = {
            **carried.pickled.sources,
            **copied(home, [*([home] if carried.folder else []), *self._files()]),
            CALLING: carried.script(_CARRIED_DATA).encode(),
            _CARRIED_DATA: carried.pickled.data,
        }
        return Program(CALLING, source, (), False, None, carried.paths, carried.pickled.modules)

    def _files(self) -> list[Path]:
        files = [Path(name).absolute() for name in self.files]
        for name in files:
            if not name.exists():
                raise UsageError(f"--files {name}: expected a file or folder that exists, found none.")
        return files

    def rules(self) -> Rules:
        """What counts as a violation."""
        is_checked = bool(self.calls and self.calls.check) or bool(self.carried and self.carried.has_check)
        is_judged = self.check is not None or self.expect_output is not None or is_checked
        return Rules(is_judged, self.is_deterministic, self.orders, tuple(self.texts().items()))

    def texts(self) -> dict[str, Any]:
        """What was given, for a schedule file."""
        texts: dict[str, Any] = {"files": [str(Path(name).absolute()) for name in self.files]}
        texts["arguments"] = list(self.arguments)
        if self.check is not None:
            texts["check"] = _absolute(self.check)
        if self.expect_output is not None:
            texts["expect_output"] = self.expect_output
        if self.calls is not None:
            texts["calls"] = list(self.calls)
        if self.carried is not None:
            texts["carried"] = self.carried.key
        return texts

    def _check(self) -> list[Judge]:
        if self.check is None:
            return []
        if _FUNCTION.fullmatch(self.check):
            return [_by_function(_function(self.check))]
        return [_by_command(self.check)]

    def _expectation(self) -> list[Judge]:
        if self.expect_output is None:
            return []
        try:
            pattern = re.compile(self.expect_output, re.MULTILINE)
        except re.error as error:
            raise UsageError(
                f"--expect-output {self.expect_output!r}: expected a regular expression, found {error}."
            ) from error

        def judge(folder: str, state: State) -> str:
            found = pattern.search(state.output.decode("utf-8", "replace"))
            return "" if found else f"the output does not match {self.expect_output!r}"

        return [judge]


def script_of(path: str, texts: Mapping[str, Any]) -> Script:
    """The script of a schedule file."""
    return Script(
        path,
        tuple(texts.get("files", ())),
        tuple(texts.get("arguments", ())),
        texts.get("check"),
        texts.get("expect_output"),
        calls=Calls(*texts["calls"]) if "calls" in texts else None,
    )


def _imported(text: bytes) -> tuple[str, ...]:
    """The modules that the top of a file imports, but for those of its own package."""
    names: list[str] = []
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Import):
            names += [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and not statement.level and statement.module:
            names.append(statement.module)
    return tuple(names)


def _absolute(check: str) -> str:
    if not _FUNCTION.fullmatch(check):
        return check
    path, _, name = check.rpartition(":")
    return f"{Path(path).absolute()}:{name}"


def _first_wrong(judges: Sequence[Judge]) -> Judge:
    def judge(folder: str, state: State) -> str:
        return next((wrong for one in judges if (wrong := one(folder, state))), "")

    return judge


def _by_command(command: str) -> Judge:
    """The command runs in the folder after each execution, with all output on its standard input."""

    def judge(folder: str, state: State) -> str:
        try:
            done = subprocess.run(
                command, shell=True, cwd=folder, input=state.output, capture_output=True, timeout=_CHECK_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise UsageError(f"--check {command!r}: expected an end within {_CHECK_S:g} s, found none.") from error
        if done.returncode in (126, 127):
            raise UsageError(f"--check {command!r}: expected a command, found {_last_line(done.stderr)!r}.")
        words = _last_line(done.stderr) or _last_line(done.stdout)
        said = f": {words}" if words else ""
        return f"the check exits with {done.returncode}{said}" if done.returncode else ""

    return judge


def _expect_script_of(command: str, source: Source) -> None:
    """UsageError if a command runs a Python file that no execution has: it would object to all of them."""
    found = re.match(r"\S*python[\d.]*\s+([^\s/-]\S*\.py)(\s|$)", command)
    if found and found[1] not in source:
        raise UsageError(
            f"--check {command!r}: expected {found[1]} in the script's folder or among --files, found none. "
            "The command runs in a copy of that folder."
        )


def _last_line(data: bytes) -> str:
    lines = data.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""


def _function(reference: str) -> Callable[[Path, str], object]:
    path, _, name = reference.rpartition(":")
    names: dict[str, Any] = {"__name__": "lab_check", "__file__": path}
    try:
        exec(compile(Path(path).read_bytes(), path, "exec", dont_inherit=True), names)
    except OSError as error:
        raise UsageError(f"--check {reference}: can't read {path}: {error.strerror}.") from error
    except Exception as error:
        raise UsageError(f"--check {reference}: {path} fails: {type(error).__name__}: {error}.") from error
    function = names.get(name)
    if not callable(function):
        raise UsageError(f"--check {reference}: expected a function {name}(folder, output) in {path}, found none.")
    return function  # type: ignore[no-any-return]


def _by_function(function: Callable[[Path, str], object]) -> Judge:
    """The function gets the folder after each execution and all output; it objects by False, a text, or an assert."""

    def judge(folder: str, state: State) -> str:
        try:
            said = function(Path(folder), state.output.decode("utf-8", "replace"))
        except AssertionError as error:
            return f"the check objects: {error}" if str(error) else "the check objects"
        if isinstance(said, str):
            return said
        return "the check objects" if said is False else ""

    return judge
