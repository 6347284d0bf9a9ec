"""The pytest plugin, as its users meet it: by tests that pass, and by what is printed of those that fail."""

import subprocess
import sys
from pathlib import Path

import pytest

import lab

pytest_plugins = "pytester"

PROGRAMS = Path(__file__).parent / "programs"

SPEND = """
    import json, time
    import lab

    def spend_in(path):
        def fill():
            path.write_text("1")
        def spend(actor):
            left = int(path.read_text() or 1)
            time.sleep(0.01)
            if left:
                path.write_text("0")
            return left > 0
        return fill, spend

    def once(returns):
        assert sum(returns) <= 1, f"spent {sum(returns)} times"
"""

COUNTER = """
    import lab

    class Counter(lab.Scenario):
        '''Actors count.'''
        outcomes = {"lost": lab.violation("a count was lost"), "ok": lab.ok("all were counted")}
        guards = ("none", "lock")
        stores = ("memory",)

        def setup(self, world):
            world.store.write({"count": 0})

        def section(self, world, actor):
            count = world.store.read()["count"]
            world.store.write({"count": count + 1})

        def judge(self, world, returns):
            return self.first({}, lost=world.store.read()["count"] < len(returns))
"""


pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(scope="module", autouse=True)
def loaded(tmp_path_factory):
    """All that is loaded late: a run of pytest within this one forgets its modules, and some can't be loaded twice."""
    home = tmp_path_factory.mktemp("loaded")
    lab.race_function(lambda: None, processes=1, trials=2, out=home / "raced")
    lab.explore("ticket_sale", guards=["none"], out=home / "explored")
    lab.explore(lambda: None, out=home / "carried")


@pytest.fixture
def tested(pytester):
    """Runs tests of this text, and gives their result and the lines printed."""

    def tested(text, *arguments, named="test_it"):
        pytester.makepyfile(**{named: text})
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist", *arguments)

    return tested


def test_a_function_that_goes_wrong_too_often_fails_with_its_rate_and_the_first_trial(tested):
    result = tested(
        SPEND
        + """
    def test_spend(lab_race, tmp_path):
        fill, spend = spend_in(tmp_path / "coupons")
        lab_race(spend, processes=3, trials=20, setup=fill, check=once).at_most(0.1)
    """
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "spend: at most 10 % of trials may go wrong",
            "  guard none, 3 processes: * % [[]*[]] of 20 trials did",
            "    first: trial * is rejected: spent * times",
        ]
    )


def test_a_function_under_a_guard_passes_where_enough_trials_show_it(tested):
    result = tested(
        SPEND
        + """
    def test_spend(lab_race, tmp_path):
        fill, spend = spend_in(tmp_path / "coupons")
        raced = lab_race(spend, processes=2, trials=40, setup=fill, check=once, guards=["none", "lock"])
        raced.at_most(0.1, guard="lock")
        assert [count > 0 for count in raced.results.summary["violations"]] == [True, False]
    """
    )

    result.assert_outcomes(passed=1)


def test_too_few_trials_show_too_little_and_say_how_many_it_takes(tested):
    result = tested("def test_it(lab_race):\n    lab_race(lambda: None, processes=1, trials=10).at_most(0.001)\n")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*none of 10 did, which shows at most 31 %; 0.1 % takes 3,688 trials"])


def test_more_than_all_trials_is_no_limit(tested):
    result = tested("def test_it(lab_race):\n    lab_race(lambda: None, processes=1, trials=2).at_most(5)\n")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*at_most(5): expected a share from 0 to less than 1. Try at_most(0.05) for 5 %."])


def test_no_picture_is_drawn_of_what_a_test_measures(tested, monkeypatch):
    drawn = []
    monkeypatch.setattr("lab.verbs.plot", drawn.append)
    lab.race_function(lambda: None, processes=1, trials=2, out=Path("drawn"))
    assert len(drawn) == 1

    tested("def test_it(lab_race):\n    lab_race(lambda: None, processes=1, trials=2)\n").assert_outcomes(passed=1)
    assert len(drawn) == 1


def test_rates_are_properties_of_the_test_in_junit(tested, pytester):
    tested("def test_it(lab_race):\n    lab_race(lambda: None, processes=1, trials=10)\n", "--junitxml=junit.xml")

    assert (
        'name="lab_&lt;lambda&gt;_none" value="rate=0.0 low=0.0 high=0.308' in (pytester.path / "junit.xml").read_text()
    )


def explores(guard):
    return (
        COUNTER
        + f"""
    def test_counter(lab_explore):
        lab_explore(Counter, guards=[{guard!r}])
    """
    )


def test_a_scenario_that_breaks_fails_with_its_timeline_and_is_tried_first_the_next_time(tested, pytester):
    result = tested(explores("none"))

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*FOUND lost: a count was lost", "*nothing orders the two", "kept, and tried first*"])
    (kept,) = (pytester.path / ".lab" / "failures").glob("*/*.json")

    again = tested(explores("none"))
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines([f"by a schedule that was kept: lab replay {kept.relative_to(pytester.path)}"])
    assert "executions by dpor" not in again.stdout.str()


def test_what_was_mended_is_proved_and_its_kept_schedule_goes(tested, pytester):
    tested(explores("none"))
    mended = explores("none").replace("count = world.store.read()", "return\n            count = world.store.read()")
    result = tested(mended.replace("< len(returns)", "< 0"), named="test_it")

    result.assert_outcomes(passed=1)
    assert list((pytester.path / ".lab").glob("**/*.json")) == []


def test_a_scenario_under_its_guard_is_proved(tested):
    tested(explores("lock")).assert_outcomes(passed=1)


def test_a_budget_that_is_too_small_is_no_proof(tested):
    text = explores("none").replace("guards=['none']", "'ticket_sale', guards=['semaphore(1)'], processes=[7]")
    result = tested(text.replace("Counter, 'ticket", "'ticket"), "--lab-budget", "0.2")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*UNKNOWN: *"])


@pytest.mark.parametrize(("script", "outcome"), [("value_add", "failed"), ("value_add_lock", "passed")])
def test_a_script_is_explored_as_it_stands(tested, script, outcome):
    path = str(PROGRAMS / f"{script}.py")
    result = tested(f"def test_it(lab_explore):\n    lab_explore({path!r}, files=[{path!r}])\n")

    result.assert_outcomes(**{outcome: 1})


def test_one_schedule_is_replayed_on_request_and_nothing_else(tested, pytester):
    tested(explores("none"))
    (kept,) = (pytester.path / ".lab" / "failures").glob("*/*.json")
    moved = kept.rename(pytester.path / "one.json")

    result = tested(
        explores("none") + "\n    def test_other(lab_explore):\n        lab_explore('ticket_sale')\n",
        "--lab-replay",
        str(moved),
    )
    result.assert_outcomes(failed=1, skipped=1)


def test_ini_keys_stand_for_options(tested, pytester):
    pytester.makeini("[pytest]\nlab_seed = 7\n")
    result = tested(
        """
        def test_it(lab_race):
            raced = lab_race(lambda: None, processes=1, trials=2)
            assert 'seed = 7' in (raced.results.folder / "experiment.toml").read_text()
        """
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("option", "found", "wanted"),
    [
        ("budget", "soon", "a number of seconds above 0"),
        ("budget", "0", "a number of seconds above 0"),
        ("seed", "1.5", "a whole number from 0"),
        ("replay", "gone.json", "a file that lab_explore has kept"),
    ],
)
def test_a_wrong_option_is_one_message_before_the_first_test(tested, option, found, wanted):
    result = tested("def test_it(): pass", f"--lab-{option}", found)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --lab-{option} {found}: expected {wanted}*, found '{found}'."])


@pytest.mark.parametrize("call", ["lab_race(print, processes=0)", "lab_explore(print, processes=0)"])
def test_of_a_mistake_in_a_test_its_own_line_is_shown_with_the_message(tested, call):
    result = tested(f"def test_it(lab_race, lab_explore):\n    {call}\n")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f">       {call}", "E       Failed: processes 0: expected *", "test_it.py:2: Failed"])
    assert "pytest_checks.py" not in result.stdout.str()


def test_tests_with_these_fixtures_can_be_left_out(tested):
    text = "def test_it(lab_race): pass\ndef test_plain(): pass\n"

    tested(text, "-m", "not lab", "--strict-markers").assert_outcomes(passed=1, deselected=1)


def test_a_benchmark_tells_the_rate_beside_the_time_guard_by_guard(tested, monkeypatch):
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # in a worker pytest-benchmark measures nothing
    result = tested(
        SPEND
        + """
    import pytest

    @pytest.mark.parametrize("guard", ["none", "lock"])
    def test_spend(lab_benchmark, benchmark, guard, tmp_path):
        fill, spend = spend_in(tmp_path / "coupons")
        lab_benchmark(spend, guard=guard, processes=2, trials=20, setup=fill, check=once)
        assert benchmark.extra_info["trials"] == 20
        assert (benchmark.extra_info["rate"] > 0) == (guard == "none")
    """
    )

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "*benchmark: 2 tests*",
            "*lab: violations and wall times*",
            "test*guard*violations*median wall*",
            "test_spend[[]none[]]*none* % [[]*[]]* ms",
            "test_spend[[]lock[]]*lock*0 % [[]0, 17[]]* ms",
        ]
    )


@pytest.mark.thorough
def test_it_works_in_several_processes_of_xdist(pytester):
    pytester.makepyfile(
        test_one="def test_it(lab_race):\n    lab_race(lambda: None, processes=1, trials=5).at_most(0.6)\n",
        test_two=COUNTER + "\n    def test_it(lab_explore):\n        lab_explore(Counter, guards=['lock'])\n",
    )
    pytester.runpytest_subprocess("-n", "2", "-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_pytest_loads_nothing_heavy_for_it():
    code = "import sys, lab.pytest_plugin; print({'numpy', 'pandas', 'click', 'greenlet'} & set(sys.modules))"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


TRANSFER = """
    import json

    def open_accounts():
        with open("a.json", "w") as file:
            json.dump([10, 0], file)

    def transfer():
        with open("a.json") as file:
            a, b = json.load(file)
        with open("a.json", "w") as file:
            json.dump([a - 1, b + 1], file)

    def money_is_conserved(returns):
        with open("a.json") as file:
            assert json.load(file) == [8, 2]

    def test_transfer(lab_explore):
        lab_explore(transfer, setup=open_accounts, check=money_is_conserved)
"""


def test_a_function_of_the_test_file_is_searched_and_its_schedule_shown_and_kept(tested, pytester):
    result = tested(TRANSFER)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*.py: found", "*test_it.py:9 * read 'a.json': '?10, 0?'", "unordered: transfer 1 * had read it*"]
    )
    assert list((pytester.path / ".lab" / "failures").glob("*/*.json"))


CLOSURE = """
    from multiprocessing import Lock

    def test_count(lab_explore, tmp_path):
        lock, path = Lock(), tmp_path / "count"

        def begin():
            path.write_text("0")

        def count(number):
            {}
                new = path.with_name(str(number))
                new.write_text(str(int(path.read_text()) + 1))
                new.replace(path)

        def both_counted(returns):
            assert path.read_text() == "2"

        lab_explore(count, setup=begin, check=both_counted)
        assert not list(tmp_path.iterdir())
"""


def test_a_function_within_a_test_is_searched_on_its_tmp_path_and_its_kept_schedule_tried(tested, pytester):
    result = tested(CLOSURE.format("if True:"))

    result.assert_outcomes(failed=1)
    (kept,) = (pytester.path / ".lab" / "failures").glob("*/*.json")
    assert result.stdout.str().count("lab replay") == 0
    result.stdout.fnmatch_lines(
        ["function count: found", f"kept, and tried first*: pytest --lab-replay {kept.relative_to(pytester.path)}"]
    )

    tested(CLOSURE.format("if True:")).stdout.fnmatch_lines(
        [
            "raised-AssertionError again: main: AssertionError: * (test_it.py:* in both_counted)",
            "10   test_it.py:12 *  read 'count': '0'",
            "unordered: count 1 replaced file 'count' at test_it.py:* after count 0 had opened it at test_it.py:*",
            f"by a schedule that was kept: pytest --lab-replay {kept.relative_to(pytester.path)}",
        ]
    )

    tested(CLOSURE.format("with lock:")).assert_outcomes(passed=1)
    assert not kept.parent.exists()
