"""A function of one's own as a scenario, whose section it is, or as a script; `check` judges what it has returned."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

from lab.cell import WANTS, works_on
from lab.errors import UsageError
from lab.guards import guard_named
from lab.scenario import Scenario
from lab.store import Store
from lab.trial import Judgement, ok, violation
from lab.world.protocol import Stage, World

Check = Callable[[list[Any]], object]
"""Gets what the calls returned, by actor; objects by False, by a text, or by an AssertionError."""

_MOST_PROCESSES = 100
_MODULE = "lab_functions"
"""Where the scenarios of functions are found by their names: in this process, and in those forked from it."""


class FunctionScenario(Scenario):
    """A function of one's own, called by every actor."""

    function: ClassVar[Callable[[int], Any]]
    fill: ClassVar[Callable[[], object] | None]
    check: ClassVar[Check | None]

    outcomes = {
        "rejected": violation("the check objected"),
        "ok": ok("every call came to its end, and the check did not object"),
    }

    def setup(self, world: Stage) -> None:
        """The user's own."""
        if (fill := type(self).fill) is not None:
            fill()

    def section(self, world: World, actor: int) -> Any:
        """A call."""
        return type(self).function(actor)

    def judge(self, world: Stage, returns: Sequence[Any]) -> Judgement:
        """What the check says."""
        objection = _objection(type(self).check, list(returns))
        return Judgement("rejected", {"objection": objection}) if objection else Judgement("ok", {"objection": None})


def _objection(check: Check | None, returns: list[Any]) -> str:
    if check is None:
        return ""
    try:
        said = check(returns)
    except AssertionError as error:
        # Below the first line pytest may have written what it knows of the values.
        return str(error).partition("\n")[0] or "the check objects"
    if isinstance(said, str):
        return said
    return "the check objects" if said is False else ""


class Calls(NamedTuple):
    """Functions of a module, by their names, as the script that calls them. Empty names stand for nothing.

    `paths` are where the module finds others.
    """

    module: str
    function: str
    takes_number: bool
    processes: int
    setup: str
    check: str
    paths: Sequence[str]

    def script(self, file: str) -> str:
        """The script, beside a copy of the module's file."""
        arguments = (self.module, file, *self[1:6])
        return f"from lab.engines.controlled.inside.calls import run\n\nrun{arguments!r}\n"


def calls_of(
    function: Callable[..., Any], *, processes: int, setup: Callable[[], object] | None, check: Check | None
) -> tuple[str, Calls]:
    """The file of a function, and the script that calls it; UsageError if it is no function of a module with a file.

    `setup` and `check` must come from the same module.
    """
    _expect_functions(function, setup, check)
    if not 1 <= processes <= _MOST_PROCESSES:
        raise UsageError(f"processes {processes}: expected 1 to {_MOST_PROCESSES}. Try processes=2.")
    module = sys.modules.get(getattr(function, "__module__", ""))
    file = getattr(module, "__file__", None)
    for what, given in (("function", function), ("setup", setup), ("check", check)):
        name = getattr(given, "__qualname__", "")
        if given is not None and (not file or getattr(module, name, None) is not given):
            raise UsageError(
                f"{what}: expected a function at the top of a module's file, the same for all, found {given!r}. "
                "Each execution imports that file anew, so it can't be a closure, a method, or defined in a shell."
            )
    assert file is not None
    names = [getattr(given, "__qualname__", "") for given in (setup, check)]
    name = function.__qualname__
    takes_number = _takes_number(function, name)
    paths = tuple(path for path in sys.path if path)
    return file, Calls(function.__module__, name, takes_number, processes, names[0], names[1], paths)


def scenario_of(
    function: Callable[..., Any],
    *,
    setup: Callable[[], object] | None,
    check: Check | None,
    guards: Sequence[str],
) -> str:
    """Make a scenario of a function, and return the reference by which it is found; UsageError if it can't be called.

    The function is given its actor's number, if it takes an argument. Its scenario is known to this process alone.
    """
    _expect_functions(function, setup, check)
    for guard in guards:
        if not works_on(guard_named(guard), Store):
            raise UsageError(f"guard {guard}: {WANTS[guard]}, and a function has no store. Try guards=['lock'].")
    name = getattr(function, "__qualname__", type(function).__qualname__).rpartition(".")[2].strip("<>")
    body = {
        "__module__": _MODULE,
        "__qualname__": name,
        "__doc__": inspect.getdoc(function) or f"{name}, called by every actor.",
        "function": staticmethod(_numbered(function, name)),
        "fill": staticmethod(setup) if setup else None,
        "check": staticmethod(check) if check else None,
        "guards": tuple(guards),
    }
    module = sys.modules.setdefault(_MODULE, ModuleType(_MODULE))
    setattr(module, name, type(name, (FunctionScenario,), body))
    return f"{_MODULE}:{name}"


def _expect_functions(function: object, setup: object, check: object) -> None:
    for what, given in (("function", function), ("setup", setup), ("check", check)):
        if given is not None and not callable(given):
            raise UsageError(f"{what}: expected a function, found {given!r}.")


def _numbered(function: Callable[..., Any], name: str) -> Callable[[int], Any]:
    return function if _takes_number(function, name) else lambda actor: function()


def _takes_number(function: Callable[..., Any], name: str) -> bool:
    """True if it is to be given its actor's number; UsageError if it wants something else."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some of C tell nothing
        return True
    for arguments in ((0,), ()):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return bool(arguments)
    raise UsageError(f"{name}{signature}: expected a function of the actor's number, or of nothing.")
