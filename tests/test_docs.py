"""What the documentation shows is what happens: commands run, code blocks run, figures come from `results/`."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import lab
from lab import archive
from lab.experiments.grid import plans

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "results" / "README.md"]


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def sessions(text):
    """Each command of the console blocks, with the output that stands below it."""
    found = []
    for block in blocks(text, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def shape(output):
    """The first words of each line, without figures: what must not change from run to run."""
    lines = [re.sub(r"[\d.,%\[\]*]+", "", line).split()[:3] for line in output.splitlines()]
    return [line for line in lines if line]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that the README tells to write."""
    folder = tmp_path_factory.mktemp("readme")
    for block in blocks(README, "python"):
        if block.startswith("# coupons.py\n"):
            (folder / "coupons.py").write_text(block)
    return folder


def run(command, folder):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(folder)}
    return subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("command", "output"), sessions(README), ids=[command for command, _ in sessions(README)])
def test_a_command_of_the_readme_prints_what_stands_below_it(folder, command, output):
    ended = run(command, folder)

    assert ended.returncode == 0, ended.stderr
    assert shape(ended.stdout) == shape(output)


def test_the_python_of_the_readme_runs(folder):
    (code,) = [block for block in blocks(README, "python") if not block.startswith("# coupons.py\n")]
    (folder / "measure.py").write_text(code)
    ended = run(f"{sys.executable} measure.py", folder)

    assert ended.returncode == 0, ended.stderr
    assert [line.split()[1] for line in ended.stdout.splitlines()[1:]] == ["none", "lock"]


def test_the_two_commands_make_their_own_environment_and_ci_takes_them_from_the_readme():
    commands = [block.strip() for block in blocks(README, "sh")]

    assert [command.rpartition("&& ")[2] for command in commands] == [".venv/bin/lab run", ".venv/bin/python -m pytest"]
    assert all(command.startswith("python3 -m venv .venv && .venv/bin/pip install") for command in commands)
    script = (ROOT / ".ci" / "run").read_text()
    assert [f"command_of '{heading}'" in script for heading in ("## Measure", "## Run the tests")] == [True, True]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", ["trials.md"])
def test_a_code_block_prints_what_stands_below_it(page):
    text = (ROOT / "docs" / page).read_text()
    (code,), (output,) = blocks(text, "python"), blocks(text, "text")
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout == output


def test_the_claims_are_written_from_the_results():
    make = runpy.run_path(str(ROOT / "docs" / "make_claims.py"))

    assert (ROOT / "docs" / "claims.md").read_text() == make["page"](ROOT / "results")


RESULTS = ["tutorial", "ticket_sale", "guards", "messages"]


@pytest.mark.parametrize("name", RESULTS)
def test_reference_results_are_whole(name):
    folder = ROOT / "results" / name
    planned = {plan.cell.cell_id: plan.trials for plan in plans(archive.experiment_of(folder))}
    summary = lab.Results(folder).summary

    assert dict(zip(summary["cell_id"], summary["trials"], strict=True)) == planned
    assert min(trials for trials in planned.values() if trials != 20) >= 1000
    assert set(lab.Results(folder).quantiles["cell_id"]) == set(summary["cell_id"])
    assert list((folder / "plots").glob("*.svg"))


def everything():
    return pd.concat([lab.Results(ROOT / "results" / name).summary for name in RESULTS])


def test_in_the_reference_results_no_safe_guard_let_anything_through():
    sale = everything().query("scenario == 'ticket_sale'")
    unsafe = sale["guard"].isin(["none", "semaphore(2)"])

    assert sale[~unsafe]["violations"].sum() == 0
    assert sale[~unsafe].groupby("guard")["trials"].sum().min() >= 5000


def test_in_the_reference_results_who_is_not_alone_oversells():
    sale = everything().query("scenario == 'ticket_sale' and guard in ['none', 'semaphore(2)'] and processes >= 5")

    assert (sale["violations"] > 0).all()
