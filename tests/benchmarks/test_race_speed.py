"""How many runs a second `lab race` makes of a script, against starting Python for each.

    pytest tests/benchmarks/test_race_speed.py --benchmark-only

The script has no delays, so that what a run costs is all there is.
"""

import contextlib
import statistics
import subprocess
import sys
import time

import pytest
from conftest import make_cell
from interleaved import Interleaved

from lab.script_run import ScriptRun

pytestmark = pytest.mark.benchmark(group="race")

SALE = """
import json
from multiprocessing import Process

def buy(name):
    with open("count.json") as file:
        count = json.load(file)
    if count:
        with open("count.json", "w") as file:
            json.dump(count - 1, file)
        print(name)

if __name__ == "__main__":
    with open("count.json", "w") as file:
        json.dump(1, file)
    buyers = [Process(target=buy, args=(name,)) for name in "ab"]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join()
"""


def test_a_run_is_five_times_as_fast_as_python_started_anew(benchmark, engine, tmp_path):
    script = tmp_path / "sale.py"
    script.write_text(SALE)
    runs, started_anew = 100, 10
    with contextlib.closing(engine.open(make_cell(ScriptRun, processes=1, script=str(script)))) as session:

        def judged():
            assert len(list(session.run(range(runs)))) == runs

        def anew_s():
            start = time.perf_counter()
            for _ in range(started_anew):
                subprocess.run([sys.executable, script], cwd=tmp_path, check=True, capture_output=True)
            return (time.perf_counter() - start) / started_anew

        pair = Interleaved(benchmark, judged, anew_s, rounds=7)
    ratio = pair.times_faster(runs)
    benchmark.extra_info.update(
        ratio=ratio,
        at_least=5,
        run_s=statistics.median(pair.work_s) / runs,
        anew_s=statistics.median(pair.baseline_s),
    )
    assert ratio >= 5
