"""How a search goes on, on stderr: the cell, executions, their speed, and how much of it is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Self

from rich.console import Console
from rich.status import Status

from lab.cell import Cell
from lab.cell_search import Watcher
from lab.search import Tally

_REFRESH_S = 0.2


class Searching(Watcher):
    """One line that changes, on a terminal; nothing elsewhere."""

    def __init__(self, quiet: bool) -> None:
        console = Console(stderr=True, highlight=False)
        self._status = None if quiet or not sys.stderr.isatty() else Status("", console=console, refresh_per_second=5)
        self._cell = ""
        self._start = self._shown = 0.0

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def enters(self, cell: Cell | str) -> None:
        """Name the cell."""
        self._cell, self._start = str(cell), time.monotonic()
        self._show(self._cell)

    def told(self, tally: Tally, share_done: Callable[[], float] | None) -> None:
        """Tell how far the search has come."""
        now = time.monotonic()
        if self._status and now - self._shown > _REFRESH_S:
            elapsed = now - self._start
            text = f"{self._cell}: {tally.executions:,} executions, {tally.executions / elapsed:,.0f}/s"
            if share_done is not None:
                share = share_done()
                text += f", about {share:.0%} done"
                if share > 0.01:
                    text += f", {elapsed / share - elapsed:.0f} s left"
            self._show(text)

    def _show(self, text: str) -> None:
        self._shown = time.monotonic()
        if self._status:
            self._status.update(text)
