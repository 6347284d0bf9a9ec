"""Cores that don't sleep: a process on each, this very file run as a script, which runs where nobody else would.

A core with nothing to do sleeps, and takes some 50 us to wake for a process, in a virtual machine above all. On a
machine that is busy with other work there is no such pause: what becomes ready is switched to. What spins here has the
idle policy (sched(7), SCHED_IDLE), so whatever else becomes ready takes its core at once.

Only the standard library is imported by the script, so that it starts in milliseconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from itertools import repeat
from types import TracebackType


class AwakeCores:
    """A context manager: while it is entered none of these cores sleeps. `pid` leads a process group of its own."""

    def __init__(self, cores: Sequence[int]) -> None:
        command = [sys.executable, "-E", "-S", __file__, str(os.getpid()), *map(str, cores)]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdin=quiet, stdout=quiet, start_new_session=True)
        self._entered = 0
        self.pid = self._process.pid
        self._signal(signal.SIGSTOP)

    def __enter__(self) -> None:
        self._entered += 1
        self._signal(signal.SIGCONT)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._entered -= 1
        if not self._entered:
            self._signal(signal.SIGSTOP)

    def end(self) -> None:
        """End its processes."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        os.killpg(self.pid, number)


def _spin(owner: int, cores: Sequence[int]) -> None:
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    core = cores[0]
    for other in cores[1:]:
        leader = os.getpid()
        if os.fork() == 0:
            owner, core = leader, other
            break
    os.sched_setaffinity(0, {core})
    # The owner's death is noticed by whoever had it as a parent.
    while os.getppid() == owner:
        for _ in repeat(None, 100_000):
            pass


if __name__ == "__main__":
    _spin(int(sys.argv[1]), [int(core) for core in sys.argv[2:]])
