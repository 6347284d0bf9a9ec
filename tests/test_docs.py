"""What the documentation shows is what happens: commands run, code blocks run, figures come from `results/`."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest

import lab
from lab import archive
from lab.experiments.adjust import Adjustments
from lab.experiments.grid import Experiment, Grid, plans

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
    lines = [re.sub(r"[\d.,%\[\]*]+( [um]?s\b)?", "", line).split()[:3] for line in output.splitlines()]
    return [line for line in lines if line]


PAGES_SHOWN = (
    "README.md",
    "docs/tutorial.md",
    "docs/scenarios.md",
    "docs/proofs.md",
    "docs/scripts.md",
    "docs/comparing.md",
    "docs/ci.md",
)
SHOWN = {page: ROOT / page for page in PAGES_SHOWN}
COMMANDS = [(page, *session) for page, path in SHOWN.items() for session in sessions(path.read_text())]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """For each page a folder with the files that it tells to write: blocks that begin with their name."""
    files = runpy.run_path(str(ROOT / "docs" / "make_output.py"))["files"]
    made = {page: tmp_path_factory.mktemp("page") for page in SHOWN}
    for page, path in SHOWN.items():
        for name, block in files(path.read_text()).items():
            (made[page] / name).write_text(block)
    return made


def run(command, folder):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(folder)}
    # As a user's shell has it: a worker of pytest-xdist has no benchmarks, and on CI pytest prints a failure twice.
    for name in ("PYTEST_XDIST_WORKER", "CI", "BUILD_NUMBER"):
        environment.pop(name, None)
    return subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def with_few_trials(command):
    """What it prints has the same shape, whatever the figures; a minute is saved where every trial takes real time."""
    if "--engine simulated" in command:
        return command
    return re.sub(r"(-n|--trials) \d+", r"\1 40", command.replace(".toml", ".toml -n 20"))


@pytest.mark.parametrize(("page", "command", "output"), COMMANDS, ids=[command for _, command, _ in COMMANDS])
def test_a_command_prints_what_stands_below_it(folders, page, command, output):
    ended = run(with_few_trials(command), folders[page])

    is_violation = bool(re.search(r"FOUND|: found| again |goes wrong in (?!0 %)", output))
    assert ended.returncode == is_violation, ended.stderr
    assert shape(ended.stdout) == shape(output)


@pytest.mark.parametrize(
    ("page", "guards"), [("README.md", ["none", "lock"]), ("docs/scenarios.md", ["none", "lock"] * 2)]
)
def test_the_python_of_a_page_runs(folders, page, guards):
    (code,) = [block for block in blocks(SHOWN[page].read_text(), "python") if not block.startswith("# ")]
    (folders[page] / "measure.py").write_text(code)
    ended = run(f"{sys.executable} measure.py", folders[page])

    assert ended.returncode == 0, ended.stderr
    assert [line.split()[1] for line in ended.stdout.splitlines()[1 : 1 + len(guards)]] == guards


def test_the_two_commands_make_their_own_environment_and_ci_takes_them_from_the_readme():
    commands = [block.strip() for block in blocks(README, "sh")]

    assert [command.rpartition("&& ")[2] for command in commands] == [
        ".venv/bin/lab run",
        ".venv/bin/python -m pytest -n 3 --dist loadfile",
    ]
    assert all(command.startswith("python3 -m venv .venv && .venv/bin/pip install") for command in commands)
    script = (ROOT / ".ci" / "run").read_text()
    assert [f"command_of '{heading}'" in script for heading in ("## Measure", "## Run the tests")] == [True, True]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", ["trials.md", "proofs.md", "dpor.md", "functions.md"])
def test_a_code_block_prints_what_stands_below_it(page, tmp_path):
    text = (ROOT / "docs" / page).read_text()
    codes, outputs = blocks(text, "python"), blocks(text, "text")
    for code, output in zip(codes, outputs, strict=True):
        name = re.match(r"# (\S+\.py)\n|", code)[1] or "block.py"
        (tmp_path / name).write_text(code)
        ended = subprocess.run([sys.executable, name], capture_output=True, text=True, check=True, cwd=tmp_path)
        assert ended.stdout == output


def test_the_gate_of_the_page_on_ci_lets_pass_what_is_as_it_was_and_stops_what_is_slower(tmp_path, often):
    (gate,) = blocks((ROOT / "docs" / "ci.md").read_text(), "sh")
    gate = gate.replace("-n 2000", f"-n {often(300, 2000)}")
    program = runpy.run_path(str(ROOT / "docs" / "make_output.py"))["files"](SHOWN["docs/tutorial.md"].read_text())
    (tmp_path / "shop.py").write_text(program["shop.py"])
    on_main, end, on_branch = gate.partition("--save-baseline main\n")
    run(on_main + end, tmp_path)
    as_it_was = run(on_branch, tmp_path)
    shutil.rmtree(tmp_path / "results" / "branch")
    (tmp_path / "shop.py").write_text(program["shop.py"].replace("sleep(self.form)", "sleep(0.002)"))
    slower = run(on_branch, tmp_path)

    assert (as_it_was.returncode, slower.returncode) == (0, 1), as_it_was.stderr + slower.stdout + slower.stderr
    assert " worse" in slower.stdout


def test_the_page_on_files_names_all_that_a_run_leaves():
    told = named((ROOT / "docs" / "files.md").read_text())
    (listing,) = [output for command, output in sessions(README) if command.startswith("ls ")]
    left = listing.partition("\n\n")[0].splitlines()[1:]

    assert {name for name in left if name not in told and f"{name}/" not in told} == set()
    assert left


def test_the_parts_that_the_page_on_contributing_adds_work_together(tmp_path):
    text = (ROOT / "docs" / "CONTRIBUTING.md").read_text()
    codes, (output,) = blocks(text, "python"), blocks(text, "text")
    names = [re.match(r"# (\S+\.py)\n", code)[1] for code in codes]
    for name, code in zip(names, codes, strict=True):
        (tmp_path / name).write_text(code)
    ended = subprocess.run([sys.executable, names[-1]], capture_output=True, text=True, check=True, cwd=tmp_path)

    assert ended.stdout == output


def test_the_page_on_pytest_leads_from_a_race_to_a_proof(tmp_path):
    text = (ROOT / "docs" / "pytest.md").read_text()
    for part in text.split("\n## ")[:3]:
        for name, block in runpy.run_path(str(ROOT / "docs" / "make_output.py"))["files"](part).items():
            (tmp_path / name).write_text(block)
        for command, output in sessions(part):
            ended = run(f"{command} -p no:cacheprovider" if command.startswith("pytest") else command, tmp_path)
            assert shape(ended.stdout) == shape(output)
            assert ended.returncode == ("failed" in output), ended.stderr


def test_the_other_tests_of_the_page_on_pytest_pass(tmp_path):
    for name, block in runpy.run_path(str(ROOT / "docs" / "make_output.py"))["files"](
        (ROOT / "docs" / "pytest.md").read_text()
    ).items():
        (tmp_path / name).write_text(block)
    shutil.copy(ROOT / "tests" / "programs" / "buy_lock.py", tmp_path)
    ended = run("pytest -q -p no:cacheprovider --lab-budget 20 test_more.py", tmp_path)

    assert ended.stdout.splitlines()[-1].startswith("4 passed"), ended.stdout


def test_the_page_on_benchmarking_prints_the_rows_that_stand_there(tmp_path):
    text = (ROOT / "docs" / "benchmarking.md").read_text()
    for name, block in runpy.run_path(str(ROOT / "docs" / "make_output.py"))["files"](text).items():
        (tmp_path / name).write_text(block.replace("trials=1000", "trials=40"))

    def rows(output):
        """The names of the benchmarks that have a row, in any order: which one is the fastest may differ."""
        return sorted(re.findall(r"^test_a_trial\[\w+\]", output, re.MULTILINE))

    printed = [(run(command, tmp_path).stdout, output) for command, output in sessions(text)]
    assert [rows(ended) for ended, _ in printed] == [rows(output) for _, output in printed]
    assert len(printed) == 2


def test_the_tutorial_installs_as_the_readme_does():
    """Whose command is what CI runs."""
    (block,) = blocks(SHOWN["docs/tutorial.md"].read_text(), "sh")
    own = block.replace(". .venv/bin/activate && pip", ".venv/bin/pip").replace("PATH/OF/THE/CLONE", "-q .")

    assert f"{own.strip()} && .venv/bin/lab run\n" in blocks(README, "sh")


def test_no_page_has_a_block_that_nobody_runs():
    found = {page.name: set(re.findall(r"^```(\w+)$", page.read_text(), re.MULTILINE)) for page in PAGES[:-1]}

    assert {name: languages for name, languages in found.items() if languages} == {
        # Of `text` is what the Python above it prints, of `none` a drawing.
        "README.md": {"sh", "python", "console"},
        "CONTRIBUTING.md": {"python", "text"},
        "benchmarking.md": {"python", "console"},
        "ci.md": {"console", "sh"},
        "comparing.md": {"console"},
        "dpor.md": {"none", "python", "text"},
        "functions.md": {"python", "text"},
        "notebook.md": {"python"},
        "proofs.md": {"console", "python", "text"},
        "pytest.md": {"python", "console"},
        "scenarios.md": {"python", "console", "toml"},
        "scripts.md": {"python", "console"},
        "trials.md": {"python", "text"},
        "tutorial.md": {"sh", "python", "console"},
    }


SCENARIOS = SHOWN["docs/scenarios.md"].read_text()


def named(text):
    """Every name that stands in the text as code, calls without their arguments."""
    return {re.match(r"[\w.<>]+", code)[0] for code in re.findall(r"`([^`\n]+)`", text) if re.match(r"[\w<]", code)}


def section(title):
    return SCENARIOS.partition(f"\n## {title}")[2].partition("\n## ")[0]


def public(kind):
    return {name for name in dir(kind) if not name.startswith("_")} - {"with_store", "acting_for", "begin"}


def test_the_page_on_scenarios_names_all_that_a_scenario_may_have():
    of_lab = {"reference", "longest_serial_s", "shortest_parallel_s", "title", "all_outcomes", "fields", "with_texts"}
    told = named(section("The class")) | {"first"}

    assert set(lab.Scenario.__annotations__) | public(lab.Scenario) <= told | of_lab
    assert {call.rpartition(".")[2] for call in told} >= {"zero", "constant", "uniform", "exp", "normal", "randint"}


@pytest.mark.parametrize("kind", [lab.World, lab.Stage, lab.Maker], ids=lambda kind: kind.__name__)
def test_the_page_on_scenarios_names_all_that_a_world_offers(kind):
    annotated = {name for name in kind.__annotations__ if not name.startswith("_")}

    assert public(kind) | annotated <= {call.rpartition(".")[2] for call in named(section("`world` in"))}


@pytest.mark.parametrize("kind", [Experiment, Grid])
def test_the_page_on_scenarios_names_every_key_of_a_file(kind):
    assert {field.name for field in fields(kind)} - {"grids"} <= named(section("An experiment as a file"))


def test_the_page_on_scenarios_names_every_choice_of_lab_run():
    assert set(Adjustments.__annotations__) | {"out", "progress"} <= named(section("From Python"))


def test_the_page_on_columns_names_every_column(folders):
    ended = run(
        "lab run parking.py:Parking --guards none,lock -n 20 --out results/columns", folders["docs/scenarios.md"]
    )
    results = lab.Results(folders["docs/scenarios.md"] / "results" / "columns")
    told = named((ROOT / "docs" / "columns.md").read_text())
    families = tuple(name.partition("<")[0] for name in told if "<" in name)
    of_parking = {"places", "arrival", "way", "parked", "spread_s"}

    assert ended.returncode == 0, ended.stderr
    assert {name for name in results.trials if name not in told} == of_parking
    unnamed = {name for name in results.summary if name not in told and not name.startswith(families)}
    assert unnamed == of_parking - {"parked", "spread_s"}
    assert {name for name in told if name.endswith("_s") or "rate" in name} <= {*results.summary, *results.trials, "_s"}


def test_the_claims_are_written_from_the_results():
    make = runpy.run_path(str(ROOT / "docs" / "make_claims.py"))

    assert (ROOT / "docs" / "claims.md").read_text() == make["page"](ROOT / "results")


def test_the_page_on_choosing_a_guard_is_written_from_the_results(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    make = runpy.run_path(str(ROOT / "docs" / "make_guide.py"))

    assert (ROOT / "docs" / "choosing-a-guard.md").read_text() == make["page"](ROOT / "results")


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
