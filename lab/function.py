"""A function of one's own as a scenario, whose section it is, or as a script; `check` judges what it has returned."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from lab.cell import WANTS, works_on
from lab.errors import UsageError
from lab.guards import guard_named
from lab.scenario import Scenario
from lab.store import Store
from lab.trial import Judgement, ok, violation
from lab.world.protocol import Stage, World

if TYPE_CHECKING:
    from lab.carrying import Pickled

Check = Callable[..., object]
"""Gets what the calls returned, by actor, and what `setup` returned, if it takes two arguments.

It objects by False, by a text, or by an AssertionError.
"""

_MOST_PROCESSES = 100
CARRIED = "function"
"""What the name begins with of a function that no file has by itself; its own name follows."""

_MODULE = "lab_functions"
"""Where the scenarios of functions are found by their names: in this process, and in those forked from it."""


class FunctionScenario(Scenario):
    """A function of one's own, called by every actor."""

    function: ClassVar[Callable[[int], Any]]
    fill: ClassVar[Callable[[], object] | None]
    state: ClassVar[object]
    """What `fill` returned."""
    check: ClassVar[Callable[[list[Any], object], object] | None]

    outcomes = {
        "rejected": violation("the check objected"),
        "ok": ok("every call came to its end, and the check did not object"),
    }

    def setup(self, world: Stage) -> None:
        """The user's own."""
        own = type(self)
        own.state = own.fill() if own.fill is not None else None

    def section(self, world: World, actor: int) -> Any:
        """A call."""
        return type(self).function(actor)

    def judge(self, world: Stage, returns: Sequence[Any]) -> Judgement:
        """What the check says."""
        objection = self._objection(list(returns))
        return Judgement("rejected", {"objection": objection}) if objection else Judgement("ok", {"objection": None})

    def _objection(self, returns: list[Any]) -> str:
        own = type(self)
        if own.check is None:
            return ""
        try:
            said = own.check(returns, own.state)
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
    takes_state: bool
    paths: Sequence[str]

    def script(self, file: str) -> str:
        """The script, beside a copy of the module's file."""
        arguments = (self.module, file, *self[1:7])
        return _guarded("run", arguments)


class Carried(NamedTuple):
    """Functions as bytes, and the script that calls what is made of them in each execution.

    `key` tells them from others, `folder` is what their paths begin with that mean the execution's folder, or empty.
    `paths` are where they find modules.
    """

    key: str
    pickled: Pickled
    function: str
    takes_number: bool
    processes: int
    has_check: bool
    takes_state: bool
    folder: str
    paths: Sequence[str]

    @property
    def name(self) -> str:
        """As a schedule has it."""
        return f"{CARRIED} {self.function}"

    def script(self, data: str) -> str:
        """The script, beside a file with the bytes."""
        arguments = (data, self.function, self.takes_number, self.processes, self.takes_state, self.folder)
        return _guarded("run_carried", arguments)


def _guarded(call: str, arguments: tuple[Any, ...]) -> str:
    """A script that calls this with these, but not again in a process that is spawned, which imports it."""
    line = f"{call}{arguments!r}"
    return f"from lab.engines.controlled.inside.calls import {call}\n\nif __name__ == '__main__':\n    {line}\n"


def is_importable(*functions: object) -> bool:
    """True if all are at the top of one module with a file: each execution can import it anew."""
    given = [function for function in functions if function is not None]
    module = sys.modules.get(getattr(given[0], "__module__", None) or "")
    return (
        getattr(module, "__name__", "__main__") != "__main__"
        and bool(getattr(module, "__file__", None))
        and all(getattr(module, getattr(one, "__qualname__", ""), None) is one for one in given)
    )


def calls_of(
    function: Callable[..., Any], *, processes: int, setup: Callable[[], object] | None, check: Check | None
) -> tuple[str, Calls]:
    """The file of an importable function, and the script that calls it; UsageError if it can't be called."""
    _expect_calls(function, setup, check, processes)
    file = sys.modules[function.__module__].__file__
    assert file is not None, "it is importable"
    before, after = (getattr(given, "__qualname__", "") for given in (setup, check))
    name = function.__qualname__
    takes_number = _takes_number(function, name)
    return file, Calls(function.__module__, name, takes_number, processes, before, after, _takes_state(check), _paths())


def carried(
    function: Callable[..., Any],
    *,
    processes: int,
    setup: Callable[[], object] | None,
    check: Check | None,
    folder: str,
) -> Carried:
    """Any function, and the script that calls it; UsageError if it can't be called, or holds what can't be carried."""
    from lab.carrying import pickled  # imports cloudpickle, which nothing else needs

    _expect_calls(function, setup, check, processes)
    name = name_of_function(function)
    found = pickled(function, setup, check)
    takes_number = _takes_number(function, name)
    key = blake2b(found.data, digest_size=8).hexdigest()
    return Carried(key, found, name, takes_number, processes, check is not None, _takes_state(check), folder, _paths())


def _expect_calls(function: object, setup: object, check: object, processes: int) -> None:
    _expect_functions(function, setup, check)
    if not 1 <= processes <= _MOST_PROCESSES:
        raise UsageError(f"processes {processes}: expected 1 to {_MOST_PROCESSES}. Try processes=2.")


def _paths() -> tuple[str, ...]:
    return tuple(path for path in sys.path if path)


def name_of_function(function: object) -> str:
    """The last part of its name; of a partial that of what it calls, of an object that of its class."""
    function = getattr(function, "func", function)
    return str(getattr(function, "__qualname__", type(function).__qualname__)).rpartition(".")[2].strip("<>")


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
    name = name_of_function(function)
    body = {
        "__module__": _MODULE,
        "__qualname__": name,
        "__doc__": inspect.getdoc(function) or f"{name}, called by every actor.",
        "function": staticmethod(_numbered(function, name)),
        "fill": staticmethod(setup) if setup else None,
        "check": staticmethod(_stated(check)) if check else None,
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


def _stated(check: Check) -> Check:
    return check if _takes_state(check) else lambda returns, state: check(returns)


def _takes_state(check: Check | None) -> bool:
    """True if it has to be given what `setup` returned, too; UsageError if it wants something else."""
    expected = "of what the calls returned, or of that and of what setup returned"
    return check is not None and _arguments(check, (1, 2), name_of_function(check), expected) == 2


def _takes_number(function: Callable[..., Any], name: str) -> bool:
    """True if it is to be given its actor's number; UsageError if it wants something else."""
    return _arguments(function, (1, 0), name, "of the actor's number, or of nothing") == 1


def _arguments(function: Callable[..., Any], counts: Sequence[int], name: str, expected: str) -> int:
    """The first of these counts of arguments with which it can be called."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some of C tell nothing
        return 1
    for count in counts:
        with suppress(TypeError):
            signature.bind(*range(count))
            return count
    raise UsageError(f"{name}{signature}: expected a function {expected}.")
