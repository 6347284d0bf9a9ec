"""The pytest plugin: fixtures that measure and explore, and fail with a rate or a schedule.

Every pytest loads it, so nothing heavy is imported before a test asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from lab.exploration import Exploration
    from lab.pytest_checks import Raced
    from lab.searching import Target

Result = TypeVar("Result")

KEPT = Path(".lab") / "failures"
"""Under the root folder of the tests: the schedules of tests that failed, tried first the next time."""

_FIXTURES = ("lab_race", "lab_explore", "lab_benchmark")
_BENCHMARKED = pytest.StashKey[list[Any]]()
_OPTIONS = (
    ("budget", "Seconds that lab_explore may search, each time [60]."),
    ("seed", "Seed of lab_race and lab_explore [1]."),
    ("replay", "A schedule file: tests with lab_explore of its program replay it, and search nothing."),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, and ini keys of the same names."""
    group = parser.getgroup("lab", "measure and explore programs that share state")
    for name, told in _OPTIONS:
        group.addoption(f"--lab-{name}", metavar=name.upper(), help=told)
        parser.addini(f"lab_{name}", told)


def pytest_configure(config: pytest.Config) -> None:
    """The marker that tests with these fixtures have: `-m "not lab"` leaves them out."""
    config.addinivalue_line("markers", "lab: measures or explores a program; every test with a fixture of lab's has it")
    config.stash[_BENCHMARKED] = []
    _expect(config, "budget", "a number of seconds above 0, such as 20", lambda text: float(text) > 0)
    _expect(config, "seed", "a whole number from 0, such as 1", lambda text: int(text) >= 0)
    _expect(config, "replay", "a file that lab_explore has kept", lambda text: Path(text).is_file())


def _expect(config: pytest.Config, name: str, wanted: str, is_right: Callable[[str], bool]) -> None:
    """A wrong option ends pytest with a message before the first test."""
    given = _option(config, name)
    try:
        is_fine = given is None or is_right(given)
    except ValueError:
        is_fine = False
    if not is_fine:
        raise pytest.UsageError(f"--lab-{name} {given}: expected {wanted}, found {given!r}.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use a fixture of this plugin."""
    for item in items:
        if any(name in getattr(item, "fixturenames", ()) for name in _FIXTURES):
            item.add_marker("lab")


@pytest.hookimpl(trylast=True)  # below the table of pytest-benchmark
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What the table of pytest-benchmark does not tell: the rate beside the time, guard by guard."""
    if rows := config.stash[_BENCHMARKED]:
        from lab.pytest_checks import benchmark_table

        terminalreporter.section("lab: violations and wall times")
        for line in benchmark_table(rows):
            terminalreporter.write_line(line)


@pytest.fixture
def lab_race(request: pytest.FixtureRequest) -> Callable[..., Raced]:
    """Measures a function: `lab_race(spend, processes=4, setup=reset, check=spent_once).at_most(0.001)`.

    Takes the choices of `lab.race` of a function.
    """

    def race(function: Callable[..., Any], **choices: Any) -> Raced:
        from lab.pytest_checks import raced

        __tracebackhide__ = True
        given = {**_seeded(request.config), **choices}
        return _done(lambda: raced(function, _folder(request), request.node.user_properties, given))

    return race


@pytest.fixture
def lab_explore(request: pytest.FixtureRequest) -> Callable[..., Exploration]:
    """Searches the schedules of a scenario class, a script or a function, and fails unless the verdict is `proved`.

    `lab_explore(LastCoupon, guards=["lock"])`, `lab_explore("buy.py")`, `lab_explore(transfer, setup=open_accounts)`:
    takes the choices of `lab.explore`. A schedule that fails is kept, and tried first the next time.
    """

    def explore(target: Target, **choices: Any) -> Exploration:
        from lab.pytest_checks import explored

        __tracebackhide__ = True
        config = request.config
        budget, replay = _option(config, "budget"), _option(config, "replay")
        given = {**_seeded(config), **({"seconds": float(budget)} if budget else {}), **choices}
        kept = config.rootpath / KEPT / re.sub(r"[^\w.-]+", "-", request.node.nodeid).strip("-")
        home: Path = request.getfixturevalue("tmp_path")
        only = Path(replay) if replay else None
        return _done(lambda: explored(target, home, _folder(request), kept, only, given))

    return explore


@pytest.fixture
def lab_benchmark(request: pytest.FixtureRequest) -> Callable[..., Raced]:
    """Measures a function under a guard as a benchmark of pytest-benchmark, whose `extra_info` tells the rate as well.

    `lab_benchmark(spend, guard="lock", processes=4, trials=500)`; skipped without pytest-benchmark.
    """
    if not request.config.pluginmanager.hasplugin("benchmark"):
        pytest.skip("lab_benchmark needs pytest-benchmark: pip install pytest-benchmark")
    benchmark = request.getfixturevalue("benchmark")

    def measure(function: Callable[..., Any], *, guard: str = "none", **choices: Any) -> Raced:
        from lab.pytest_checks import raced

        __tracebackhide__ = True
        given = {**_seeded(request.config), **choices, "guards": [guard]}
        arguments = function, _folder(request), request.node.user_properties, given
        measured: Raced = _done(lambda: benchmark.pedantic(raced, arguments, rounds=1))
        benchmark.extra_info.update(measured.figures(guard))
        request.config.stash[_BENCHMARKED].append((request.node.name, measured.figures(guard)))
        return measured

    return measure


def _done(call: Callable[[], Result]) -> Result:
    """What a call gives. Of a user's mistake the test's own line is shown, with the message."""
    __tracebackhide__ = True
    from lab.errors import LabError

    try:
        return call()
    except LabError as error:
        mistake = str(error)
    pytest.fail(mistake)


def _option(config: pytest.Config, name: str) -> str | None:
    return config.getoption(f"--lab-{name}") or config.getini(f"lab_{name}") or None


def _seeded(config: pytest.Config) -> dict[str, int]:
    seed = _option(config, "seed")
    return {"seed": int(seed)} if seed else {}


def _folder(request: pytest.FixtureRequest) -> Path:
    """A new folder for results, which pytest looks after."""
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    # Not below the test's own tmp_path, whose files may be what the function works on.
    return factory.mktemp("lab") / "results"
