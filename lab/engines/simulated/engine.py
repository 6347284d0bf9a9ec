"""The simulated engine: trials in virtual time, in one process."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from lab.cell import Cell
from lab.engines.simulated.session import SimulatedSession


class SimulatedEngine:
    """Runs trials in virtual time, in one process: only the delays take time, and no clock is waited for.

    A context manager; on leaving it no file of it is left. `seed` is the experiment's.
    """

    def __init__(self, seed: int = 1) -> None:
        self._seed = seed
        self._sessions: list[SimulatedSession] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions:
            session.close()

    def open(self, cell: Cell, lanes: int = 1, timeout_s: float | None = None) -> SimulatedSession:
        """A session; lanes do not matter to it. A trial of more than `timeout_s` virtual seconds is a hang."""
        session = SimulatedSession(cell, self._seed, timeout_s=timeout_s)
        self._sessions.append(session)
        return session
