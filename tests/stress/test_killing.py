"""Whatever is killed, no row that was measured is lost, and nothing is left behind."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import eventually, make_cell

from lab import archive
from lab.engines import scratch
from lab.engines.cores import usable_cores
from lab.engines.real import RealEngine
from lab.experiments.grid import Experiment, Grid, plans
from lab.experiments.runner import Progress, measure
from lab.scenario import Scenario
from lab.trial import Judgement, Trial, ok

pytestmark = pytest.mark.stress

KILLER = """
import os, random, signal, sys, time
from pathlib import Path
home, kills, random = Path(sys.argv[1]), int(sys.argv[2]), random.Random(1)
while kills:
    # A trial that ends from now on shows that a crew is at work, however long crews take to start.
    os.set_blocking(0, False)
    try:
        os.read(0, 1 << 16)
    except BlockingIOError:
        pass
    os.set_blocking(0, True)
    os.read(0, 1)
    time.sleep(random.uniform(0, 0.01))
    try:
        workers = [note.read_text() for note in home.glob("*/*/pids/*")]
        os.kill(int(random.choice(workers).partition("-")[0]), signal.SIGKILL)
        kills -= 1
    except (IndexError, ValueError, ProcessLookupError, FileNotFoundError):
        pass
"""


def leftovers(coordinator: int) -> list[Path]:
    """Folders, shared memory and semaphores that bear the name of a coordinator's run."""
    return [path for path in scratch.SHARED_MEMORY.iterdir() if f"-{coordinator}-" in path.name]


def trials_under_kills(engine, session, kills: int) -> list[Trial]:
    """The rows of a session until so many of its workers were killed, each while trials go on."""
    killer = subprocess.Popen([sys.executable, "-c", KILLER, engine.home, str(kills)], stdin=subprocess.PIPE)
    trials = []
    try:
        for trial in session.run(number for number in range(1_000_000) if killer.poll() is None):
            trials.append(trial)
            with contextlib.suppress(BrokenPipeError):
                os.write(killer.stdin.fileno(), b".")
    finally:
        killer.stdin.close()
        killer.kill()
        code = killer.wait()
    assert code == 0
    return trials


@pytest.mark.parametrize(("start_method", "seldom", "many"), [("fork", 30, 100), ("forkserver", 10, 20)])
def test_kills_of_random_workers_lose_no_row_and_leave_nothing(often, start_method, seldom, many):
    kills = often(seldom, many)
    cell = make_cell("ticket_sale", "queue", "memory", 3, start_method=start_method, read_delay="1ms", write_delay="0")
    with RealEngine() as engine:
        session = engine.open(cell, lanes=2)
        trials = trials_under_kills(engine, session, kills)
        session.close()
        notes = [note.read_text() for note in Path(engine.home).glob("**/pids/*")]

    assert sorted(trial.trial for trial in trials) == list(range(len(trials)))
    # Workers that were killed while they started, or between two trials, are replaced, and the trial is begun again.
    endings = {(trial.outcome, trial.detail.rpartition(" ")[2]) for trial in trials}
    assert endings <= {("ok", ""), ("crash", "SIGKILL")}
    # More than half of the kills hit a worker in a trial, on a loaded machine, too: of 30 none does once in 10^9 tests.
    assert start_method != "fork" or len(endings) == 2
    assert notes == []
    assert leftovers(os.getpid()) == []


@pytest.mark.skipif(len(usable_cores()) < 2, reason="who spins needs a core for each actor")
def test_kills_in_a_stride_lose_no_trial(often):
    kills = often(10, 100)
    with RealEngine() as engine:
        session = engine.open(make_cell(Slow, processes=2, alignment="aligned"))
        assert len(session._lanes[0]._frames) > 1
        trials = trials_under_kills(engine, session, kills)
        session.close()

    assert sorted(trial.trial for trial in trials) == list(range(len(trials)))
    # Actors of a trial note as many as they are, whatever was killed before and after it.
    assert {(trial.outcome, trial.measures.get("notes")) for trial in trials} == {("ok", 2), ("crash", None)}


class Slow(Scenario):
    """Takes long enough to be killed in it, and sleeps in no delay that would be known of."""

    outcomes = {"ok": ok("all were there")}
    stays_in_world = True

    def section(self, world, actor):
        world.note("there")
        time.sleep(0.0005)

    def judge(self, world, returns):
        return Judgement("ok", {"notes": len(world.noted("there"))})


def test_awake_cores_sleep_again_after_a_kill_of_the_coordinator(tmp_path):
    run = lab(*ARGUMENTS, "--alignment", "awake", "--out", str(tmp_path / "killed"))
    eventually(lambda: any(list(path.glob("awake/pids/*")) for path in leftovers(run.pid)))
    [note] = [note.read_text() for path in leftovers(run.pid) for note in path.glob("awake/pids/*")]
    spinners = int(note.partition("-")[0])
    assert processes_of(spinners) != []

    run.kill()
    run.wait()

    eventually(lambda: processes_of(spinners) == [])


ARGUMENTS = [
    "ticket_sale",
    "--guards",
    "none,lock,queue",
    "--processes",
    "3",
    "--delays",
    "2ms",
    "--quiet",
    "-n",
    "60",
]


def lab(*arguments: str) -> subprocess.Popen[bytes]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", "lab", "run", *arguments], start_new_session=True, **quiet)


def rows(folder: Path) -> dict[str, list[tuple[int, int]]]:
    return {
        str(cell["cell_id"]): list(zip(frame["trial"], frame["seed"], strict=True))
        for cell, frame in archive.read_cells(folder)
    }


def test_after_kills_of_the_coordinator_resuming_gives_the_same_trials_and_seeds(tmp_path, often):
    chance = random.Random(2)
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    assert lab(*ARGUMENTS, "--out", str(undisturbed)).wait() == 0

    arguments = [*ARGUMENTS, "--out", str(killed)]
    for _ in range(often(4, 20)):
        run = lab(*arguments)
        time.sleep(chance.uniform(0, 0.8))
        run.kill()
        # Before anybody waits for it: of a coordinator that is a zombie, too, the workers have to see that it is dead.
        eventually(lambda run=run: processes_of(run.pid) == [])
        run.wait()
        eventually(lambda run=run: leftovers(run.pid) == [])
        arguments = ["--resume", str(killed)] if (killed / "experiment.toml").exists() else arguments
    assert lab("--resume", str(killed)).wait() == 0

    assert rows(killed) == rows(undisturbed)
    assert all(len(numbers) == 60 == len(set(numbers)) for numbers in rows(killed).values())


def test_after_a_kill_of_the_whole_tree_the_next_run_sweeps(tmp_path):
    # A lock's semaphore has a name as long as processes may still be spawned.
    run = lab(*ARGUMENTS, "--guards", "lock", "--start-method", "spawn", "--out", str(tmp_path / "killed"))
    eventually(lambda: any(path.is_dir() and list(path.glob("**/slots-0")) for path in leftovers(run.pid)))
    eventually(lambda: len(noted_workers(run.pid)) == 3)
    janitors = [pid for pid in children_of(run.pid) if b"scratch.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    workers = noted_workers(run.pid)
    assert len(janitors) == 1
    for pid in (*janitors, run.pid):
        os.kill(pid, signal.SIGKILL)
    run.wait()
    assert any(path.name.startswith("sem.") for path in leftovers(run.pid))

    with RealEngine():
        pass

    eventually(lambda: leftovers(run.pid) == [])
    eventually(lambda: not any(scratch.identity(int(worker.partition("-")[0])) == worker for worker in workers))


def processes_of(session: int) -> list[int]:
    """The living processes of a session: a run's coordinator and its workers, not its janitor."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, owner = stat.read_text().rpartition(")")[2].split()[:4]
            if int(owner) == session and state not in "ZX":
                found.append(int(stat.parent.name))
    return found


def noted_workers(coordinator: int) -> list[str]:
    notes = [note.read_text() for root in leftovers(coordinator) for note in root.glob("**/pids/*")]
    return [note for note in notes if note]


def children_of(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


class Stop(Progress):
    """Is interrupted at a trial, as by Ctrl-C."""

    def __init__(self, at: int) -> None:
        self._left = at

    def ended(self, trial):
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("at", [1, 10, 55])
def test_an_interrupt_at_any_trial_keeps_every_row_before_it(tmp_path, at):
    grid = Grid(scenario="ticket_sale", guards=["none", "lock"], stores=["memory"], processes=[2], delays=["0"])
    experiment = Experiment(name="interrupted", grids=[grid], trials=40)
    archive.create(tmp_path / "x", experiment, {})
    with pytest.raises(KeyboardInterrupt), archive.Archive(tmp_path / "x") as opened:
        measure(experiment, opened, Stop(at))

    assert sum(map(len, rows(tmp_path / "x").values())) == at
    with archive.Archive(tmp_path / "x") as opened:
        measure(experiment, opened, Progress())
    assert {cell_id: len(found) for cell_id, found in rows(tmp_path / "x").items()} == {
        plan.cell.cell_id: 40 for plan in plans(experiment)
    }
    assert leftovers(os.getpid()) == []
