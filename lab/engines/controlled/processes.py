"""The life of processes: ends, waits for them, looks at them, and signals between them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any

from lab.engines.controlled.actor import Actor
from lab.engines.controlled.step import Lasting, Names, Step
from lab.kinds import LIFE


class Processes(Lasting):
    """All actors of an execution. `is_drained` tells whether an actor has nothing left to deliver."""

    name = "processes"

    def __init__(self, actors: Mapping[int, Actor], left_by: Callable[[int], Names]) -> None:
        self._actors = actors
        self._left_by = left_by
        self.is_drained: Callable[[int], bool] = lambda actor: True
        self.is_abandoned = False
        self._killed: list[Actor] = []

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """exit(code), join(number, has_timeout), poll(number), join any(numbers, is_look), kill(number, signal).

        Of a thread: begin, end.
        """
        if verb == "exit":
            return self._exit_step(self._actors[actor].process, *arguments)
        if verb == "begin":
            return Step(verb, (self.called(actor),), is_local=True)
        if verb == "end":
            return Step(verb, (self.called(actor),), lambda: self._end(actor))
        if verb == "join":
            number, has_timeout = arguments
            names = (self.called(number),)
            give_up = (lambda: False) if has_timeout else None
            is_local = not has_timeout
            return Step(
                "join", names, lambda: True, self._ended(number), True, give_up=give_up, is_local=is_local, gives=False
            )
        if verb == "poll":
            return Step("poll", (self.called(arguments[0]),), self._ended(arguments[0]), is_read=True)
        if verb == "join any":
            return self._join_any(*arguments)
        if verb == "kill":
            number, sig = arguments
            return Step("kill", (f"process {number}",), lambda: self._kill(number, sig))
        self.is_abandoned = True
        return Step("abandon", can=lambda: False)

    def called(self, number: int) -> str:
        """What operations call a process or a thread."""
        actor = self._actors.get(number)
        return f"process {number}" if actor is None or actor.thread_of is None else f"thread {number}"

    @staticmethod
    def number_of(step: Step) -> int:
        """Whose end a join waits for."""
        return int(step.names[0].split()[1])

    def _ended(self, number: int) -> Callable[[], bool]:
        return lambda: self._actors[number].is_done

    def _exit_step(self, process: int, code: int) -> Step:
        def look() -> tuple[Names, bool]:
            # Whatever a daemon thread has done, it would not have done after this.
            lives = (f"{LIFE}{one.number}" for one in self._actors.values() if one.is_daemon and one.process == process)
            return (f"process {process}", *self._left_by(process), *lives), False

        return Step("exit", do=lambda: self._exit(process, code), can=lambda: self.is_drained(process), look=look)

    def _exit(self, process: int, code: int) -> None:
        self._actors[process].code = code

    def _end(self, thread: int) -> None:
        self._actors[thread].is_done = True

    def _join_any(self, numbers: list[int], is_look: bool) -> Step:
        names = tuple(f"process {number}" for number in numbers)

        def first() -> int:
            return next((number for number in numbers if self._actors[number].is_done), 0)

        return Step("wait", names, first, None if is_look else lambda: bool(first()), is_read=True)

    def _kill(self, number: int, sig: int) -> bool:
        actor = self._actors.get(number)
        if actor is None or actor.is_reaped:
            return False
        if actor.is_done or sig == 0:
            return True
        with contextlib.suppress(ProcessLookupError):
            os.kill(actor.pid, sig)
        if sig in (signal.SIGKILL, signal.SIGTERM):
            self._killed.append(actor)
            actor.code = -sig
        return True

    def take_killed(self) -> list[Actor]:
        """Who has been sent a signal that kills, since this was last asked."""
        killed, self._killed = self._killed, []
        return killed
