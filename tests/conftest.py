"""What the tests of the engine share: a short way to a cell, and to its trials."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

from lab.cell import Cell
from lab.cli import main as command_line
from lab.engines.real import RealEngine
from lab.guards import guard_named
from lab.scenario import Scenario
from lab.scenarios import scenario_named
from lab.stores import store_named
from lab.trial import Trial

# A deadline for an example would be an absolute time, which a loaded machine does not keep.
settings.register_profile("lab", deadline=None)
settings.load_profile("lab")


def pytest_addoption(parser):
    parser.addoption("--thorough", action="store_true", help="Repeat as often as is claimed, and leave nothing out.")


def pytest_configure(config):
    """Who was started in the background of a shell ignores Ctrl-C, and so do its children: what is tested is theirs."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config, items):
    """What is marked as thorough is left out, unless it is asked for."""
    if not config.getoption("thorough"):
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]


def thorough(*values):
    """Values of a parameter that are tried with --thorough alone: others like them are tried always."""
    each = [value if isinstance(value, tuple) else (value,) for value in values]
    return [pytest.param(*value, marks=pytest.mark.thorough) for value in each]


@pytest.fixture
def often(request) -> Callable[[int, int], int]:
    """How often to repeat something: seldom, or with --thorough often."""
    return lambda seldom, often: often if request.config.getoption("thorough") else seldom


@pytest.fixture(scope="module")
def no_pictures():
    """For results that nobody looks at: to draw them takes longer than to measure a few trials."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lab.verbs.plot", lambda results: [])
        yield


NO_DELAY = {"read_delay": "0", "write_delay": "0"}


def make_cell(
    scenario: str | type[Scenario],
    guard: str = "none",
    store: str | None = None,
    processes: int = 2,
    alignment: str = "natural",
    start_method: str = "fork",
    **fields: Any,
) -> Cell:
    kind = scenario_named(scenario) if isinstance(scenario, str) else scenario
    name = scenario if isinstance(scenario, str) else kind.__name__
    place = store_named(store) if store else None
    values = kind().with_texts(fields)
    return Cell(name, values, guard_named(guard), place, processes, "real", alignment, start_method)


@pytest.fixture
def engine():
    with RealEngine() as engine:
        yield engine


@pytest.fixture
def run(engine) -> Callable[..., list[Trial]]:
    """Runs so many trials of a cell, in the order of their numbers."""

    def run(cell: Cell, trials: int, lanes: int = 1, timeout_s: float | None = None) -> list[Trial]:
        session = engine.open(cell, lanes, timeout_s)
        try:
            return sorted(session.run(range(trials)))
        finally:
            session.close()

    return run


@pytest.fixture
def lab(capsys, tmp_path, monkeypatch):
    """Runs a command in a folder of its own, and gives its exit code, what it printed, and what it said on stderr."""
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as exited:
            command_line.main(arguments)
        printed = capsys.readouterr()
        return exited.value.code, printed.out, printed.err

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def outcomes(trials: list[Trial]) -> dict[str, int]:
    return dict(Counter(trial.outcome for trial in trials))


def eventually(holds: Callable[[], bool], within_s: float = 20) -> None:
    """Wait until something holds that the kernel does in its own time, such as the end of a killed process."""
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.01)
