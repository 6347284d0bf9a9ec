"""What runs inside a worker: an actor, which does one trial after another, or a service, which serves for ever."""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.synchronize import Semaphore
from pathlib import Path
from typing import Any

from lab.engines import scratch
from lab.engines.cores import usable_cores
from lab.engines.real.interrupts import INTERRUPTS
from lab.engines.real.primitives import Look
from lab.engines.real.slots import (
    ACTING,
    ASKED_NS,
    BOOL,
    DEADLINE_NS,
    END_NS,
    IDLE,
    INT,
    IS_LATE,
    NEVER,
    NONE,
    PICKLED,
    RAISED,
    SECTIONS,
    STATUS,
    TRIAL_SEED,
    TRIALS,
    VALUE,
    WAIT_NS,
    Slots,
)
from lab.engines.real.world import RealWorld, opened, place_of
from lab.guard import Guard, SectionRaised, described
from lab.scenario import Scenario
from lab.store import Store
from lab.world.protocol import World

_MEET_NS = 3000
"""How far ahead the moment lies at which actors begin that spin already: time for the last of them to read of it."""


class Descriptor:
    """A file descriptor that reaches a worker by any start method."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (reduction.DupFd(self.number),)


def _received(duplicate: Any) -> Descriptor:
    return Descriptor(duplicate.detach())


@dataclass(frozen=True, slots=True)
class Job:
    """All that a crew's workers are told, once: what to run, and what they share."""

    scenario: Scenario
    guard: Guard
    store: type[Store] | None
    processes: int
    participants: int
    is_aligned: bool
    coordinator: str
    slots: tuple[Path, ...]
    pids: str
    files: str
    primitives: Mapping[tuple[str, str], Any]
    looks: tuple[tuple[Any, Look], ...]
    go: tuple[Descriptor, Descriptor]
    before_last: Semaphore
    done: Descriptor


def work(job: Job, participant: int) -> None:
    """Be an actor, or a service if the number is past the actors'. Ends only by being killed."""
    _settle(job, participant)
    is_actor = participant < job.processes
    if job.is_aligned and is_actor:
        # Two that spin on one core take turns, and never meet.
        cores = usable_cores()
        os.sched_setaffinity(0, {cores[participant % len(cores)]})
    number = participant if is_actor else job.processes - 1 - participant
    frames = [_frame(job, number, Slots(path, job.participants)) for path in job.slots]
    job.scenario.prepare()
    os.eventfd_write(job.done.number, 1)
    if is_actor:
        _act_for_ever(job, frames)
    else:
        [(world, slots)] = frames
        _serve(job, world, slots, participant - job.processes)


def _frame(job: Job, number: int, slots: Slots) -> tuple[RealWorld, Slots]:
    store = (job.store or Store)(place_of(job.files, slots, job.primitives, f"worker{number}"))
    return RealWorld(number, job.processes, job.primitives, slots, opened(store), worker=number), slots


def _settle(job: Job, participant: int) -> None:
    # A group of its own, so that what a body starts dies with it. Ctrl-C is the coordinator's to answer.
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
    # Results go to stdout; what a body prints is no result.
    os.dup2(2, 1)
    # Written before the look at the coordinator: one that dies later is survived by a janitor that can read it. One
    # that died before may be a zombie still, to which a signal can be sent.
    try:
        note = os.open(f"{job.pids}/{participant}", os.O_WRONLY | os.O_CREAT, 0o600)
    except FileNotFoundError:
        os._exit(0)  # the coordinator has died, and a janitor has been here
    os.write(note, scratch.identity(os.getpid()).encode())
    os.close(note)
    if scratch.identity(int(job.coordinator.partition("-")[0])) != job.coordinator:
        os._exit(0)
    gc.freeze()


def _act_for_ever(job: Job, frames: Sequence[tuple[RealWorld, Slots]]) -> None:
    go = [descriptor.number for descriptor in job.go]
    before_last, done = job.before_last, job.done.number
    header = frames[0][1].header
    befores = [None, *(slots for _, slots in frames)]
    trials = [_trial(job, world, slots, before) for (world, slots), before in zip(frames, befores, strict=False)]
    # Two eventfds in turn: with one, an actor that is done could take the go of one that has not started yet.
    turn = 0
    while True:
        os.eventfd_read(go[turn])
        turn ^= 1
        for do_trial in trials[: header[TRIALS]]:
            if not do_trial():
                break
        if not before_last.acquire(False):
            os.eventfd_write(done, 1)


def _trial(job: Job, world: RealWorld, slots: Slots, before: Slots | None) -> Callable[[], bool]:
    """What does one trial in a frame, however it ends: False if it is not to be done, and none of the stride after it.

    `before` are the slots of the trial before it in the stride. The status is told last: by it all else is known to be
    there.
    """
    header, slot, statuses = slots.header, slots.slot(world.actor), slots.statuses
    scenario, guard, is_aligned = job.scenario, job.guard, job.is_aligned
    act, monotonic_ns, pid = scenario.act, time.monotonic_ns, os.getpid()
    names_moment = is_aligned and world.actor == 0

    def section(inner: World, actor: int) -> Any:
        _count(slot)
        return scenario.section(inner, actor)

    def guarded(outer: World, actor: int) -> Any:
        slot[ASKED_NS] = monotonic_ns()
        return guard.run(section, outer, actor)

    def do_trial() -> bool:
        slot[STATUS] = ACTING
        world.begin(header[TRIAL_SEED])
        if names_moment and before is not None:
            while IDLE in statuses:
                pass
            # Nobody acts now: all the others wait for this moment.
            is_as_new = RAISED not in before.statuses and all(look(primitive) for primitive, look in job.looks)
            header[DEADLINE_NS] = monotonic_ns() + _MEET_NS if is_as_new else NEVER
        if is_aligned:
            while not (deadline := header[DEADLINE_NS]):
                pass
            if deadline == NEVER:
                slot[STATUS] = IDLE  # it is begun again, and who dies now has no part in it
                return False
            slot[IS_LATE] = monotonic_ns() > deadline
            while monotonic_ns() < deadline:
                pass
        try:
            returned = act(world, world.actor, guarded)
            _end_if_copied(pid)
            slot[END_NS] = monotonic_ns()
            world.hand_over_notes()
            if returned is True or returned is False:
                slot[VALUE], slot[STATUS] = returned, BOOL
            else:
                _hand_over_returned(slots, slot, world.actor, returned)
        except BaseException as error:  # noqa: BLE001 - whatever a body raises is an outcome
            _end_if_copied(pid)
            slot[END_NS] = monotonic_ns()
            text = str(error) if isinstance(error, SectionRaised) else described(error)
            _hand_over(slots, slot, world.actor, RAISED, text)
        return True

    return do_trial


def _end_if_copied(pid: int) -> None:
    # A child that the body forked and that came back out of it would go on as a second actor.
    if os.getpid() != pid:
        os._exit(0)


def _count(slot: memoryview) -> None:
    slot[SECTIONS] += 1
    if asked_ns := slot[ASKED_NS]:
        slot[WAIT_NS] += time.monotonic_ns() - asked_ns
        slot[ASKED_NS] = 0


def _hand_over_returned(slots: Slots, slot: memoryview, actor: int, returned: Any) -> None:
    if returned is None:
        slot[STATUS] = NONE
    elif type(returned) is int and abs(returned) < 1 << 62:
        slot[VALUE], slot[STATUS] = returned, INT
    else:
        try:
            _hand_over(slots, slot, actor, PICKLED, returned)
        except Exception as error:  # noqa: BLE001 - what a value does when it is pickled is the body's doing
            _hand_over(
                slots, slot, actor, RAISED, f"{type(error).__name__}: {error} (pickling what the section returned)"
            )


def _hand_over(slots: Slots, slot: memoryview, actor: int, status: int, value: Any) -> None:
    slots.add(actor, (status, value))
    slot[STATUS] = status


def _serve(job: Job, world: RealWorld, slots: Slots, service: int) -> None:
    pid = os.getpid()

    def section(inner: World, actor: int) -> Any:
        assert isinstance(inner, RealWorld), "acting_for() gave it"
        _count(slots.slot(actor))
        try:
            return job.scenario.section(inner, actor)
        finally:
            _end_if_copied(pid)
            inner.hand_over_notes()

    job.guard.services()[service](section, world)
