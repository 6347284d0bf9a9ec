"""A replayed schedule as a story to step through: who did what, who waits and holds, and what the shared state is."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from lab import deadlock
from lab.conflict import by_line, sentence
from lab.execution import Execution
from lab.kinds import EMPTIES, FAINT, fed, removed, replaced, shown
from lab.renaming import by_present_names, renamed
from lab.scheduler import Event, Operation
from lab.search import conflicts_of
from lab.standing import Standing
from lab.timeline import called, data_of, followers, told

_END = "''"
"""What a read of a file gives that has come to its end."""

Story = dict[str, Any]
"""Plain values, for JSON: see `story`."""


def story(title: str, command: str, execution: Execution, preempted: Set[int] = frozenset()) -> Story:
    """The story of an execution with a history.

    A step has `actor` (a place in `actors`), `kind` (read, write, sync or quiet), `text`, `line`, `clock` in seconds or
    None, `waits` and `holds` (by actor), and `state` (by object, as it is afterwards). `pair` are the places of two
    accesses that nothing orders, or None.
    """
    owners = fed(execution.actors)
    lanes = [number for number in sorted(execution.actors) if number not in owners]
    place_of = {number: place for place, number in enumerate(lanes)}
    places = {number: place_of[owners.get(number, number)] for number in execution.actors}
    conflicts = by_line(conflicts_of(execution))
    return {
        "title": title,
        "command": command,
        "actors": [execution.actors[number] for number in lanes],
        "steps": _steps(execution, places, preempted),
        "pair": list(conflicts[0].places) if conflicts else None,
        "sentence": sentence(conflicts[0], execution.actors) if conflicts else "",
        "ending": _ending(execution),
    }


def _steps(execution: Execution, places: Mapping[int, int], preempted: Set[int]) -> list[dict[str, Any]]:
    permits = {name: declared.permits for name, declared in execution.objects.items()}
    standing, steps = Standing(permits), []
    state: dict[str, str] = {}
    events = by_present_names(execution.events)
    nexts = followers(events, execution.ending.waiting)
    for number, (event, following) in enumerate(zip(events, nexts, strict=True)):
        standing.done(event)
        state = _changed(_moved(state, event), event)
        operation = event.operation
        # Of who has just done something nobody knows yet that it will wait, unless that is how all ends.
        is_last = number == len(execution.events) - 1
        steps.append(
            {
                "actor": places[operation.actor],
                "kind": _kind(operation),
                "text": told(event, False),
                "value": event.result,
                "line": operation.line,
                "clock": event.time_s or None,
                "is_preempted": number in preempted,
                "waits": _waits(standing, following, places, None if is_last else operation.actor),
                "holds": _holds(standing, places),
                "state": state,
            }
        )
    return steps


def _kind(operation: Operation) -> str:
    if operation.is_data:
        return "read" if operation.is_read else "write"
    return "quiet" if operation.kind in FAINT else "sync"


def _moved(state: dict[str, str], event: Event) -> dict[str, str]:
    """What is known, where a file was removed, or has taken the place of another."""
    if (gone := removed(event)) is not None:
        return {name: value for name, value in state.items() if name != gone}
    if (both := replaced(event)) is not None:
        new, old = both
        return {renamed(name, new, old): value for name, value in state.items() if name != old}
    return state


def _changed(state: dict[str, str], event: Event) -> dict[str, str]:
    """What is known of shared data after an access: what was written, or was found there."""
    operation = event.operation
    value = "(empty)" if operation.kind == EMPTIES else event.result
    if not operation.is_data or not value:
        return state
    names = [shown(name) for name in data_of(operation)]
    if operation.kind == "append":
        return {**state, **{name: f"{state[name]} + {value}" if name in state else f"… + {value}" for name in names}}
    if operation.is_read and value == _END:
        return {**dict.fromkeys(names, "(empty)"), **state}
    return {**state, **dict.fromkeys(names, value)}


def _waits(
    standing: Standing, following: Mapping[int, Operation], places: Mapping[int, int], actor: int | None
) -> dict[int, str]:
    found = {}
    for other, operation in following.items():
        name = standing.missing(operation)
        if name and other != actor:
            found[places[other]] = called(name, False)
    return found


def _holds(standing: Standing, places: Mapping[int, int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for name in standing.holds:
        for actor in standing.holders(name):
            found.setdefault(places[actor], []).append(called(name, False))
    return found


def _ending(execution: Execution) -> list[str]:
    """How it ended, in sentences: who waited for whom, or what the trial's detail says."""
    if execution.ending.kind == "deadlock":
        permits = {name: declared.permits for name, declared in execution.objects.items()}
        return deadlock.explained(execution.events, execution.ending.waiting, execution.actors, permits)
    return [execution.trial.detail] if execution.trial.detail else []
