"""The page on benchmarking: its files are written, its commands run, and they print the rows that stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "benchmarking.md").read_text()
COMMANDS = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def rows(output):
    """The names of the benchmarks that have a row, in any order: which one is the fastest may differ."""
    return sorted(re.findall(r"^test_a_trial\[\w+\]", output, re.MULTILINE))


def test_the_page_on_benchmarking_prints_what_stands_there(benchmark, tmp_path):
    for name, code in re.findall(r"^```python\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(code)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def outputs():
        shell = {"shell": True, "check": True, "capture_output": True, "text": True}
        return [subprocess.run(line, cwd=tmp_path, env=environment, **shell).stdout for line, _ in COMMANDS]

    printed = benchmark.pedantic(outputs, rounds=1)

    assert [rows(output) for output in printed] == [rows(output) for _, output in COMMANDS]
    assert len(printed) == 2
