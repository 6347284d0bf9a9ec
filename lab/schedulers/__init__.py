"""Strategies, one a file. None of them knows an engine."""

from __future__ import annotations

from typing import NamedTuple

from lab.errors import UsageError, unknown_name
from lab.scheduler import Scheduler
from lab.schedulers.bounded import Bounded
from lab.schedulers.dpor import Dpor
from lab.schedulers.exhaustive import Exhaustive
from lab.schedulers.pct import Pct
from lab.schedulers.random_walk import RandomWalk

STRATEGIES = ("dpor", "bounded", "exhaustive", "random", "pct")


class Strategy(NamedTuple):
    """A scheduler that searches, and what follows from it.

    `is_complete` if nothing is left out when it ends by itself; `is_reduced` if it completes one execution a class.
    """

    name: str
    scheduler: Scheduler
    is_complete: bool
    is_reduced: bool


def strategy_named(name: str, *, bound: int | None = None, seed: int = 1) -> Strategy:
    """A new search; `bound` is the most preemptions of `bounded`. UsageError for an unknown name or a useless bound."""
    if name not in STRATEGIES:
        raise unknown_name("strategy", name, STRATEGIES)
    if bound is not None and name != "bounded":
        raise UsageError(f"bound {bound}: expected with strategy bounded alone, found {name}. Try --strategy bounded.")
    if bound is not None and bound < 0:
        raise UsageError(f"bound {bound}: expected preemptions, at least 0. Try --bound 2.")
    schedulers: dict[str, Scheduler] = {
        "dpor": Dpor(),
        "bounded": Bounded(bound),
        "exhaustive": Exhaustive(),
        "random": RandomWalk(seed),
        "pct": Pct(seed),
    }
    return Strategy(name, schedulers[name], name in ("dpor", "bounded", "exhaustive"), name == "dpor")
