"""What the pytest plugin costs every run of pytest that does not use it.

pytest tests/benchmarks/test_plugin.py --benchmark-only
"""

import subprocess
import sys
import time

import pytest
from interleaved import Interleaved

pytestmark = pytest.mark.benchmark(group="pytest plugin")


def test_pytest_starts_hardly_slower_with_the_plugin(benchmark, tmp_path):
    (tmp_path / "test_nothing.py").write_text("def test_nothing():\n    pass\n")

    def run(*arguments):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    def without_s():
        start = time.perf_counter()
        run("-p", "no:lab")
        return time.perf_counter() - start

    pair = Interleaved(benchmark, run, without_s, rounds=21)
    ratio = pair.times_slower()
    benchmark.extra_info.update(ratio=ratio, at_most=1.05)
    assert ratio <= 1.05
