"""The command line as its user meets it: what is on stdout, what on stderr, and the exit code."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from conftest import thorough

from lab import archive, verbs
from lab.cli import main as cli
from lab.engines import scratch
from lab.experiments import BUILT_IN
from lab.guards import GUARDS
from lab.scenarios import BUILT_IN as SCENARIOS
from lab.stores import STORES

FINE = """
import lab


class Fine(lab.Scenario):
    outcomes = {"bad": lab.violation("bad"), "odd": lab.interesting("odd"), "ok": lab.ok("all is well")}
    called: str = "ok"

    def section(self, world, actor):
        return actor

    def judge(self, world, returns):
        return lab.Judgement(self.called, {"sum": sum(returns)})
"""
ONE_CELL = ("--guards", "none", "--processes", "2", "-n", "5", "--lanes", "1")


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    """A working folder with a scenario in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fine.py").write_text(FINE)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A results folder of five trials, to be copied by who changes it."""
    home = tmp_path_factory.mktemp("measured")
    (home / "fine.py").write_text(FINE)
    command = [sys.executable, "-m", "lab", "run", "fine.py:Fine", *ONE_CELL, "--out", "results"]
    subprocess.run(command, cwd=home, check=True, capture_output=True)
    return home / "results"


def made_in(folder):
    """What lies there, but for what Python itself keeps of a module that it has imported."""
    return {path.name for path in folder.iterdir()} - {"__pycache__"}


def refusal(code, out, err):
    """The one line that a refused command says."""
    assert (code, out, err.count("\n"), err[:5]) == (2, "", 1, "lab: ")
    return err.removeprefix("lab: ").rstrip("\n")


# Exit codes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("called", "options", "code"),
    [("ok", [], 0), ("bad", [], 0), ("ok", ["--fail-on-violation"], 0), ("odd", ["--fail-on-violation"], 0),
     ("bad", ["--fail-on-violation"], 1)],
)  # fmt: skip
def test_a_violation_is_exit_code_1_if_asked_for_and_nothing_else_is(lab, called, options, code):
    found, _, _ = lab("run", "fine.py:Fine", "--set", f"called={called}", *ONE_CELL, "--quiet", *options)
    assert found == code


def test_bad_usage_is_exit_code_2(lab):
    assert lab("run", "--guards", "lok")[0] == 2


def test_an_existing_out_is_exit_code_3_and_stays_as_it_is(lab, tmp_path):
    (tmp_path / "mine").mkdir()
    found = lab("run", "fine.py:Fine", "--out", "mine")
    assert (*found, list((tmp_path / "mine").iterdir())) == (
        3,
        "",
        "lab: mine exists, and nothing is ever overwritten. Choose another --out, or --resume mine.\n",
        [],
    )


@pytest.mark.parametrize(
    ("out", "reason"), [("fine.py/results", "Not a directory"), ("/proc/lab/results", "No such file or directory")]
)
def test_an_out_that_can_not_be_written_is_exit_code_3(lab, out, reason):
    assert lab("run", "fine.py:Fine", "--out", out) == (
        3,
        "",
        f"lab: can't write {out}: {reason}. Try --out with another folder.\n",
    )


def test_a_dir_that_can_not_be_written_is_exit_code_3(lab):
    found = lab("run", "fine.py:Fine", *ONE_CELL, "--dir", "/proc/lab", "--quiet")
    assert found == (
        3,
        "",
        "lab: can't make a folder in /proc/lab: No such file or directory. Try --dir with another one.\n",
    )


def test_a_dir_that_can_not_be_written_leaves_nothing_in_memory(lab):
    mine = f"lab-*-{os.getpid()}-*"
    before = set(scratch.tmpfs().glob(mine))
    lab("run", "fine.py:Fine", *ONE_CELL, "--dir", "/proc/lab", "--quiet")
    assert set(scratch.tmpfs().glob(mine)) == before


def test_a_defect_in_lab_is_exit_code_70_and_says_where_and_what_to_do(lab, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("by a bug")

    monkeypatch.setattr(verbs, "prepared", broken)
    code, out, err = lab("run")
    line = broken.__code__.co_firstlineno + 1
    assert (code, out, err) == (
        70,
        "",
        (
            f"lab: a defect in lab, not in your program: ZeroDivisionError: by a bug ({__file__}:{line}). Please "
            "report this line, with the command, to race-lab's maintainers.\n"
        ),
    )


INTERRUPTED = """
import os, signal
import fine


class Paused(fine.Fine):
    trials_before = 0

    def setup(self, world):  # in the coordinator, before every trial
        type(self).trials_before += 1
        if type(self).trials_before == 31:
            print("thirty trials are measured", flush=True)
            signal.pause()
"""


def await_line(stream, line):
    """What a setup prints is no result: it is to be found on stderr."""
    assert line in iter(stream.readline, "")


@pytest.mark.parametrize("number", [signal.SIGINT, *thorough(signal.SIGTERM)])
def test_an_interrupted_run_is_exit_code_130_keeps_its_rows_shows_them_and_says_how_to_go_on(tmp_path, number):
    (tmp_path / "paused.py").write_text(INTERRUPTED)
    command = ["run", "paused.py:Paused", *ONE_CELL, "-n", "100", "--out", "results"]
    run = subprocess.Popen([sys.executable, "-m", "lab", *command], stdout=-1, stderr=-1, text=True)
    await_line(run.stderr, "thirty trials are measured\n")
    run.send_signal(number)
    out, err = run.communicate()
    [numbers] = archive.done(tmp_path / "results").values()
    said = [line for line in err.splitlines() if line]  # an empty line ends that of ^C
    assert (run.returncode, numbers, out.splitlines()[-3:], said[-2:]) == (
        130,
        set(range(30)),
        ["Without a guard and with 2 actors, bad in none of 30 (at most 12 %).", "", "results: results"],
        ["lab: go on with: lab run --resume results", "lab: interrupted; everything measured so far is kept"],
    )


WANDERING = """
import os
import fine


class Wandering(fine.Fine):
    def setup(self, world):  # in the coordinator
        os.chdir("/")

    def act(self, world, actor, guarded):
        os.chdir("/tmp")
        return guarded(world, actor)
"""


def test_a_program_that_changes_the_working_directory_does_not_move_the_results(tmp_path):
    (tmp_path / "wandering.py").write_text(WANDERING)
    command = ["run", "wandering.py:Wandering", *ONE_CELL, "--out", "results", "--dir", "."]
    run = subprocess.run([sys.executable, "-m", "lab", *command], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.splitlines()[-1]) == (0, "results: results")
    assert (tmp_path / "results" / "plots" / "outcomes.svg").is_file()


def test_a_results_folder_that_is_removed_during_the_run_is_exit_code_3(tmp_path):
    (tmp_path / "paused.py").write_text(INTERRUPTED.replace("signal.pause()", "__import__('shutil').rmtree('results')"))
    command = ["run", "paused.py:Paused", *ONE_CELL, "-n", "100", "--out", "results", "--quiet"]
    run = subprocess.run([sys.executable, "-m", "lab", *command], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (3, "")
    assert f"lab: {tmp_path}/results was removed or moved while it was written" in run.stderr.splitlines()[-1]


STARTS = """
import builtins, os, signal, sys

load = builtins.__import__


def interrupted(name, *rest):  # by Ctrl-C, as soon as the first module of the command line is asked for
    if name.startswith("lab.cli"):
        builtins.__import__ = load
        os.kill(os.getpid(), signal.SIGINT)
    return load(name, *rest)


builtins.__import__ = interrupted
sys.argv = ["lab", "list"]
from lab.__main__ import main

main()
"""


def test_an_interrupt_while_lab_is_loading_is_exit_code_130_without_a_traceback():
    started = subprocess.run([sys.executable, "-c", STARTS], capture_output=True, text=True, check=False)
    assert (started.returncode, started.stdout, started.stderr) == (
        130,
        "",
        "lab: interrupted before anything was measured\n",
    )


def test_who_runs_in_the_background_goes_on_when_the_terminal_is_interrupted():
    code = STARTS.replace("import builtins", "import signal; signal.signal(2, signal.SIG_IGN)\nimport builtins")
    started = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (started.returncode, started.stderr) == (0, "")


def test_an_interrupted_run_that_was_to_print_json_prints_json(tmp_path):
    (tmp_path / "paused.py").write_text(INTERRUPTED)
    command = ["run", "paused.py:Paused", *ONE_CELL, "-n", "100", "--out", "results", "--json"]
    run = subprocess.Popen([sys.executable, "-m", "lab", *command], stdout=-1, stderr=-1, text=True)
    await_line(run.stderr, "thirty trials are measured\n")
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate()
    assert out.startswith("{")
    assert json.loads(out)["cells"][0]["trials"] == 30


def test_a_resumed_run_has_the_rows_that_it_would_have_had(lab, tmp_path):
    command = ["run", "fine.py:Fine", *ONE_CELL, "--quiet"]
    lab(*command, "-n", "9", "--out", "whole")
    lab(*command, "-n", "5", "--out", "resumed")
    shutil.copy("whole/experiment.toml", "resumed/experiment.toml")  # as if nine had been wanted, and five were made
    code, out, _ = lab("run", "--resume", "resumed", "--json")
    columns = ["trial", "seed", "outcome", "sum"]
    [whole], [resumed] = (
        [frame[columns].values.tolist() for _, frame in archive.read_cells(tmp_path / name)]
        for name in ("whole", "resumed")
    )
    assert (code, json.loads(out)["cells"][0]["trials"], resumed) == (0, 9, whole)


# Nonsense ----------------------------------------------------------------------------------------------------------

SALE = ("run", "ticket_sale")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("run", "tiket_sale"), ("unknown experiment or scenario 'tiket_sale': expected one of .* Did you mean "
                                "'ticket_sale'?")),
        ((*SALE, "--guards", "lok"), "unknown guard 'lok': expected one of .* Did you mean 'lock'?"),
        ((*SALE, "--stores", "jsonfile"), "unknown store 'jsonfile': expected one of .* Did you mean 'json_file'?"),
        ((*SALE, "--engine", "reel"), "unknown engine 'reel': expected one of real, simulated. Did you mean 'real'?"),
        ((*SALE, "--processes", "0"), "processes 0: expected a whole number from 1 to 1000. Try --processes 2,5,10."),
        ((*SALE, "--processes", "10000"), ("processes 10000: expected a whole number from 1 to 1000. "
                                          "Try --processes 2,5,10.")),
        ((*SALE, "--trials", "0"), "trials 0: expected a whole number from 1 to 100000000. Try --trials 1000."),
        ((*SALE, "-n", "-5"), "trials -5: expected a whole number from 1 to 100000000. Try --trials 1000."),
        ((*SALE, "--delays", "abc"), "delay 'abc': expected a number with a unit or a distribution, such as .*."),
        ((*SALE, "--delays", "0,5"), "delay '5': '5' has no unit. Try 5ms or 5s."),
        ((*SALE, "--until-width", "0"), "until-width 0.0: expected between 0 and 100 %. Try --until-width 1%."),
        ((*SALE, "--timeout", "0"), "timeout '0': expected one duration over 0, with a unit. Try --timeout 5s."),
        ((*SALE, "--lanes", "0"), "lanes 0: expected 1 to 64. Leave it out to have it chosen and checked."),
        ((*SALE, "--set", "tickts=1"), ("unknown parameter of TicketSale 'tickts': expected one of .* "
                                       "Did you mean 'tickets'?")),
        ((*SALE, "--set", "tickets=x"), "TicketSale.tickets: expected a number (int), found 'x'. Try tickets=1."),
        ((*SALE, "--set", "tickets"), "--set 'tickets': expected name=value. Try --set tickets=3."),
        ((*SALE, "--set", "=3"), "--set '=3': expected name=value. Try --set tickets=3."),
        ((*SALE, "--set", "tickets="), "--set 'tickets=': expected name=value. Try --set tickets=3."),
        ((*SALE, "--guards", "optimistic", "--stores", "json_file"), ("guard optimistic does not work on store "
                                                                     "json_file: .* Try --stores atomic_json_file.")),
        (("run", "fine.py:Fin"), "unknown scenario in fine.py 'Fin': expected one of Fine. Did you mean 'Fine'?"),
        (("run", "nowhere.py:Fine"), ("scenario file 'nowhere.py': no such file. Expected file.py:Class, with a path "
                                     "from here.")),
        (("run", "no_module:Fine"), "can't read no_module: ModuleNotFoundError: No module named 'no_module' .*."),
        (("run", "nowhere.toml"), ("can't read nowhere.toml: No such file or directory. Expected a TOML file of an "
                                  "experiment.")),
        (("run", "--resume", "nowhere"), ("nowhere is no results folder: expected experiment.toml in it. `lab run` "
                                         "makes one and prints its path.")),
        (("summary", "nowhere"), ("nowhere is no results folder: expected experiment.toml in it. `lab run` makes one "
                                 "and prints its path.")),
        (("plot", "nowhere"), ("nowhere is no results folder: expected experiment.toml in it. `lab run` makes one "
                              "and prints its path.")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_nonsense_is_answered_in_one_line_with_what_was_expected_and_found_and_nothing_is_made(
    lab, tmp_path, command, said
):
    found = refusal(*lab(*command))
    pattern = ".*".join(map(re.escape, said.split(".*")))
    assert (re.fullmatch(pattern, found) is not None, made_in(tmp_path)) == (True, {"fine.py"}), found


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ((*SALE, "--processes", "x"), "expected whole numbers, found 'x'. Try --processes 2,5,10."),
        ((*SALE, "--guards", "none,,lock"), "expected a comma-separated list without gaps, found 'none,,lock'."),
        ((*SALE, "--until-width", "wide"), "expected a percentage, found 'wide'. Try 1%."),
        ((*SALE, "--trials", "x"), "'x' is not a valid integer."),
        ((*SALE, "--guard", "none"), "No such option '--guard'."),
        (("rnu",), "unknown command 'rnu': expected one of"),
    ],
)
def test_nonsense_that_click_notices_is_answered_in_one_line_too(lab, command, said):
    assert said in refusal(*lab(*command))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import lab\nclass Fine(lab.Scenario:\n", "line 2: invalid syntax."),
        ("import lab\n\nraise OSError('no disk')\n", "OSError: no disk (line 3 of {path})."),
        ("x = 1\n", None),
    ],
    ids=["a syntax error", "an error", "no scenario"],
)
def test_a_scenario_file_that_can_not_be_read_is_named_with_the_line(lab, tmp_path, text, said):
    path = tmp_path / "broken.py"
    path.write_text(text)
    expected = (
        f"can't read {path}: {said.format(path=path)} Mend it, and try `python {path}` if you doubt it."
        if said
        else f"{path} has no lab.Scenario, expected one named 'Fine'. Write: class Fine(lab.Scenario): ..."
    )
    assert refusal(*lab("run", f"{path}:Fine")) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("raise SystemExit(0)"),
        pytest.param("import lab\nclass Fine(lab.Scenario):\n    seats: int\n    outcomes = {'ok': lab.ok('fine')}"),
        pytest.param(
            "import lab\nclass Fine(lab.Scenario):\n    seats: 'Seats' = 1\n    outcomes = {'ok': lab.ok('fine')}"
        ),
        pytest.param("import lab\nclass Fine(lab.Scenario):\n    pass"),
    ],
    ids=["it exits", "a parameter without default", "a parameter of no known type", "no outcomes"],
)
def test_a_scenario_that_can_not_be_run_is_bad_usage_before_anything_is_started(lab, tmp_path, text):
    (tmp_path / "unfit.py").write_text(text)
    set_it = ["--set", "seats=1"] if "seats" in text else []
    refusal(*lab("run", "unfit.py:Fine", *ONE_CELL, *set_it))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["-n", "5"], "--trials"),
        (["--guards", "lock"], "--guards"),
        (["--set", "tickets=1"], "--set"),
        (["--out", "other"], "--out"),
        (["--seed", "2"], "--seed"),
        (["ticket_sale"], "EXPERIMENT"),
    ],
)
def test_resume_takes_no_other_choice(lab, measured, options, named):
    assert refusal(*lab("run", "--resume", str(measured), *options)) == (
        f"--resume {measured} goes on with the experiment as it was, found {named}: leave it out, or run it anew."
    )


@pytest.mark.parametrize(
    "command",
    [
        ("run", "fine.py:Fine", "--out", "x\udcff"),
        ("run", "fine.py:Fine", "--dir", "x\udcff"),
        ("run", "x\udcff.py:Fine"),
        ("summary", "x\udcff"),
        ("plot", "x\udcff"),
        ("run", "--resume", "x\udcff"),
    ],
    ids=ascii,
)
def test_a_path_that_is_no_utf_8_is_bad_usage_before_anything_is_made(lab, tmp_path, command):
    shutil.copy("fine.py", "x\udcff.py")
    before = made_in(tmp_path)
    assert "expected a text in UTF-8, found bytes that are none" in refusal(*lab(*command))
    assert made_in(tmp_path) == before


@pytest.mark.parametrize("command", [("summary",), ("plot",), ("run", "--resume")])
def test_results_of_another_version_are_bad_input(lab, measured, tmp_path, command):
    shutil.copytree(measured, "old")
    file = tmp_path / "old" / "experiment.toml"
    file.write_text(file.read_text().replace("format = 1", "format = 9"))
    assert refusal(*lab(*command, "old")) == (
        "old/experiment.toml: format 9 is of another version of lab: expected 1. Read it with that version."
    )


def test_a_folder_that_may_not_be_read_is_bad_input(lab, tmp_path):
    lab("summary", "nowhere")  # what it imports is imported now: nobody may not be allowed to read Python's own files
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o000)
    # Nothing is forbidden to root, so the command is run as nobody if that is who runs the tests.
    who = os.geteuid()
    os.seteuid(65534 if who == 0 else who)
    try:
        found = lab("summary", str(locked / "results"))
    finally:
        os.seteuid(who)
    assert "Permission denied" in refusal(*found)


# What is printed where ---------------------------------------------------------------------------------------------


def test_results_go_to_stdout_and_progress_to_stderr(lab):
    code, out, err = lab("run", "fine.py:Fine", *ONE_CELL, "--out", "results")
    assert (code, out.splitlines()[:2], out.splitlines()[-1], err) == (
        0,
        ["fine.py:Fine, 2 processes, 5 trials a cell", "guard   violations  median wall"],
        "results: results",
        "Fine: 1 cell, 5 trials, about 1 s\n",
    )


def test_quiet_prints_the_findings_and_the_folder_alone(lab):
    assert lab("run", "fine.py:Fine", *ONE_CELL, "--out", "results", "--quiet") == (
        0,
        "Without a guard and with 2 actors, bad in none of 5 (at most 53 %).\n\nresults: results\n",
        "",
    )


def test_guards_that_a_default_grid_leaves_out_are_told_once_on_stderr_unless_quiet(lab):
    guards = ("run", "guards", "--stores", "memory", "--processes", "2", "-n", "1")
    _, _, loud = lab(*guards)
    _, _, quiet = lab(*guards, "--quiet")
    notes = [line for line in loud.splitlines() if "left out" in line]
    assert (notes, quiet) == (["left out: transaction on memory (it needs a store with transactions)"], "")


def test_json_prints_one_document_with_the_summary_and_the_folder(lab):
    code, out, err = lab("run", "fine.py:Fine", *ONE_CELL, "--set", "called=bad", "--out", "results", "--json")
    document = json.loads(out)
    [cell] = document["cells"]
    asked = ("guard", "processes", "called", "trials", "violations", "violation_rate", "outcome_bad", "max_sum")
    assert (code, document["folder"], [cell[name] for name in asked], err.count("\n")) == (
        0,
        "results",
        ["none", 2, "bad", 5, 5, 1.0, 5, 1],
        1,
    )


def test_summary_prints_what_run_printed(lab):
    ran = lab("run", "fine.py:Fine", *ONE_CELL, "--out", "results")
    assert lab("summary", "results") == (0, ran[1], "")


def test_plot_prints_the_paths_of_its_pictures(lab, measured):
    code, out, err = lab("plot", str(measured))
    assert (code, sorted(out.split()), err) == (0, sorted(map(str, (measured / "plots").iterdir())), "")


def test_a_run_leaves_the_folder_of_the_contract(measured):
    left = {path.name for path in measured.iterdir()}
    assert left == {
        "environment.json",
        "experiment.toml",
        "plots",
        "quantiles.parquet",
        "summary.csv",
        "trials",
    }


def test_without_out_the_folder_is_named_after_the_experiment_and_the_time_in_utc(lab, tmp_path):
    _, out, _ = lab("run", "fine.py:Fine", *ONE_CELL, "--quiet")
    folder = out.splitlines()[-1].removeprefix("results: ")
    assert re.fullmatch(r"results/Fine-\d{8}T\d{6}Z", folder)
    assert (tmp_path / folder / "summary.csv").is_file()


def test_list_has_a_line_for_everything(lab):
    code, out, err = lab("list")
    titles = ("scenarios", "guards", "stores", "engines", "experiments")
    listed = {title: [] for title in titles}
    for line in out.splitlines():
        if line in listed:
            title = line
        elif line:
            listed[title].append(re.fullmatch(r"  (\w+)  +\S.*", line)[1])
    assert (code, err, listed) == (
        0,
        "",
        {
            "scenarios": list(SCENARIOS),
            "guards": list(GUARDS),
            "stores": list(STORES),
            "engines": ["real", "simulated", "controlled"],
            "experiments": list(BUILT_IN),
        },
    )


def test_the_help_of_run_answers_how_many_trials_one_needs_to_see_a_thousandth(lab):
    code, out, err = lab("run", "--help")
    assert (code, err) == (0, "")
    assert "How many trials do I need to see 0.1 %? About 3,000 to see it at all" in " ".join(out.split())


def test_every_option_has_its_line_of_help():
    without = [
        (command.name, parameter.name)
        for command in cli.verbs().values()
        for parameter in command.params
        if parameter.param_type_name == "option" and not parameter.help
    ]
    assert without == []


# Completion --------------------------------------------------------------------------------------------------------


def completions(words, incomplete):
    complete = ShellComplete(cli.lab, {}, "lab", "_LAB_COMPLETE")
    return [item.value for item in complete.get_completions(words, incomplete)]


@pytest.mark.parametrize(
    ("words", "incomplete", "completed"),
    [
        (["run", "--guards"], "l", ["lock"]),
        (["run", "--guards"], "none,s", ["none,semaphore(4)"]),
        (["run", "--stores"], "s", ["sqlite"]),
        (["run"], "t", ["tutorial", "tutorial_seconds", "ticket_sale", "traffic_light"]),
        ([], "s", ["summary"]),
    ],
)
def test_names_are_completed(words, incomplete, completed):
    assert completions(words, incomplete) == completed


def test_a_shell_is_told_all_guards():
    asked = {"_LAB_COMPLETE": "bash_complete", "COMP_WORDS": "lab run --guards ", "COMP_CWORD": "3"}
    command = [shutil.which("lab", path=Path(sys.executable).parent) or "lab"]
    done = subprocess.run(command, env={**os.environ, **asked}, capture_output=True, text=True)
    told = {line.removeprefix("plain,").partition("(")[0] for line in done.stdout.splitlines()}
    assert (told, done.stderr) == (set(GUARDS), "")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/dev/shm/lab/slots"),
            "No space left on device (/dev/shm/lab/",
        ),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files. Make room"),
    ],
)
def test_what_the_system_refuses_elsewhere_is_not_told_of_the_output(lab, monkeypatch, error, told):
    def refused(*arguments, **named):
        raise error

    monkeypatch.setattr("lab.engines.real.engine.RealEngine.__enter__", refused)
    code, _, said = lab("run", "ticket_sale", "-n", "1", "--quiet")

    assert code == 3
    assert f"the system refuses: {told}" in said


@pytest.mark.parametrize("arguments", [["list"], ["--help"]])
def test_output_that_can_not_be_written_is_exit_code_3_and_a_closed_pipe_is_none(arguments):
    command = [sys.executable, "-m", "lab", *arguments]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, "can't write the output: No space left on device" in ended.stderr) == (3, True)
    reader, writer = os.pipe()
    os.close(reader)
    assert subprocess.run(command, stdout=writer, check=False).returncode == 0
    os.close(writer)


def test_a_pipe_that_breaks_elsewhere_is_no_closed_output():
    program = (
        "from lab.cli import main\n"
        "def broken(*_, **__): raise BrokenPipeError(32, 'Broken pipe')\n"
        "main.lab.main = broken\n"
        "main.main()"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert ended.returncode == 70
    assert "a defect in lab, not in your program: BrokenPipeError" in ended.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_results_are_the_same_where_the_shell_has_closed_an_output(tmp_path, closed):
    run = f"{sys.executable} -m lab run ticket_sale --guards lock --stores memory --processes 2 --delays 0 -n 5 --out x"
    done = subprocess.run(f"{run} {closed}", shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert len(verbs.open_results(tmp_path / "x").trials) == 5


def test_a_script_can_be_repeated_where_the_shell_has_closed_all(tmp_path):
    (tmp_path / "fine.py").write_text("print('fine')")
    race = f"{sys.executable} -m lab race fine.py --trials 3 --out x <&- >&- 2>&-"

    assert subprocess.run(race, shell=True, cwd=tmp_path, check=False).returncode == 0
