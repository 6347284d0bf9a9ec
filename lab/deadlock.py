"""Why nobody could go on: who holds what and who waits for what, as a cycle, or what nobody is left to do.

Told from a history and the operations that were still waiting at its end; knows no engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.kinds import meaning, shown
from lab.scheduler import Event, Operation
from lab.standing import Standing


def explained(
    events: Sequence[Event], waiting: Sequence[Operation], names: Mapping[int, str], permits: Mapping[str, int]
) -> list[str]:
    """A sentence for each cycle, then one for each actor that waits and is in none.

    Threads that feed queues are left out: they have nothing to deliver.
    """
    standing = Standing(permits)
    for event in events:
        standing.done(event)
    wants = {operation.actor: operation for operation in waiting if _wanted(operation)}
    cycles = _cycles(wants, standing)
    told = {actor for cycle in cycles for actor in cycle}
    sentences = [_cycle(cycle, wants, standing, names) for cycle in cycles]
    return sentences + [_wait(wants[actor], wants, standing, names) for actor in sorted(wants) if actor not in told]


def _wanted(operation: Operation) -> list[str]:
    """What it waits for; of a put, the queue and not the buffer. A store may be busy whatever one does to it."""
    return [name for name in operation.objects if name == "store" or meaning(operation.kind, name).remedy]


def _cycles(wants: Mapping[int, Operation], standing: Standing) -> list[list[int]]:
    """The cycles among actors of which each waits for what the next holds, each from its least actor on."""
    following: dict[int, int] = {}
    for actor, operation in wants.items():
        holders = [
            holder for name in _wanted(operation) for holder in standing.blockers(operation, name) if holder in wants
        ]
        if holders:
            following[actor] = holders[0]
    cycles: list[list[int]] = []
    for start in sorted(following):
        path = [start]
        while (after := following.get(path[-1])) is not None and after not in path:
            path.append(after)
        if after == start and all(start not in cycle for cycle in cycles):
            cycles.append(path)
    return cycles


def _cycle(cycle: Sequence[int], wants: Mapping[int, Operation], standing: Standing, names: Mapping[int, str]) -> str:
    first = cycle[0]
    name, line = _held(wants[cycle[-1]], first, standing)
    if len(cycle) == 1:
        return f"{names[first]} holds {shown(name)}{_at(line)} and waits for it again{_at(wants[first].line)}"
    text = f"{names[first]} holds {shown(name)}{_at(line)} and waits for "
    for actor, holder in zip(cycle, [*cycle[1:], first], strict=True):
        wanted, line = _held(wants[actor], holder, standing)
        text += f"{shown(wanted)}{_at(wants[actor].line)}, which {names[holder]} holds"
        if holder != first:
            text += f"{_at(line)}, who waits for "
    return text


def _held(operation: Operation, holder: int, standing: Standing) -> tuple[str, str]:
    """Which of the things that an operation waits for this actor holds, and the line at which it was taken."""
    name = next(name for name in _wanted(operation) if holder in standing.blockers(operation, name))
    return name, standing.holders(name)[holder]


def _wait(operation: Operation, wants: Mapping[int, Operation], standing: Standing, names: Mapping[int, str]) -> str:
    wanted = _wanted(operation)
    text = f"{names[operation.actor]} waits for {' or '.join(dict.fromkeys(map(shown, wanted)))}{_at(operation.line)}, "
    blockers = standing.blockers(operation, wanted[0])
    if not blockers:
        return f"{text}which nobody is left to {meaning(operation.kind, wanted[0]).remedy or 'change'}"
    holders = [f"{names[actor]}{'' if actor in wants else ', who has ended,'}" for actor in blockers]
    verb = "holds" if len(holders) == 1 else "hold"
    return f"{text}which {' and '.join(holders)} {verb}{_at(', '.join(dict.fromkeys(filter(None, blockers.values()))))}"


def _at(line: str) -> str:
    return f" ({line})" if line else ""
