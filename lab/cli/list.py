"""`lab list`: scenarios, guards, stores, engines and experiments, each with one line."""

from __future__ import annotations

from collections.abc import Iterator

import click


@click.command("list")
def list_command() -> None:
    """Show scenarios, guards, stores, engines and experiments, each with one line."""
    for title, lines in _sections():
        click.echo(title)
        width = max(len(name) for name, _ in lines)
        for name, line in lines:
            click.echo(f"  {name:{width}}  {line}")
        click.echo()


def _sections() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    from lab.engines.choice import CONTROLLED, ENGINES
    from lab.experiments import BUILT_IN, built_in_line
    from lab.guards import GUARDS
    from lab.scenarios import known_scenarios, scenario_named
    from lab.stores import STORES

    yield "scenarios", [(name, scenario_named(name).title()) for name in known_scenarios()]
    yield "guards", [(name, _first_line(guard)) for name, guard in GUARDS.items()]
    yield "stores", [(name, _first_line(store)) for name, store in STORES.items()]
    yield "engines", [*ENGINES.items(), ("controlled", CONTROLLED)]
    yield "experiments", [(name, built_in_line(name)) for name in BUILT_IN]


def _first_line(thing: type) -> str:
    return (thing.__doc__ or "").strip().splitlines()[0]
