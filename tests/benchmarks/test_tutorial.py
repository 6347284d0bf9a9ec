"""The main job, whole: `lab run` takes at most two minutes. The one absolute time that is promised.

    pytest tests/benchmarks/test_tutorial.py --benchmark-only

It is in a file of its own, since it takes that long.
"""

import subprocess
import sys
import time
from pathlib import Path

import pytest

import lab


@pytest.mark.benchmark(group="the whole of lab run")
def test_the_tutorial_of_a_thousand_trials_a_cell_takes_at_most_two_minutes(benchmark, tmp_path):
    command = [Path(sys.executable).with_name("lab"), "run", "--quiet", "--out", tmp_path / "results"]
    start = time.perf_counter()
    benchmark.pedantic(lambda: subprocess.run(command, check=True, capture_output=True), rounds=1)
    seconds = time.perf_counter() - start

    summary = lab.open_results(tmp_path / "results").summary
    benchmark.extra_info.update(seconds=seconds, at_most=120, cells=len(summary), trials=int(summary["trials"].sum()))
    assert summary.query("scenario != 'stuck_light'")["trials"].min() == 1000
    assert seconds <= 120
