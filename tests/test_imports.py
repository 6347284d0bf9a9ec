"""What is loaded when: nobody waits for pandas to read a help text, and no worker is forked with its threads."""

import subprocess
import sys

import pytest

HEAVY = {"numpy", "pandas", "matplotlib", "scipy", "pyarrow"}


def loaded_by(code):
    """The heavy packages that a fresh Python has loaded when the code has run; its own output goes to stderr."""
    program = f"""
import contextlib, sys
with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(SystemExit):
{chr(10).join("    " + line for line in code.splitlines())}
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return HEAVY & set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import lab",
        "import lab; lab.Scenario, lab.run, lab.Experiment, lab.uniform, lab.LabError",
        "from lab.cli.main import main; main(['--help'])",
        "from lab.cli.main import main; main(['run', '--help'])",
        "from lab.cli.main import main; main(['list'])",
        "from lab.cli.main import main; main(['run', '--guards', 'lok'])",
        "import lab.experiments.runner",
        "import lab.verbs",
    ],
)
def test_nothing_heavy_is_loaded(code):
    assert loaded_by(code) == set()


def test_measuring_loads_nothing_heavy(tmp_path):
    code = f"""
from pathlib import Path
from lab import archive
from lab.experiments.grid import Experiment, Grid
from lab.experiments.runner import Progress, measure
grid = Grid(scenario="ticket_sale", guards=["none"], processes=[2], delays=["0"], trials=5)
experiment = Experiment(name="light", grids=[grid], lanes=1)
folder = Path({str(tmp_path / "results")!r})
archive.create(folder, experiment, {{}})
with archive.Archive(folder) as opened:
    measure(experiment, opened, Progress())
assert [len(numbers) for numbers in archive.done(folder).values()] == [5]
"""
    assert loaded_by(code) == set()


def test_results_load_what_they_need():
    # So that the tests above can fail: the packages are there, and are found when they are loaded.
    assert loaded_by("import lab; lab.Results; import matplotlib.figure, pyarrow, scipy") == HEAVY
