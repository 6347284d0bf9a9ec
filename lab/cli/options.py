"""What options mean: comma-separated lists, settings and percentages, and the names that a shell may complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from lab.errors import UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Names = Callable[[], list[str]]


def _split(text: str) -> list[str]:
    """Parts between commas, but for commas within parentheses, as in `0,uniform(0,1ms)`."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


class Texts(click.ParamType):  # type: ignore[type-arg]
    """A comma-separated list, whose parts a shell may complete."""

    name = "list"

    def __init__(self, names: Names | None = None) -> None:
        self._names = names

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """The parts; none may be empty."""
        if isinstance(value, list):
            return value
        parts = _split(value)
        if "" in parts:
            self.fail(f"expected a comma-separated list without gaps, found {value!r}.", param, ctx)
        return parts

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete the last part."""
        from click.shell_completion import CompletionItem

        before, comma, last = incomplete.rpartition(",")
        names = self._names() if self._names else []
        return [CompletionItem(before + comma + name) for name in names if name.startswith(last)]


class WholeNumbers(Texts):
    """A comma-separated list of whole numbers."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[Any]:
        """The numbers."""
        parts = super().convert(value, param, ctx)
        wrong = [part for part in parts if not part.lstrip("-").isdecimal()]
        if wrong:
            self.fail(
                f"expected whole numbers, found {wrong[0]!r}. Try {param.opts[0] if param else ''} 2,5,10.", param, ctx
            )
        return [int(part) for part in parts]


class Share(click.ParamType):  # type: ignore[type-arg]
    """A percentage such as `1%`, as a number from 0 to 1."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The share."""
        if isinstance(value, float):
            return value
        try:
            return float(value.removesuffix("%").strip()) / 100
        except ValueError:
            self.fail(f"expected a percentage, found {value!r}. Try 1%.", param, ctx)


def settings(texts: tuple[str, ...]) -> dict[str, Any]:
    """Fields by name, from `name=value`; several values, with commas between them, are an axis."""
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise UsageError(f"--set {text!r}: expected name=value. Try --set tickets=3.")
        values = _split(value)
        found[name.strip()] = values if len(values) > 1 else values[0]
    return found


def guard_names() -> list[str]:
    """Guards, with a number where they take one."""
    from lab.guard import CountedGuard
    from lab.guards import GUARDS

    return [f"{name}(4)" if issubclass(guard, CountedGuard) else name for name, guard in GUARDS.items()]


def store_names() -> list[str]:
    """Stores."""
    from lab.stores import STORES

    return list(STORES)


class ScenarioName(click.ParamType):  # type: ignore[type-arg]
    """A built-in scenario, or a class of the user's."""

    name = "scenario"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete names, and leave files to the shell."""
        from click.shell_completion import CompletionItem

        from lab.scenarios import known_scenarios

        names = [CompletionItem(name) for name in known_scenarios() if name.startswith(incomplete)]
        return names or [CompletionItem(incomplete, type="file")]


class ExperimentName(click.ParamType):  # type: ignore[type-arg]
    """A built-in experiment, a scenario, a `.toml` file, or a class of the user's."""

    name = "experiment"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete names, and leave files to the shell."""
        from click.shell_completion import CompletionItem

        from lab.experiments import choices

        names = [CompletionItem(name) for name in choices() if name.startswith(incomplete)]
        return names or [CompletionItem(incomplete, type="file")]
