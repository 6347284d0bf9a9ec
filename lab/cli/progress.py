"""The progress bar: the cell, trials a second, and the time that is left; warnings once each, when it is gone."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Self

from rich import progress as rich_progress
from rich.console import Console

from lab.cell import Cell
from lab.experiments.cost import plan_s
from lab.experiments.grid import Experiment, Plan, left_out
from lab.experiments.runner import Progress
from lab.trial import Trial

_REFRESH_S = 0.2


class Bar(Progress):
    """Shows on stderr how a run goes on; on a terminal as a bar, elsewhere as one line before and the warnings."""

    def __init__(self, experiment: Experiment, quiet: bool) -> None:
        self._experiment = experiment
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False)
        # No refreshing thread: the coordinator forks, and a fork must find one thread.
        self._bar = rich_progress.Progress(
            rich_progress.TextColumn("{task.description}"),
            rich_progress.BarColumn(bar_width=20),
            rich_progress.MofNCompleteColumn(),
            rich_progress.TextColumn("{task.fields[rate]}"),
            console=self._console,
            auto_refresh=False,
            transient=True,
            disable=quiet or not sys.stderr.isatty(),
        )
        self._warnings: list[str] = []
        self._left_s: dict[str, float] = {}
        self._cell_id = ""

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        for text in dict.fromkeys(self._warnings):
            self._say(f"lab: {text}")

    def starts(self, cells: Sequence[Plan], measured: int) -> None:
        """Tell the cost, and begin to count."""
        self._costs = {plan.cell.cell_id: plan_s(self._experiment, plan) / plan.trials for plan in cells}
        self._missing = {plan.cell.cell_id: plan.trials for plan in cells}
        total = sum(self._missing.values())
        self._measured, self._start, self._shown = 0, time.monotonic(), 0.0
        self._done_s, self._known = 0.0, measured
        self._task = self._bar.add_task("", total=total, completed=measured, rate="")
        if not self._quiet:
            scale = f", delays divided by {self._experiment.scale:g}" if self._experiment.scale != 1 else ""
            seconds = sum(plan_s(self._experiment, plan) for plan in cells) * (1 - measured / total if total else 0)
            cell = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
            self._say(f"{self._experiment.name}: {cell}, {total - measured:,} trials{scale}, about {_time(seconds)}")
            if omitted := left_out(self._experiment):
                self._say(f"left out: {omitted}")

    def enters(self, cell: Cell, lanes: int) -> None:
        """Name the cell."""
        self._cell_id = cell.cell_id
        side_by_side = f", {lanes} lanes" if lanes > 1 else ""
        self._bar.update(self._task, description=f"{cell}{side_by_side}")
        self._show()

    def ended(self, trial: Trial) -> None:
        """Count a trial."""
        self._measured += 1
        self._missing[self._cell_id] -= 1
        self._done_s += self._costs[self._cell_id]
        if time.monotonic() - self._shown > _REFRESH_S:
            self._show()

    def skips(self, cell: Cell, trials: int) -> None:
        """Count trials that need not be run."""
        self._missing[cell.cell_id] -= trials
        self._known += trials

    def warns(self, text: str) -> None:
        """Keep a warning for the end."""
        self._warnings.append(text)

    def _say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, markup=False)

    def _show(self) -> None:
        self._shown = time.monotonic()
        elapsed = self._shown - self._start
        expected = sum(self._costs[cell_id] * missing for cell_id, missing in self._missing.items())
        # The estimate is scaled by how wrong it has been so far.
        left = f", {_time(expected * elapsed / self._done_s)} left" if self._done_s else ""
        rate = f"{self._measured / elapsed:,.0f} trials/s{left}" if elapsed > 0 else ""
        self._bar.update(self._task, completed=self._known + self._measured, rate=rate, refresh=True)


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
