"""What the summary of ten million trials costs, against the bare pandas work on the same rows in the same run.

    PYTHONPATH=. python -m pytest tests/benchmarks/test_summary_speed.py --benchmark-json=summary.json

The ratio stands in `extra_info`. LAB_SUMMARY_ROWS=200000 is small enough to try it out, but then the ratio means
nothing: what a cell costs whatever its trials, some 4 ms, is most of the time.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab.medians import probabilities
from lab.summary import summarise

ROWS = int(os.environ.get("LAB_SUMMARY_ROWS", 10_000_000))
CELLS = 100
BLOCK = 1000
GUARDS = ("none", "lock", "file_lock", "queue", "optimistic")
OUTCOMES = np.array(["ok", "oversold", "torn_read", "lost_update"])


def made_cells():
    """One cell at a time: its columns and its trials, as the archive gives them."""
    generator = np.random.default_rng(1)
    for number in range(CELLS):
        yield made_columns(number), made_trials(generator, ROWS // CELLS)


def made_columns(number):
    return {
        "cell_id": f"{number:016x}",
        "scenario": "ticket_sale",
        "guard": GUARDS[number % len(GUARDS)],
        "store": "memory",
        "processes": 5,
        "delay": "uniform(0,1ms)",
        "engine": "real",
        "alignment": "natural",
        "start_method": "fork",
        "tickets": 1 + number // len(GUARDS),
    }


def made_trials(generator, count):
    numbers = np.arange(count)
    outcome = generator.integers(0, OUTCOMES.size, count)
    return pd.DataFrame(
        {
            "lane": numbers // BLOCK % 2,
            "block": numbers // BLOCK,
            "trial": numbers,
            "seed": generator.integers(0, 2**63, count),
            "outcome": pd.Series(OUTCOMES[outcome], dtype="str"),
            "detail": "",
            "violation": outcome > 0,
            "interesting": False,
            "wall_s": generator.lognormal(-5, 0.5, count),
            "wait_median_s": generator.exponential(0.001, count),
            "wait_max_s": generator.exponential(0.002, count),
            "sold": generator.integers(1, 6, count),
            "torn_reads": generator.integers(0, 2, count),
        }
    )


def bare_aggregates(frame):
    """Counts, sums and outcomes by cell, and the rows in order of wall time."""
    by_cell = frame.groupby("cell_id", observed=True)
    sums = ("violation", "wall_s", "sold", "torn_reads")
    totals = by_cell.agg(trials=("trial", "size"), **{name: (name, "sum") for name in sums})
    # Two columns only: all of them would take longer, and be no fair measure.
    return totals, by_cell["outcome"].value_counts(), frame[["cell_id", "wall_s"]].sort_values("wall_s")


def bare_quantiles(frame):
    """201 quantiles a cell."""
    return frame.groupby("cell_id", observed=True)["wall_s"].quantile(probabilities())


@pytest.mark.benchmark(group="summary")
def test_ten_million_rows_are_summarised_in_at_most_twice_the_time_of_bare_pandas(benchmark):
    cells = list(made_cells())
    ours = benchmark.pedantic(lambda: summarise(cells), rounds=3, warmup_rounds=1)
    assert len(ours.summary) == CELLS

    frame = pd.concat([frame for _, frame in cells], ignore_index=True)
    identities = [columns["cell_id"] for columns, _ in cells]
    frame["cell_id"] = pd.Categorical.from_codes(np.repeat(np.arange(CELLS), ROWS // CELLS), identities)
    aggregates_s, quantiles_s = (
        min(seconds(work, frame) for _ in range(3)) for work in (bare_aggregates, bare_quantiles)
    )
    ours_s = benchmark.stats.stats.min
    ratio = ours_s / (aggregates_s + quantiles_s)
    benchmark.extra_info.update(
        rows=ROWS,
        cells=CELLS,
        bare_pandas_s=aggregates_s + quantiles_s,
        ratio=ratio,
        ratio_but_for_quantiles=ours_s / aggregates_s,
    )
    assert ratio < 2 or ROWS < 10_000_000


def seconds(work, argument):
    start = time.perf_counter()
    work(argument)
    return time.perf_counter() - start


MEASURE = r"""
import json, pathlib, re, sys
sys.path.insert(0, {folder!r})
import test_summary_speed as made
from lab.summary import summarise

def peak():
    # Not getrusage: its peak starts with that of the process which started this one.
    return int(re.search(r"VmHWM:\s*(\d+)", pathlib.Path("/proc/self/status").read_text())[1]) / 1024

sum(len(frame) for _, frame in made.made_cells())
before = peak()
summarise(made.made_cells())
print(json.dumps([before, peak()]))
"""


@pytest.mark.benchmark(group="summary")
def test_the_memory_is_that_of_one_cell_and_the_sketches(benchmark):
    code = MEASURE.format(folder=str(Path(__file__).parent))

    def measured():
        output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        return json.loads(output)

    before_mb, peak_mb = benchmark.pedantic(measured, rounds=1)
    benchmark.extra_info.update(rows=ROWS, reading_mb=before_mb, peak_mb=peak_mb)
    assert peak_mb < 1500
