"""The controller of one execution: it hears what each participant announces, asks the scheduler, and lets one go on.

Between two choices only the participant that was let go runs, and whom it forks; the controller waits until all of
them have announced something or ended. What they announce is looked at in the order of actors, never in that of
arrival, so that an execution depends on its choices alone.

Knows no strategy, and of files and processes only what it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from marshal import dumps
from socket import socket
from typing import Any, Protocol

from lab.engines.controlled.actor import Actor
from lab.engines.controlled.hearing import Hearing, Stuck
from lab.engines.controlled.messages import Feeder
from lab.engines.controlled.step import Step
from lab.engines.controlled.turn import Turn
from lab.execution import Ending
from lab.scheduler import Cut, Departed, Operation, Scheduler

MOST_OPERATIONS = 20_000
_TELLS = ("stat", "lstat")


class Checkpoint(Protocol):
    """Who keeps participants at a checkpoint, and makes copies of them."""

    def go_on(self, controller: Controller, /) -> None:
        """Give its actors the channels of copies."""

    def offer(self, controller: Controller, /) -> None:
        """It has come to its first choice: here a checkpoint could be made."""

    def status_of(self, number: int, /) -> int:
        """How the copy of this actor has ended."""


class Controller(Hearing):
    """Runs one execution; afterwards it tells all that happened."""

    def __init__(
        self, listener: socket, root: str, before: Sequence[Turn], checkpoint: Checkpoint, *, keeps_history: bool
    ) -> None:
        """`before` are the turns that lead to the checkpoint, if it begins there."""
        super().__init__(listener, root, checkpoint.status_of, keeps_history=keeps_history)
        self._before, self._checkpoint = before, checkpoint
        self.checks: list[tuple[Operation, int]] = []
        """What was chosen, and a number for all that everybody had asked until then."""
        self._current: int | None = None

    def run(self, scheduler: Scheduler, before: Sequence[tuple[Operation, int]]) -> Ending:
        """Run it; `before` are the checks of an execution that may have begun in the same way."""
        try:
            if self._before:
                self._follow(scheduler)
            kind = self._run(scheduler, before)
        except Cut:
            kind = "cut"
        except Stuck:
            kind = "stuck"
        return Ending(kind, tuple(self._waiting()))

    def _follow(self, scheduler: Scheduler) -> None:
        """Come to the checkpoint, for which nobody needs to run."""
        *before, last = self._before
        for turn in before:
            self._hear_again(turn)
            if turn.enabled is None:
                self._do_local()
            else:
                self._choose(scheduler, [turn.enabled], [self.actors[turn.enabled.actor]], self._check())
        self._hear_again(last)
        self._is_recorded = False
        self._checkpoint.go_on(self)

    def _check(self) -> int:
        return hash(tuple(self.actors[number].check for number in sorted(self.actors)))

    def _run(self, scheduler: Scheduler, before: Sequence[tuple[Operation, int]]) -> str:
        alike = True
        while True:
            self._gather()
            if self._do_local():
                continue
            if self.processes.is_abandoned:
                return "stuck"
            if all(actor.is_done for actor in self.actors.values()):
                return "done"
            enabled, able = self._enabled()
            if not enabled:
                return "deadlock"
            if self.operations >= MOST_OPERATIONS:
                return "endless"
            check, place = self._check(), len(self.checks)
            if alike and place < len(before) and before[place][1] != check:
                raise Departed(self._difference(place))
            if self._is_recorded:
                self._record(enabled)
            chosen = self._choose(scheduler, enabled, able, check)
            alike = alike and place < len(before) and before[place][0] == chosen

    def _record(self, enabled: Sequence[Operation]) -> None:
        """Whatever can alone be done is no choice, and whoever alone can do it is no feeder."""
        if len(enabled) == 1 and enabled[0].actor in self.actors and not enabled[0].is_timeout:
            self.turns[-1].enabled = enabled[0]
        else:
            self._is_recorded = False
            self._checkpoint.offer(self)

    def _choose(
        self, scheduler: Scheduler, enabled: Sequence[Operation], able: Sequence[Actor | Feeder], check: int
    ) -> Operation:
        asks = len(enabled) > 1 or scheduler.asks_always
        choice = scheduler.choose(enabled, self._current) if asks else 0
        self.checks.append((enabled[choice], check))
        self._grant(able[choice], enabled[choice])
        return enabled[choice]

    def is_plain(self) -> bool:
        """True if copies of its participants are all that it takes to go on from here."""
        # What was told of a file then, such as when it was changed last, a script may keep, and compare.
        if any(turn.enabled is not None and turn.enabled.kind in _TELLS for turn in self.turns):
            return False
        ended = [actor for actor in self.actors.values() if actor.is_done]
        are_told = all(actor.is_reaped and not actor.is_gone for actor in ended)
        return are_told and not (self.keeps_history or self.has_threads or self.doubts)

    def _difference(self, place: int) -> str:
        lines = ", ".join(f"{actor.name} at {actor.line}" for actor in self.actors.values() if actor.line)
        return f"operation {place + 1}: what was announced, written or printed differs from the time before ({lines})"

    def _enabled(self) -> tuple[list[Operation], list[Actor | Feeder]]:
        enabled: list[Operation] = []
        able: list[Actor | Feeder] = []
        late: list[Actor] = []
        for number in sorted(self.actors):
            actor = self.actors[number]
            step = actor.step
            if actor.is_done or step is None:
                continue
            if step.is_possible():
                enabled.append(self._operation(actor, step))
                able.append(actor)
            elif step.is_last_resort:
                late.append(actor)
            elif step.give_up is not None:
                enabled.append(step.timeout(number, actor.line, tuple(actor.after.items())))
                able.append(actor)
        for feeder in sorted(self._feeders, key=lambda one: one.number):
            step = feeder.step()
            if step is not None and step.is_possible():
                enabled.append(step.operation(feeder.number, ""))
                able.append(feeder)
        if not enabled:
            for actor in late:
                assert actor.step is not None
                enabled.append(actor.step.timeout(actor.number, actor.line, tuple(actor.after.items())))
                able.append(actor)
        return self._patient(enabled, able)

    def _patient(
        self, enabled: list[Operation], able: list[Actor | Feeder]
    ) -> tuple[list[Operation], list[Actor | Feeder]]:
        """Those last who would only look again at what has not changed, as in a loop that waits for the others.

        The more often they have looked, the later. They are offered all the same; but a search that goes on with
        whoever runs would follow such a loop for ever, also beside somebody who reads a file twice.
        """
        looks = [
            one.looks.get(_look(operation), 0) if isinstance(one, Actor) and one.looks else 0
            for operation, one in zip(enabled, able, strict=True)
        ]
        least = min(looks, default=0)
        if max(looks, default=0) == least:
            return enabled, able
        order = sorted(range(len(enabled)), key=lambda place: looks[place])
        if any(
            seen > least and operation.actor == self._current for seen, operation in zip(looks, enabled, strict=True)
        ):
            self._current = None
        return [enabled[place] for place in order], [able[place] for place in order]

    def _operation(self, actor: Actor, step: Step) -> Operation:
        after = actor.after
        if step.kind == "exit":  # a process ends when its feeders are done
            feeders = {feeder.number: feeder.delivered for feeder in self._feeders if feeder.of == actor.process}
            after = {**after, **{number: count for number, count in feeders.items() if count}}
        return step.operation(actor.number, actor.line, tuple(after.items()))

    def _waiting(self) -> list[Operation]:
        waiting = [
            self._operation(actor, actor.step)
            for actor in self.actors.values()
            # What a daemon thread would have done next, its process's end kept it from.
            if (actor.is_daemon or not actor.is_done) and actor.step is not None and not actor.step.is_local
        ]
        steps = [(feeder.number, feeder.step()) for feeder in self._feeders]
        return waiting + [step.operation(number, "") for number, step in steps if step is not None]

    def blocked(self) -> list[tuple[Actor, Operation]]:
        """Who has not ended, and what it waits for; joins too."""
        return [
            (actor, actor.step.operation(actor.number, actor.line))
            for actor in self.actors.values()
            if not actor.is_done and actor.step is not None
        ]

    def _do_local(self) -> bool:
        """Let all go on whose step is no choice, but of the threads of a process one alone."""
        going: set[int] = set()
        for actor in list(self.actors.values()):
            step = actor.step
            if step is None or not step.is_local or actor.is_done or actor.process in going:
                continue
            if step.is_possible():
                going.add(actor.process)
                self._note(step.operation(actor.number, actor.line))
                self._learn(actor, step)
                self._answer(actor, step.do())
        return bool(going)

    def _learn(self, actor: Actor, step: Step) -> None:
        """What this actor does next could not have come before what it waited for."""
        if step.kind == "join":
            child = self.actors[self.processes.number_of(step)]
            if child.operations:
                actor.after[child.number] = child.operations
            if child.killed_by is not None:
                actor.after[child.killed_by[0]] = child.killed_by[1]
        else:
            delivered = {feeder.number: feeder.delivered for feeder in self._feeders if feeder.of == actor.process}
            actor.after.update({number: count for number, count in delivered.items() if count})

    def _grant(self, chosen: Actor | Feeder, operation: Operation) -> None:
        self.operations += 1
        self._current = operation.actor
        step = chosen.step if isinstance(chosen, Actor) else chosen.step()
        assert step is not None
        self._note(operation)
        act = step.give_up if operation.is_timeout else step.do
        assert act is not None
        answer = act()
        if self.keeps_history and step.gives and answer is not None:
            self._told_result(operation.actor, repr(answer))
        if not operation.is_read:
            for actor in self.actors.values():
                actor.looks.clear()
        elif isinstance(chosen, Actor):
            look = _look(operation)
            chosen.looks[look] = chosen.looks.get(look, 0) + 1
        if isinstance(chosen, Actor):
            chosen.operations += 1
            chosen.after.clear()
            self._answer(chosen, answer)
            if step.kind == "exit":
                self.hands_on |= any(one.is_daemon and not one.is_done for one in self.threads_of(chosen.process))
                if self.left_in_databases(chosen.process):
                    self._await_end(chosen)
                self._left(chosen.process)
        for killed in self.processes.take_killed():
            self.doubts["a process is killed, and not every moment for it was tried"] = None
            killed.killed_by = (operation.actor, self.actors[operation.actor].operations)
            self._await_death(killed)

    def _answer(self, actor: Actor, answer: Any) -> None:
        actor.step = None
        try:
            if actor.connection is not None:  # in a record it was answered
                actor.connection.send(dumps(answer))
        except OSError:
            self._died(actor)
        else:
            if not actor.is_done:
                self._running.append(actor)


def _look(operation: Operation) -> tuple[str, tuple[str, ...], str]:
    return operation.kind, operation.objects, operation.line
