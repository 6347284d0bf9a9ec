"""What every engine offers: sessions of one cell, which run trials by number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Protocol, Self

from lab.cell import Cell
from lab.trial import Trial


class Session(Protocol):
    """One cell, ready to run."""

    def run(self, trials: Iterable[int]) -> Iterator[Trial]:
        """Run the trials with these numbers, and yield each as it ends, in any order."""

    def close(self) -> None:
        """End every process and remove every file of the session."""


class Engine(Protocol):
    """Runs trials. A context manager: on leaving it, nothing of it is left."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def open(self, cell: Cell, lanes: int = 1, timeout_s: float | None = None) -> Session:
        """A session for this cell, of so many trials side by side; one of more than `timeout_s` seconds is a hang."""
