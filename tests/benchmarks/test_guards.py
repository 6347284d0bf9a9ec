"""What each guard costs, side by side: a trial of `ticket_sale` with five buyers and no delay, on each store.

    pytest tests/benchmarks/test_guards.py --benchmark-only --benchmark-columns=min,median,iqr,rounds

The times are those of one trial: a round is a batch of trials of one crew, divided by their number. Each guard's
`extra_info` (with --benchmark-json=FILE) has how often it oversold, with the interval.
"""

import contextlib
from itertools import count

import pytest
from conftest import NO_DELAY, make_cell

from lab.errors import UsageError
from lab.scenarios import scenario_named
from lab.statistics import rate_interval, rate_text

PROCESSES = 5
CREWS = 10
BATCH = 50


def fitting_cells():
    """Every guard on every store of the scenario that it works on."""
    scenario = scenario_named("ticket_sale")
    for store in scenario.stores:
        for guard in scenario.guards:
            with contextlib.suppress(UsageError):
                cell = make_cell("ticket_sale", guard, store, PROCESSES, **NO_DELAY)
                yield pytest.param(cell, id=f"{guard} on {store}")


class Crews:
    """Runs one trial a call: a batch of each crew in turn, since the trials of one crew are not independent."""

    def __init__(self, engine, cell):
        self._sessions = [engine.open(cell) for _ in range(CREWS)]
        self._streams = [session.run(count(crew, CREWS)) for crew, session in enumerate(self._sessions)]
        self._calls = count()
        self.oversold = [0] * CREWS
        self.trials = [0] * CREWS

    def one_trial(self):
        crew = next(self._calls) // BATCH % CREWS
        trial = next(self._streams[crew])
        self.trials[crew] += 1
        self.oversold[crew] += trial.measures["sold"] > 1

    def close(self):
        for session in self._sessions:
            session.close()


@pytest.mark.parametrize("cell", list(fitting_cells()))
def test_a_trial_of_five_buyers(benchmark, engine, cell):
    benchmark.group = f"guards on {cell.store.name}"
    with contextlib.closing(Crews(engine, cell)) as crews:
        benchmark.pedantic(crews.one_trial, iterations=BATCH, rounds=CREWS, warmup_rounds=CREWS)
    rate = sum(crews.oversold) / sum(crews.trials)
    low, high, _ = rate_interval(crews.oversold, crews.trials)
    benchmark.extra_info.update(
        guard=str(cell.guard),
        store=cell.store.name,
        trials=sum(crews.trials),
        oversell_rate=rate,
        oversell_low=low,
        oversell_high=high,
        oversell=rate_text(rate, low, high),
    )
