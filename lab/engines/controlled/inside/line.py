"""The line on which the processes of an execution ask the warm parent to fork, since nothing of the script is in it.

Whom it forks is its child, and not that of who has asked: so it is asked for the status of one that has ended, too.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from marshal import dumps, loads
from typing import Any

from lab.engines.controlled.inside.channel import MOST_BYTES, me, raw_exit

_MOST_PASSED = 250
"""Descriptors of a packet: the kernel takes 253."""

raw_fork, raw_waitpid, raw_close, raw_write = os.fork, os.waitpid, os.close, os.write


class Line:
    """Both ends of it, for one execution."""

    def __init__(self) -> None:
        self._theirs, self._ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def start(self, request: Any, descriptors: Sequence[int]) -> Callable[[], int]:
        """Have a process started that begins with these; what waits for its end, and gives its status."""
        pid = self._asked("start", request, descriptors)
        return partial(self._status, pid)

    def _status(self, pid: int) -> int:
        # To wait is for who has asked: the warm parent has others to listen to.
        end = os.pidfd_open(pid)
        poll = select.poll()
        poll.register(end, select.POLLIN)
        poll.poll()
        raw_close(end)
        return self._asked("status", pid)

    def numbers(self) -> tuple[int, ...]:
        """The descriptors of the end that is a process's own."""
        return (self._theirs.fileno(),)

    def _asked(self, verb: str, argument: Any, descriptors: Sequence[int] = ()) -> int:
        try:
            with me:
                # Several may ask at once: each is answered on a channel of its own.
                answers, to_answer = socket.socketpair()
                with answers:
                    with to_answer:
                        socket.send_fds(self._theirs, [dumps((verb, argument))], [to_answer.fileno(), *descriptors])
                    return int(loads(answers.recv(64)))
        except (OSError, EOFError):
            raw_exit(70)  # the warm parent is gone, or the script has closed what is not its own

    def await_command(self, control: socket.socket, live: Callable[[Line, Any, list[int]], None]) -> None:
        """In the warm parent: serve whoever asks, until the controller says something."""
        poll = select.poll()
        for one in (control, self._ours):
            poll.register(one, select.POLLIN)
        while control.fileno() not in {descriptor for descriptor, _ in poll.poll()}:
            self._answer(live)

    def _answer(self, live: Callable[[Line, Any, list[int]], None]) -> None:
        packet, (to_answer, *descriptors), _, _ = socket.recv_fds(self._ours, MOST_BYTES, _MOST_PASSED)
        verb, argument = loads(packet)
        if verb == "status":
            answer = raw_waitpid(argument, 0)[1]
        else:
            answer = raw_fork()
            if not answer:
                raw_close(to_answer)
                self.leave()
                live(self, argument, descriptors)
        with suppress(BrokenPipeError):  # who has asked was killed
            raw_write(to_answer, dumps(answer))
        for descriptor in (to_answer, *descriptors):
            raw_close(descriptor)

    def leave(self) -> None:
        """In a process of the execution: the other end is not its own."""
        self._ours.close()

    def close(self) -> None:
        """The execution is over."""
        self._theirs.close()
        self._ours.close()
