"""A scenario: a check-then-act program that any number of actors run, and a judge of how it ended.

Knows neither guard nor store nor engine. Its annotated attributes are its parameters.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self, dataclass_transform, get_type_hints

from lab import delays, draws
from lab.delays import Delay
from lab.errors import UsageError, unknown_name
from lab.trial import ENGINE_OUTCOMES, Judgement, Measure, Outcome
from lab.world.protocol import Maker, Stage, World

Guarded = Callable[[World, int], Any]
"""The section under its guard: `guarded(world, actor)` waits, does the section, and returns what it returned."""

FieldValue = bool | int | float | str | Delay
_FIELD_KINDS = (bool, int, float, str, Delay)


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Scenario:
    """Subclass it, annotate the parameters, declare the outcomes, and write `setup`, `section` and `judge`.

    Subclasses become frozen dataclasses by themselves. Parameters are of type int, float, bool, str or Delay.
    """

    outcomes: ClassVar[Mapping[str, Outcome]]
    """Every way in which `judge` may call a trial, the worst first."""
    guards: ClassVar[Sequence[str]] = ("none",)
    """The guards that make sense for it; any number fits where one with a number is named."""
    stores: ClassVar[Sequence[str]] = ()
    """The stores that make sense for it, its own choice first; none if it shares nothing but primitives."""
    main_delays: ClassVar[Sequence[str]] = ()
    """The delays that `--delays` sets."""
    processes: ClassVar[Sequence[int]] = (2, 5)
    """The process counts of a run that names none."""
    small: ClassVar[Mapping[str, Any]] = {}
    """Parameters at which it can fail with fewer processes, for explorations: their number grows fast with these."""
    small_guards: ClassVar[Sequence[str]] = ()
    """The guards for those parameters, where they differ from `guards`."""
    trials: ClassVar[int | None] = None
    """The trials of a cell, where it needs another number than the experiment's."""
    timeout_s: ClassVar[float | None] = None
    """Seconds after which a trial is a `hang`, where ten times the longest serial delay is no good limit."""
    stays_in_world: ClassVar[bool] = False
    """True if `setup`, the bodies and `judge` share nothing but what the world has: no file or variable of their own.

    Then the stages of several trials can stand side by side, and aligned trials can follow each other in strides.
    """
    actors: ClassVar[str] = "actors"
    """What several of its actors are called."""
    reference: ClassVar[str] = ""
    """`module:Class` or `file.py:Class`, by which another process finds it."""

    def __init_subclass__(cls) -> None:
        cls.reference = f"{cls.__module__}:{cls.__qualname__}"
        dataclass(frozen=True, kw_only=True)(cls)

    def __post_init__(self) -> None:
        # A delay learns the name under which it is drawn: two fields of one distribution are two draws.
        for name, value in self.fields().items():
            if isinstance(value, Delay):
                object.__setattr__(self, name, replace(value, name=name))

    def __reduce__(self) -> tuple[Any, ...]:
        # By reference and values: a class from a user's file has no module that another process could import.
        return _rebuilt, (type(self).reference, self.fields())

    def shared(self, make: Maker) -> None:
        """Declare named primitives, once a crew, before any worker starts."""

    def prepare(self) -> None:
        """Whatever a process needs once, before its first trial: slow imports, connections."""

    def setup(self, world: Stage) -> None:
        """Fill the store, before every trial."""

    def act(self, world: World, actor: int, guarded: Guarded) -> Any:
        """All that an actor does; the guarded section alone, unless a scenario has roles or a way to the section."""
        return guarded(world, actor)

    def section(self, world: World, actor: int) -> Any:
        """What the guard protects. What it returns is handed to `judge`."""
        raise NotImplementedError

    def judge(self, world: Stage, returns: Sequence[Any]) -> Judgement:
        """Call the outcome of a trial whose actors all finished: `returns[i]` is what actor i returned."""
        raise NotImplementedError

    def longest_serial_s(self, processes: int) -> float:
        """Seconds that a trial may take if every actor waits for every other."""
        return processes * sum(value.longest for value in self.fields().values() if isinstance(value, Delay))

    def shortest_parallel_s(self) -> float:
        """Mean seconds that an actor sleeps; what is left of a trial if nobody waits for anybody."""
        return sum(value.mean for value in self.fields().values() if isinstance(value, Delay))

    def first(self, measures: Mapping[str, Measure], **holds: bool) -> Judgement:
        """The first declared outcome that holds, or the last one declared if none does."""
        for name in self.outcomes:
            if holds.get(name):
                return Judgement(name, measures)
        return Judgement(list(self.outcomes)[-1], measures)

    @classmethod
    def title(cls) -> str:
        """The first line of its docstring."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]

    @classmethod
    def all_outcomes(cls) -> dict[str, Outcome]:
        """Its own outcomes, then the engine's."""
        return {**cls.outcomes, **ENGINE_OUTCOMES}

    def fields(self) -> dict[str, FieldValue]:
        """Its parameters by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def with_texts(self, texts: Mapping[str, object]) -> Self:
        """The same scenario with other parameters, as `--set` or a file gives them; UsageError if one is wrong."""
        return replace(self, **{name: self._field(name, value) for name, value in texts.items()})  # type: ignore[type-var]

    def _field(self, name: str, value: object) -> FieldValue:
        kinds = get_type_hints(type(self))
        known = self.fields()
        if name not in known:
            raise (
                unknown_name(f"parameter of {type(self).__name__}", name, known)
                if known
                else _no_parameters(self, name)
            )
        return _converted(f"{type(self).__name__}.{name}", kinds[name], value)


def _no_parameters(scenario: Scenario, name: str) -> UsageError:
    return UsageError(f"{type(scenario).__name__} has no parameters, found {name!r}. Leave it out.")


def _converted(what: str, kind: type, value: object) -> FieldValue:
    text = str(value).strip()
    if kind is Delay:
        return value if isinstance(value, Delay) else delays.parse(text)
    if kind is bool:
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise UsageError(f"{what}: expected true or false, found {text!r}.")
    if kind is str:
        return text
    try:
        number: int | float = kind(text)
    except ValueError:
        raise UsageError(
            f"{what}: expected a number ({kind.__name__}), found {text!r}. Try {what.split('.')[-1]}=1."
        ) from None
    if not 0 <= number < 2**63:
        raise UsageError(f"{what}: expected from 0 to 2**63 - 1, found {text!r}. Try {what.split('.')[-1]}=1.")
    return number


def load(reference: str) -> type[Scenario]:
    """The scenario class that `module:Class` or `file.py:Class` names; UsageError if there is none."""
    place, _, name = reference.rpartition(":")
    if not place:
        raise UsageError(
            f"scenario {reference!r}: expected module:Class or file.py:Class. `lab list` shows the built-in ones."
        )
    module = _file_module(place) if place.endswith(".py") else _module(place)
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, Scenario)):
        known = [
            key
            for key, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, Scenario) and value is not Scenario
        ]
        if known:
            raise unknown_name(f"scenario in {place}", name, known)
        raise UsageError(
            f"{place} has no lab.Scenario, expected one named {name!r}. Write: class {name}(lab.Scenario): ..."
        )
    if place.endswith(".py"):
        found.reference = f"{Path(place).resolve()}:{name}"
    _check_class(found)
    return found


def _check_class(kind: type[Scenario]) -> None:
    """UsageError if a class is no scenario that can be run: said before a process starts, and not by a trial."""
    outcomes = getattr(kind, "outcomes", None)
    if not isinstance(outcomes, Mapping) or not outcomes or not all(isinstance(o, Outcome) for o in outcomes.values()):
        raise UsageError(
            f"{kind.__name__}.outcomes: expected a name and a grade for each way to end, found {outcomes!r}. "
            'Try outcomes = {"lost": lab.violation("why"), "ok": lab.ok("why")}.'
        )
    for field in fields(kind):  # type: ignore[arg-type]
        if field.default is MISSING and field.default_factory is MISSING:
            raise UsageError(
                f"{kind.__name__}.{field.name}: expected a default, found none. Try {field.name}: int = 1."
            )
    try:
        kinds = get_type_hints(kind)
    except (NameError, TypeError, AttributeError) as error:
        raise UsageError(f"{kind.__name__}: {error}. Annotate its parameters with types that are imported.") from error
    for field in fields(kind):  # type: ignore[arg-type]
        if kinds[field.name] not in _FIELD_KINDS:
            raise UsageError(
                f"{kind.__name__}.{field.name}: expected a parameter of type int, float, bool, str or Delay, "
                f"found {kinds[field.name]!r}. Split it into several, or write it as text."
            )


def _rebuilt(reference: str, values: Mapping[str, FieldValue]) -> Scenario:
    return load(reference)(**values)


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise _unreadable(name, error) from error


def _file_module(path: str) -> Any:
    file = Path(path).resolve()
    name = f"lab_user_{file.stem}_{draws.key(str(file)):x}"
    if name in sys.modules:
        return sys.modules[name]
    if not file.is_file():
        raise UsageError(f"scenario file {path!r}: no such file. Expected file.py:Class, with a path from here.")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None, "a path that ends in .py has a spec"
    assert spec.loader is not None, "a path that ends in .py has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(file.parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _unreadable(path, error) from error
    finally:
        sys.path.remove(str(file.parent))
    return module


def _unreadable(place: str, error: BaseException) -> UsageError:
    if isinstance(error, SyntaxError):
        where = f"line {error.lineno}: {error.msg}"
    else:
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{type(error).__name__}: {error}" + (
            f" (line {frames[-1].lineno} of {frames[-1].filename})" if frames else ""
        )
    return UsageError(f"can't read {place}: {where}. Mend it, and try `python {place}` if you doubt it.")
