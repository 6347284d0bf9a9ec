"""A function of one's own as a scenario: what it does is the section, and `check` judges what it has returned."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, ClassVar

from lab.cell import WANTS, works_on
from lab.errors import UsageError
from lab.guards import guard_named
from lab.scenario import Scenario
from lab.store import Store
from lab.trial import Judgement, ok, violation
from lab.world.protocol import Stage, World

Check = Callable[[list[Any]], object]
"""Gets what the calls returned, by actor; objects by False, by a text, or by an AssertionError."""

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
    for what, given in (("function", function), ("setup", setup), ("check", check)):
        if given is not None and not callable(given):
            raise UsageError(f"{what}: expected a function, found {given!r}.")
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


def _numbered(function: Callable[..., Any], name: str) -> Callable[[int], Any]:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some of C tell nothing
        return function
    for arguments in ((0,), ()):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return function if arguments else lambda actor: function()
    raise UsageError(f"{name}{signature}: expected a function of the actor's number, or of nothing.")
