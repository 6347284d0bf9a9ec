"""The checkpoint of a session: where executions go on, instead of beginning anew.

It lies at the first moment at which there is anything to choose: up to there every execution is the same. All
participants stand still there as templates (`inside/template.py`), and the folder is as it was kept. An execution goes
on with copies of them, and its controller comes there by the turns that were recorded. The first executions of a
session, and some later ones, begin anew all the same: so a program is noticed whose start does not repeat itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from marshal import dumps, loads
from socket import socket

from lab.engines.controlled.controller import Controller
from lab.engines.controlled.folder import Folder, Snapshot
from lab.engines.controlled.hearing import Stuck
from lab.engines.controlled.inside.channel import STAND
from lab.engines.controlled.parent import WarmParent
from lab.engines.controlled.turn import Turn

_AT_FIRST, _EVERY = 12, 64
"""So many executions begin anew at first, and then one of so many."""

_MOST_REFUSALS = 5
"""How often it is tried in a session where somebody has something open."""


class _Template:
    """A participant that stands still."""

    def __init__(self, channel: socket) -> None:
        self._channel = channel

    def ask(self) -> None:
        """Whether it can stand still; Stuck if somebody has killed it."""
        self._send(STAND)

    def order(self, word: str, group: int = 0) -> None:
        """Tell it what to do; Stuck if somebody has killed it."""
        self._send(dumps((word, group)))

    def _send(self, packet: bytes) -> None:
        try:
            self._channel.send(packet)
        except OSError:
            raise Stuck from None

    def answer(self) -> int:
        """What it says to that; Stuck if it says nothing."""
        try:
            return int(loads(self._channel.recv(64)))
        except (OSError, EOFError):
            raise Stuck from None

    def close(self) -> None:
        """Let it end."""
        self._channel.close()


class Checkpoint:
    """Of a session whose executions a warm parent forks. `has_left` tells if anything lies beside the folder."""

    def __init__(self, parent: WarmParent, folder: Folder, has_left: Callable[[], bool]) -> None:
        self._parent, self._folder, self._has_left = parent, folder, has_left
        self._templates: Mapping[int, _Template] = {}
        """By the numbers of their actors; none if there is no checkpoint."""
        self._has_copies = False
        """True while an execution goes on with copies of them."""
        self._turns: Sequence[Turn] = ()
        self._snapshot: Snapshot
        self._files: tuple[dict[int, str], dict[str, int]]
        self._executions = self._refusals = 0
        self._is_wanted = False

    def start(self, *, anew: bool) -> Sequence[Turn]:
        """The turns up to where the next execution begins, none if that is anew. The folder is as it was there."""
        self._executions += 1
        anew = anew or self._executions <= _AT_FIRST or self._executions % _EVERY == 0
        self._is_wanted = not anew and self._refusals < _MOST_REFUSALS
        if self._templates and (anew or not self._folder.restore_to(self._snapshot)):
            self._drop()
        if self._templates:
            return self._turns
        self._folder.restore()
        return ()

    def offer(self, controller: Controller) -> None:
        """A controller has come to its first choice: make the checkpoint here, if it can be done."""
        if self._templates or not self._is_wanted or not controller.is_plain() or self._has_left():
            return
        snapshot = self._folder.snapshot() if _is_one_group(controller) else None
        if snapshot is None or not self._stand(controller):
            self._refusals += 1
            return
        self._turns, self._snapshot, self._files = controller.turns, snapshot, controller.files.known()
        self.go_on(controller)

    def _stand(self, controller: Controller) -> bool:
        """Have all stand still, if all can."""
        templates = {}
        for actor in controller.actors.values():
            if actor.connection is not None and not actor.is_done:
                templates[actor.number] = template = _Template(actor.connection)
                template.ask()
        # Whoever has said that it can waits for what the others say.
        can = [bool(template.answer()) for template in templates.values()]
        if not all(can):
            for template in templates.values():
                template.order("go on")
            return False
        self._templates = templates
        return True

    def go_on(self, controller: Controller) -> None:
        """Have all be copied, and let the controller have the copies."""
        controller.files.recall(self._files)
        self._has_copies = True
        (number, first), *others = self._templates.items()
        first.order("copy")
        controller.admit([controller.actors[number]])
        group = controller.actors[number].pid
        for _, template in others:
            template.order("copy", group)
        self._parent.go_on(group)
        controller.admit([controller.actors[number] for number, _ in others])

    def status_of(self, number: int) -> int:
        """How the copy of this actor has ended."""
        template = self._templates[number]
        template.order("status")
        return template.answer()

    def end(self, *, is_whole: bool, is_doubtful: bool) -> None:
        """End what is left of an execution. Of one that is not whole nobody knows what all wait for: all go.

        Of one in which something was not controlled nobody knows what it has left: no other goes on beside it.
        """
        if is_doubtful:
            self._refusals = _MOST_REFUSALS
        try:
            if not self._templates or not is_whole or is_doubtful:
                self._drop()
            elif self._has_copies:
                for template in self._templates.values():
                    template.order("end")
                for template in self._templates.values():
                    template.answer()
                self._parent.go_back()
        except Stuck:
            self._drop()
        self._has_copies = False

    def _drop(self) -> None:
        self.close()
        self._parent.end()

    def close(self) -> None:
        """Leave the templates to themselves, which they end by."""
        for template in self._templates.values():
            template.close()
        self._templates = {}


def _is_one_group(controller: Controller) -> bool:
    """False if somebody has left the others' group of processes: a copy could not do the same."""
    pids = [actor.pid for actor in controller.actors.values() if not actor.is_done]
    try:
        return len({os.getpgid(pid) for pid in pids}) == 1
    except ProcessLookupError:  # somebody has killed it
        return False
