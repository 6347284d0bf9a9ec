import contextlib
import time
from collections import Counter

import pytest
from conftest import NO_DELAY, make_cell, outcomes

from lab.delays import Delay, constant, exp, uniform
from lab.engines.real import RealEngine
from lab.engines.simulated import SimulatedEngine, SimulatedSession
from lab.engines.simulated.folder import MemoryFolder
from lab.guard import Guard
from lab.scenario import Scenario
from lab.scheduler import Cut
from lab.schedulers.by_time import ByTime
from lab.trial import Judgement, interesting, ok, violation


@pytest.fixture
def simulate():
    """Runs so many trials of a cell in virtual time."""
    with SimulatedEngine() as engine:
        yield lambda cell, trials, **choices: list(engine.open(cell, **choices).run(range(trials)))


class Exhaustive:
    """Every order of operations, depth first."""

    asks_always = True

    def __init__(self):
        self._path = None

    def begin(self):
        if self._path is None:
            self._path = []
        else:
            while self._path and self._path[-1][0] + 1 == self._path[-1][1]:
                self._path.pop()
            if not self._path:
                return False
            self._path[-1][0] += 1
        self._depth = 0
        return True

    def choose(self, enabled, current):
        if self._depth == len(self._path):
            self._path.append([0, len(enabled)])
        place, choices = self._path[self._depth]
        assert choices == len(enabled)
        self._depth += 1
        return place


def explored(cell, **choices):
    """The executions of every order."""
    session, scheduler = SimulatedSession(cell, is_timed=False, **choices), Exhaustive()
    found = []
    while scheduler.begin():
        found.append(session.execute(scheduler))
    session.close()
    return found


# Virtual time ------------------------------------------------------------------------------------------------------


def test_the_tutorials_seconds_take_none(simulate):
    start = time.perf_counter()
    [trial] = simulate(make_cell("ticket_sale", "lock", "json_file", 5, read_delay="1s", write_delay="500ms"), 1)

    assert (trial.outcome, trial.wall_s, trial.wait_median_s, trial.wait_max_s) == ("ok", 7.5, 3.0, 6.0)
    assert time.perf_counter() - start < 1


def test_a_semaphore_lets_two_in_at_a_time(simulate):
    [trial] = simulate(make_cell("ticket_sale", "semaphore(2)", "memory", 5, read_delay="1s", write_delay="1s"), 1)

    assert (trial.outcome, trial.wall_s, trial.wait_max_s) == ("oversold", 6.0, 4.0)


@pytest.mark.parametrize("guard", ["none", "lock", "semaphore(2)", "queue", "pipe", "optimistic", "transaction"])
def test_a_trial_of_the_same_seed_repeats_to_the_byte(guard):
    cell = make_cell("ticket_sale", guard, "sqlite", 3, request_delay="uniform(0,1s)")
    with SimulatedEngine() as engine:
        session = engine.open(cell)
        first, again = repr(list(session.run(range(20)))), repr(list(session.run(range(20))))
        anew = repr(list(engine.open(cell).run(range(20))))
        backwards = repr(list(engine.open(cell).run(range(19, -1, -1)))[::-1])
    assert first == again == anew == backwards


def test_a_history_changes_nothing_and_repeats(simulate):
    cell = make_cell("ticket_sale", "queue", "json_file", 4, read_delay="1s", write_delay="randint(0,2)s")
    session = SimulatedSession(cell, keeps_history=True)
    kept = list(session.run(range(30)))
    histories = [repr(session.execute(ByTime(3))) for _ in range(2)]
    session.close()

    assert kept == simulate(cell, 30)
    assert histories[0] == histories[1]
    assert "owner.py:" in histories[0]


def test_ties_are_broken_by_the_seed_or_by_the_number_of_the_actor(simulate):
    drawn, ordered = make_cell(Firsts, processes=3), make_cell(Firsts, processes=3, alignment="ordered")

    assert {trial.measures["first"] for trial in simulate(drawn, 50)} == {0, 1, 2}
    assert {trial.measures["first"] for trial in simulate(ordered, 50)} == {0}


class Firsts(Scenario):
    outcomes = {"ok": ok("somebody was first")}

    def shared(self, make):
        make.value("first", -1)

    def section(self, world, actor):
        world.sleep(1.0)
        with world.value("first").get_lock():
            if world.value("first").value == -1:
                world.value("first").value = actor
        return world.value("first").value

    def judge(self, world, returns):
        return Judgement("ok", {"first": returns[0]})


@pytest.mark.parametrize("guard", ["none", "lock", "queue"])
def test_delays_and_draws_are_those_of_the_real_engine(run, simulate, guard):
    cell = make_cell(Draws, guard, processes=3)
    ours, theirs = simulate(cell, 150), run(cell, 150)

    assert [(t.trial, t.seed, t.measures) for t in ours] == [(t.trial, t.seed, t.measures) for t in theirs]


class Draws(Scenario):
    """Draws in every way, so that what is drawn ahead is checked against what is not."""

    even: Delay = uniform(0, 1e-9)
    rare: Delay = exp(1e-9)
    outcomes = {"ok": ok("drawn")}
    guards = ("none", "lock", "queue")

    def section(self, world, actor):
        found = []
        if actor == 1:
            found.append(world.random("even"))
        world.sleep(self.even)
        world.sleep(self.even / 2)
        if actor == 2:
            world.sleep(self.rare)
        return [*found, world.random("even"), world.random("rare"), world.random()]

    def judge(self, world, returns):
        return Judgement("ok", {"returns": repr(returns), "setup": world.random("x")})


def test_what_is_drawn_ahead_is_what_is_drawn():
    cell = make_cell(Naps, processes=2)
    session = SimulatedSession(cell)
    ahead = [trial.measures for trial in session.run(range(250))]
    alone = [session.execute(ByTime(1), trial).trial.measures for trial in range(250)]
    session.close()

    assert ahead == alone
    assert len({repr(measures) for measures in ahead}) == 250


class Naps(Scenario):
    one: Delay = uniform(0.25, 1)
    two: Delay = exp(1)
    outcomes = {"ok": ok("napped")}

    def section(self, world, actor):
        for delay in (self.one, self.two, self.one / 2, self.one, self.two):
            world.sleep(delay)
            world.note("woke")

    def judge(self, world, returns):
        return Judgement("ok", {f"woke{n}": note.time_ns for n, note in enumerate(world.noted("woke"))})


def test_hundreds_of_actors_are_no_matter(simulate):
    start = time.perf_counter()
    [trial] = simulate(make_cell("ticket_sale", "lock", "memory", 500, read_delay="1s", write_delay="0"), 1)

    assert (trial.outcome, trial.wall_s, trial.wait_max_s) == ("ok", 500.0, 499.0)
    assert time.perf_counter() - start < 5


# What a body does wrong ----------------------------------------------------------------------------------------------


class Misbehaves(Scenario):
    """Does in every third trial what its deed says."""

    deed: str = "none"
    outcomes = {"wrong": violation("never"), "ok": ok("all came back")}
    guards = ("none", "lock")

    def shared(self, make):
        make.event("go")
        make.lock("one")
        make.lock("other")
        make.queue("items")

    def setup(self, world):
        if self.deed == "setup" and self._is_turn(world):
            raise RuntimeError("no stage")

    def section(self, world, actor):
        if actor == 0 and self._is_turn(world):
            return self._do(world)
        return [actor, "a value that is no small number"]

    def _do(self, world):
        match self.deed:
            case "raise":
                raise ValueError("a bad ticket")
            case "leave":
                raise SystemExit(4)
            case "hang":
                world.event("go").wait()
            case "sleep":
                world.sleep(1e6)
            case "operate":
                while True:
                    world.event("go").is_set()
            case "loop":
                while True:
                    pass
            case "cling":
                # No execution may be held up by a body that won't let go.
                while True:
                    with contextlib.suppress(BaseException):
                        world.event("go").wait()
            case "return":
                return lambda: None
            case "unpicklable put":
                world.queue("items").put(lambda: None)
                world.queue("items").get()
        return [0, "a value that is no small number"]

    def judge(self, world, returns):
        if self._is_turn(world):
            match self.deed:
                case "judge":
                    raise KeyError("count")
                case "undeclared":
                    return Judgement("fine")
                case "judge loops":
                    while True:
                        pass
        assert returns == [[actor, "a value that is no small number"] for actor in range(world.processes)]
        return Judgement("ok")

    def _is_turn(self, world):
        seed = world.trial_seed if hasattr(world, "trial_seed") else world._trial_seed
        return seed % 3 == 0


@pytest.mark.parametrize(
    ("deed", "ending"),
    [
        ("raise", ("raised", "ValueError: a bad ticket (actor 0)")),
        ("leave", ("raised", "SystemExit: 4 (actor 0)")),
        ("hang", ("hang", "deadlock: actor 0 waits for event 'go'")),
        ("cling", ("hang", "deadlock: actor 0 waits for event 'go'")),
        ("sleep", ("hang", "after 1 s of virtual time, not done: actor 0")),
        ("operate", ("hang", "stopped after 1,000 operations, not done: actor 0")),
        ("loop", ("hang", "actor 0 went on for 0.1 s without an operation")),
        ("judge loops", ("hang", "setup or judge did not come to an end within 0.1 s")),
        ("setup", ("raised", "RuntimeError: no stage (in setup)")),
        ("judge", ("raised", "KeyError: 'count' (in judge)")),
        ("undeclared", ("raised", "judge called it 'fine', which `outcomes` does not declare")),
        ("unpicklable put", ("hang", "deadlock: actor 0 waits for queue 'items'")),
    ],
)
@pytest.mark.parametrize("guard", ["none", "lock"])
def test_a_deed_of_the_body_is_an_outcome_and_the_run_goes_on(deed, guard, ending, capsys):
    session = SimulatedSession(make_cell(Misbehaves, guard, deed=deed), most_operations=1000, stuck_s=0.1)
    trials = list(session.run(range(12)))
    session.close()
    # Under a lock the other one waits for who is stopped, too.
    endings = {(trial.outcome, trial.detail.partition(", actor 1")[0]) for trial in trials}

    assert endings == {("ok", ""), ending}
    assert all(trial.violation == (trial.outcome != "ok") for trial in trials)
    assert all((trial.wall_s is None) == (trial.outcome != "ok") for trial in trials)


def test_what_can_not_be_pickled_is_an_outcome_as_between_processes(simulate):
    trials = simulate(make_cell(Misbehaves, deed="return"), 12)

    assert outcomes(trials).keys() == {"ok", "raised"}
    assert all("pickling what the section returned" in trial.detail for trial in trials if trial.outcome == "raised")


def test_a_service_that_dies_is_a_crash(simulate):
    cell = make_cell("ticket_sale", "none", "memory", 2, **NO_DELAY)
    object.__setattr__(cell, "guard", Mortal())
    trials = simulate(cell, 3)

    assert {(trial.outcome, trial.detail) for trial in trials} == {("crash", "service 0 ended by OSError: no socket")}


class Mortal(Guard):
    name = "none"

    def services(self):
        return (self._owner,)

    def _owner(self, section, world):
        raise OSError("no socket")

    def run(self, section, world, actor):
        return section(world, actor)


def test_ctrl_c_passes_and_leaves_the_engine_in_order(simulate):
    session = SimulatedSession(make_cell(Interrupts, processes=2))
    with pytest.raises(KeyboardInterrupt):
        list(session.run([1]))
    Interrupts.is_armed = False
    assert outcomes(session.run(range(3))) == {"ok": 3}
    session.close()


class Interrupts(Scenario):
    is_armed = True
    outcomes = {"ok": ok("ran")}

    def section(self, world, actor):
        world.sleep(1.0)
        if self.is_armed and actor == 1:
            raise KeyboardInterrupt

    def judge(self, world, returns):
        return Judgement("ok")


def test_no_file_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("lab.engines.scratch.tmpfs", lambda: tmp_path)
    with SimulatedEngine() as engine:
        list(engine.open(make_cell("ticket_sale", "transaction", "sqlite", 2)).run(range(2)))
        assert list(tmp_path.rglob("state.sqlite")) != []
    assert list(tmp_path.iterdir()) == []


# Where time does not order -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("store", ["memory", "atomic_json_file"])
@pytest.mark.parametrize(("buyers", "expected"), [(2, {"oversold": 4, "ok": 2}), (3, {"oversold": 72, "ok": 18})])
def test_every_order_of_reads_and_writes_is_met_once(store, buyers, expected):
    found = explored(make_cell("ticket_sale", "none", store, buyers, **NO_DELAY))

    assert outcomes([execution.trial for execution in found]) == expected
    assert {execution.ending.kind for execution in found} == {"done"}


def test_a_file_that_is_rewritten_in_place_can_be_read_half_written():
    found = explored(make_cell("ticket_sale", "none", "json_file", 2, **NO_DELAY))

    # A buyer reads, truncates and writes. If both read first (2 orders), their truncates and writes mix in C(4,2) = 6
    # orders, and both have sold. Else one reads after the other's truncate (2 ways to choose who): before the write it
    # is torn, and its note of that comes before or after the write; after the write all is well.
    assert outcomes([execution.trial for execution in found]) == {"oversold": 2 * 6, "torn_read": 2 * 2, "ok": 2}


@pytest.mark.parametrize("guard", ["lock", "optimistic", "transaction", "pipe"])
def test_a_safe_guard_is_safe_in_every_order_and_never_waits_in_vain(guard):
    found = explored(make_cell("ticket_sale", guard, "sqlite", 2, **NO_DELAY))

    assert {(execution.trial.outcome, execution.ending.kind) for execution in found} == {("ok", "done")}
    assert len(found) > 1


def test_after_a_put_the_queue_may_still_be_empty():
    found = explored(make_cell(Puts, processes=1))

    assert outcomes([execution.trial for execution in found]).keys() == {"empty", "there"}


class Puts(Scenario):
    outcomes = {"empty": interesting("get found nothing"), "there": ok("get found it")}

    def shared(self, make):
        make.queue("items")

    def section(self, world, actor):
        import queue

        world.queue("items").put("x")
        try:
            return world.queue("items").get(block=False)
        except queue.Empty:
            return None

    def judge(self, world, returns):
        return Judgement("there" if returns == ["x"] else "empty")


def test_a_timeout_may_come_or_not_but_not_to_who_need_not_wait():
    found = explored(make_cell(Waits, processes=2))

    assert Counter(execution.trial.measures["seen"] for execution in found) == {"[True, None]": 1, "[False, None]": 1}


class Waits(Scenario):
    outcomes = {"ok": ok("told")}

    def shared(self, make):
        make.event("go")

    def section(self, world, actor):
        return world.event("go").set() if actor else world.event("go").wait(timeout=1)

    def judge(self, world, returns):
        return Judgement("ok", {"seen": repr(returns)})


def test_an_execution_tells_who_did_what_where_and_what_it_gave():
    session = SimulatedSession(
        make_cell("ticket_sale", "lock", "json_file", 1, **NO_DELAY), is_timed=False, keeps_history=True
    )
    execution = session.execute(Exhaustive_first())
    session.close()
    told = [
        (event.operation.kind, event.operation.objects, event.operation.is_read, event.operation.is_data, event.result)
        for event in execution.events
    ]

    assert told == [
        ("acquire", ("lock 'guard'",), False, False, ""),
        ("read", ("store",), True, True, "{'count': 1}"),
        ("truncate", ("store",), False, True, ""),
        ("write", ("store",), False, True, "{'count': 0}"),
        ("release", ("lock 'guard'",), False, False, ""),
    ]
    assert [event.operation.line.partition(":")[0] for event in execution.events] == [
        "locks.py", "ticket_sale.py", "ticket_sale.py", "ticket_sale.py", "locks.py",
    ]  # fmt: skip
    assert execution.actors == {0: "buyer 0"}
    assert execution.objects == {"lock 'guard'": ("lock", 1)}
    assert execution.operations == 5


def Exhaustive_first():  # noqa: N802 - a scheduler
    scheduler = Exhaustive()
    scheduler.begin()
    return scheduler


def test_a_draw_that_is_no_delay_is_told_with_its_line():
    lines = []
    for draws in (False, True):
        session = SimulatedSession(make_cell(Steers, processes=1, draws=draws), is_timed=False)
        lines.append(session.execute(Exhaustive_first()).random_line)
        session.close()

    assert lines[0] == ""
    assert lines[1].startswith("test_simulated_engine.py:")


class Steers(Scenario):
    draws: bool = False
    pause: Delay = uniform(0, 1)
    outcomes = {"ok": ok("ran")}

    def section(self, world, actor):
        world.sleep(self.pause)
        return world.random() < 0.5 if self.draws else None

    def judge(self, world, returns):
        return Judgement("ok")


class Cuts:
    """Ends its executions after one operation, after two, and so on."""

    asks_always = True
    most = 0

    def begin(self):
        self.most, self.done = self.most + 1, 0
        return True

    def choose(self, enabled, current):
        if self.done == self.most:
            raise Cut
        self.done += 1
        return self.done % len(enabled)


@pytest.mark.parametrize("guard", ["none", "transaction", "optimistic"])
def test_an_execution_that_is_cut_leaves_nothing_to_the_next(guard):
    session = SimulatedSession(make_cell("ticket_sale", guard, "sqlite", 2, **NO_DELAY), is_timed=False)
    cut, kept = Cuts(), Exhaustive()
    for _ in range(3):
        cut.begin()
        assert session.execute(cut).ending.kind == "cut"
        kept.begin()
        assert session.execute(kept).ending.kind == "done"
    session.close()


def test_a_schedulers_own_error_is_not_the_bodys():
    class Fails(Exhaustive):
        def choose(self, enabled, current):
            raise LookupError("departed")

    session = SimulatedSession(make_cell("ticket_sale", "lock", "memory", 2, **NO_DELAY), is_timed=False)
    with pytest.raises(LookupError, match="departed"):
        session.execute(Fails())
    assert session.execute(Exhaustive_first()).trial.outcome == "ok"
    session.close()


def test_a_body_that_never_yields_is_seen_by_who_explores():
    kinds = {}
    for deed in ("loop", "operate"):
        cell = make_cell(Misbehaves, processes=1, deed=deed)
        session = SimulatedSession(cell, is_timed=False, most_operations=1000, stuck_s=0.1)
        kinds[deed] = {session.execute(ByTime(1), trial).ending.kind for trial in range(12)}
        session.close()

    assert kinds == {"loop": {"done", "stuck"}, "operate": {"done", "endless"}}


# The folder in memory ------------------------------------------------------------------------------------------------


def deeds(folder):
    """What two writers and a reader of one file meet, whatever the folder."""
    found = []
    folder.save("f", b"old")
    with folder.open("f") as reader:
        found.append(reader.read())
    with folder.open("f", "w") as one:
        found.append(folder.load("f"))
        one.write("long text")
        found.append(folder.load("f"))
        one.flush()
        found.append(folder.load("f"))
        with folder.open("f", "w") as two:
            two.write("short")
        found.append(folder.load("f"))
        one.write("!")
    found.append(folder.load("f"))
    with folder.open("f", "a") as more:
        more.write("line\n")
        with folder.open("f", "a") as other:
            other.write("first\n")
    found.append(folder.load("f"))
    with folder.open("g", "w") as source:
        source.write("new")
    with folder.open("f", "w") as late:
        folder.replace("g", "f")
        late.write("lost")
    found += [folder.load("f"), folder.claim("c"), folder.claim("c")]
    folder.remove("c")
    for call in (lambda: folder.remove("c"), lambda: folder.load("none"), lambda: folder.open("none")):
        try:
            call()
        except FileNotFoundError as error:
            found.append(error.errno)
    return found


def test_a_folder_in_memory_behaves_as_the_operating_systems(tmp_path):
    from lab.engines.real.folder import RealFolder

    folder = MemoryFolder()

    assert deeds(folder) == deeds(RealFolder(str(tmp_path)))
    folder.close()


def test_a_zero_delay_is_no_operation():
    session = SimulatedSession(make_cell(Sleeps, processes=1), keeps_history=True)
    execution = session.execute(ByTime(1))
    session.close()

    assert [event.operation.kind for event in execution.events] == ["sleep"]


class Sleeps(Scenario):
    outcomes = {"ok": ok("slept")}
    real: Delay = constant(1)

    def section(self, world, actor):
        world.sleep(0)
        world.sleep(constant(0))
        world.sleep(self.real)

    def judge(self, world, returns):
        return Judgement("ok")


def test_an_event_that_is_set_and_cleared_at_once_lets_go_who_waits(simulate):
    trials = simulate(make_cell(Pulses, processes=3), 20)

    assert outcomes(trials) == {"ok": 20}


class Pulses(Scenario):
    outcomes = {"ok": ok("all went on")}

    def shared(self, make):
        make.event("go")

    def section(self, world, actor):
        if actor:
            world.event("go").wait()
        else:
            world.sleep(1.0)
            world.event("go").set()
            world.event("go").clear()

    def judge(self, world, returns):
        return Judgement("ok")


def test_the_real_engine_agrees_that_a_pulse_lets_go():
    with RealEngine() as engine:
        session = engine.open(make_cell(ShortPulses, processes=3), timeout_s=2)
        trials = list(session.run(range(10)))
        session.close()

    assert outcomes(trials) == {"ok": 10}


class ShortPulses(Pulses):
    def section(self, world, actor):
        if actor:
            world.event("go").wait()
        else:
            world.sleep(0.05)
            world.event("go").set()
            world.event("go").clear()
