"""Writes docs/claims.md from the results in results/: `python docs/make_claims.py`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import and_
from pathlib import Path

import pandas as pd

import lab
from lab.statistics import at_most_text, clopper_pearson, rate_text, ratio_text

ROOT = Path(__file__).parent.parent
HEAD = """# Claims

Statements of fact about locks, semaphores, events, shared files and queues that tutorials make, and what measuring them
says. Written by `python docs/make_claims.py` from the summaries in `results/`; each experiment is run again by the command
named with it, and the machine stands in its `environment.json`. Intervals hold with 95 %. "None" is what was seen, with the
rate that may still be; only a proof says "never".
"""


class Cells:
    """The summaries of `results/`, and figures out of them as text."""

    def __init__(self, results: Path) -> None:
        names = ("tutorial", "ticket_sale", "guards", "messages")
        self._summaries = {name: lab.open_results(results / name).summary for name in names}

    def one(self, experiment: str, **wanted: object) -> pd.Series:
        """The only cell with these columns."""
        found = self._summaries[experiment]
        for column, value in wanted.items():
            found = found[found[column] == value]
        assert len(found) == 1, f"{experiment} {wanted}: {len(found)} cells"
        return found.iloc[0]

    def has(self, experiment: str, **wanted: object) -> bool:
        """True if there is a cell with these columns."""
        found = self._summaries[experiment]
        return bool(all_of(found[column] == value for column, value in wanted.items()).any())

    def wrong(self, experiment: str, **wanted: object) -> str:
        """How often a cell went wrong."""
        cell = self.one(experiment, **wanted)
        if not cell["violations"]:
            return f"none of {cell['trials']:,} trials ({at_most_text(cell['violation_high'])})"
        return rate_text(cell["violation_rate"], cell["violation_low"], cell["violation_high"])

    def often(self, outcome: str, experiment: str, **wanted: object) -> str:
        """How often an outcome was seen in a cell."""
        cell = self.one(experiment, **wanted)
        count, trials = int(cell[f"outcome_{outcome}"]), int(cell["trials"])
        low, high = cell.get(f"low_{outcome}"), cell.get(f"high_{outcome}")
        if pd.isna(low) or pd.isna(high):
            low, high = map(float, clopper_pearson(count, trials))
            if count == cell["violations"]:
                low, high = cell["violation_low"], cell["violation_high"]
        if count == 0:
            return f"none of {trials:,} trials ({at_most_text(high)})"
        return f"{rate_text(count / trials, low, high)} of {trials:,} trials"

    def seen(self, outcome: str, experiment: str, **wanted: object) -> int:
        """In how many trials of a cell an outcome was seen."""
        return int(self.one(experiment, **wanted)[f"outcome_{outcome}"])

    def price(self, experiment: str, **wanted: object) -> str:
        """The wall time of a cell over that of the unguarded one."""
        cell = self.one(experiment, **wanted)
        ratio, _, bounds = ratio_text(cell["slowdown"], cell["slowdown_low"], cell["slowdown_high"]).partition(" ")
        return f"{ratio} times {bounds}"

    def median(self, experiment: str, **wanted: object) -> float:
        """The median wall time of a cell in milliseconds."""
        return float(self.one(experiment, **wanted)["wall_median_s"] * 1e3)

    def throughput(self, experiment: str, **wanted: object) -> float:
        """Sections a second in a cell."""
        return float(self.one(experiment, **wanted)["throughput_per_s"])


def all_of(conditions: Iterable[pd.Series]) -> pd.Series:
    """Where all of them hold."""
    return reduce(and_, conditions)


def is_true(holds: bool, yes: str = "confirmed", no: str = "refuted here") -> str:
    """The verdict that the figures give."""
    return yes if holds else no


SEEN = "confirmed as far as seen"


def claims(cells: Cells) -> list[tuple[str, str, str, str]]:
    """Each claim, the verdict, the figures, and the experiment."""
    sale = {"scenario": "ticket_sale", "store": "json_file", "processes": 5}
    file_sale = {"scenario": "ticket_sale", "store": "json_file"}
    replaced = {"scenario": "ticket_sale", "store": "atomic_json_file"}
    memory = {"scenario": "ticket_sale", "store": "memory"}
    look = {"scenario": "check_ticket", "processes": 5}
    ktv = {"scenario": "ktv", "processes": 6}
    rush = {"scenario": "ktv", "processes": 5}
    light = {"scenario": "traffic_light", "processes": 5}
    lines = {"scenario": "print_lines", "processes": 5}

    def grows(**wanted: object) -> float:
        few, many = (cells.throughput("messages", processes=count, **wanted) for count in (2, 16))
        return many / few

    by_lock, by_file = grows(guard="lock", store="memory"), grows(guard="lock", store="json_file")
    by_queue, by_pipe = grows(guard="queue"), grows(guard="pipe")
    slowest = min(by_queue, by_pipe)
    scaling = is_true(
        slowest > by_lock and slowest > by_file,
        "confirmed",
        is_true(slowest > by_file, "half true here: better than a shared file, not better than shared memory"),
    )
    queue, pipe = (cells.median("messages", guard=guard, processes=4) for guard in ("queue", "pipe"))
    semaphore, pool, lock = (cells.one("guards", guard=guard, **ktv) for guard in ("semaphore(4)", "pool(4)", "lock"))
    return [
        (
            "Without a lock, several buyers get the last ticket.",
            is_true(cells.seen("oversold", "tutorial", guard="none", **sale) > 0),
            f"Five buyers: oversold in {cells.often('oversold', 'tutorial', guard='none', **sale)}.",
            "tutorial",
        ),
        (
            "With a Lock, one buyer gets it.",
            is_true(cells.one("tutorial", guard="lock", **sale)["violations"] == 0, SEEN),
            f"Five buyers: oversold in {cells.often('oversold', 'tutorial', guard='lock', **sale)}.",
            "tutorial",
        ),
        (
            "A Lock makes the buyers wait in line, and that costs time.",
            is_true(cells.one("tutorial", guard="lock", **sale)["slowdown_low"] > 1),
            f"Five buyers with the Lock take {cells.price('tutorial', guard='lock', **sale)} the wall time of five "
            "without, whose result is wrong.",
            "tutorial",
        ),
        (
            "A Semaphore is a lock that several may hold, so it does not protect a check and an act.",
            is_true(
                cells.seen("oversold", "tutorial", guard="semaphore(2)", **sale) > 0
                and cells.seen("oversold", "guards", guard="semaphore(1)", **file_sale) == 0
            ),
            f"With semaphore(2): oversold in {cells.often('oversold', 'tutorial', guard='semaphore(2)', **sale)}. With "
            f"semaphore(1): {cells.often('oversold', 'guards', guard='semaphore(1)', **file_sale)}.",
            "tutorial, guards",
        ),
        (
            "Reading needs no lock: it is always safe.",
            is_true(
                cells.seen("torn_read", "tutorial", guard="none", writers=1, **look) == 0,
                SEEN,
                "refuted beside a writer",
            ),
            f"Readers only: torn reads in {cells.often('torn_read', 'tutorial', guard='none', writers=0, **look)}, and a "
            f"needless Lock takes {cells.price('tutorial', guard='lock', writers=0, **look)} the wall time. Beside one "
            f"writer of a plain JSON file: torn reads in "
            f"{cells.often('torn_read', 'tutorial', guard='none', writers=1, **look)}; with the Lock in "
            f"{cells.often('torn_read', 'tutorial', guard='lock', writers=1, **look)}.",
            "tutorial",
        ),
        (
            "Writing a new file and renaming it over the old one makes it safe.",
            is_true(cells.one("guards", guard="none", **replaced)["violations"] == 0, SEEN, "refuted"),
            f"No torn read is left, but five buyers still oversell in "
            f"{cells.often('oversold', 'guards', guard='none', **replaced)}. Rewritten in place: oversold in "
            f"{cells.often('oversold', 'guards', guard='none', **file_sale)}, torn reads in "
            f"{cells.often('torn_read', 'guards', guard='none', **file_sale)}.",
            "guards",
        ),
        (
            "Semaphore(4) admits four.",
            is_true(cells.one("tutorial", guard="semaphore(4)", **rush)["max_peak"] == 4, SEEN),
            f"Never more than {cells.one('tutorial', guard='semaphore(4)', **rush)['max_peak']:.0f} of five singers "
            f"inside; without it over capacity in {cells.often('over_capacity', 'tutorial', guard='none', **rush)}.",
            "tutorial",
        ),
        (
            "A Semaphore is like a process pool, but not the same.",
            is_true(semaphore["mean_processes_used"] > pool["mean_processes_used"]),
            f"Six singers: semaphore(4) has {semaphore['mean_processes_used']:.0f} processes sing, four at a time; "
            f"pool(4) has {pool['mean_processes_used']:.0f} processes serve all six. Median wall time "
            f"{semaphore['wall_median_s'] * 1e3:.1f} and {pool['wall_median_s'] * 1e3:.1f} ms; a Lock, which leaves three "
            f"rooms empty, {lock['wall_median_s'] * 1e3:.1f} ms.",
            "guards",
        ),
        (
            "Without a lock, lines of output mix.",
            is_true(cells.seen("interleaved", "tutorial", guard="none", **lines) > 0),
            f"Five writers: mixed in {cells.often('interleaved', 'tutorial', guard='none', **lines)}; with the Lock in "
            f"{cells.often('interleaved', 'tutorial', guard='lock', **lines)}.",
            "tutorial",
        ),
        (
            "Cars that wait for the Event cross on green.",
            is_true(
                cells.seen("turned_red", "tutorial", guard="event", **light) == 0,
                SEEN,
                "refuted: the check is not the act",
            ),
            f"No car that looked crossed on a light that was red when it looked: "
            f"{cells.often('crossed_on_red', 'tutorial', guard='event', **light)}. But the light turned red between look "
            f"and crossing in {cells.often('turned_red', 'tutorial', guard='event', **light)}. Without looking, a car "
            f"crossed on red in {cells.often('crossed_on_red', 'tutorial', guard='none', **light)}.",
            "tutorial",
        ),
        (
            "Who waits for an Event that nobody sets waits for ever.",
            is_true(
                cells.seen("ok", "tutorial", scenario="stuck_light", processes=5) == 0, "confirmed as far as waited"
            ),
            f"Not done after 0.1 s in {cells.often('hang', 'tutorial', scenario='stuck_light', processes=5)}.",
            "tutorial",
        ),
        (
            "A Queue is a Pipe with a lock.",
            is_true(queue > pipe, "confirmed, and it costs more than a Pipe each"),
            f"Both are safe, and both cost more than memory with a Lock. Four buyers who ask the owner by Queue take a "
            f"median of {queue * 1e3:.0f} us, by a Pipe each {pipe * 1e3:.0f} us.",
            "messages",
        ),
        (
            "Passing messages scales better than sharing state.",
            scaling,
            "Sections a second with 16 processes over those with 2: "
            f"queue {by_queue:.2f}, pipe {by_pipe:.2f}, memory and Lock {by_lock:.2f}, JSON file and Lock {by_file:.2f}. "
            f"At 16 processes: queue {cells.throughput('messages', guard='queue', processes=16):,.0f}/s, pipe "
            f"{cells.throughput('messages', guard='pipe', processes=16):,.0f}/s, memory and Lock "
            f"{cells.throughput('messages', guard='lock', store='memory', processes=16):,.0f}/s, JSON file and Lock "
            f"{cells.throughput('messages', guard='lock', store='json_file', processes=16):,.0f}/s.",
            "messages",
        ),
        (
            "Trying again is cheaper than waiting (optimistic against Lock).",
            is_true(
                cells.median("guards", guard="optimistic", **memory) < cells.median("guards", guard="lock", **memory)
            ),
            f"Median wall time of five buyers in memory: optimistic "
            f"{cells.median('guards', guard='optimistic', **memory) * 1e3:.0f} us, Lock "
            f"{cells.median('guards', guard='lock', **memory) * 1e3:.0f} us; on a file that is replaced: "
            f"{cells.median('guards', guard='optimistic', **replaced) * 1e3:.0f} and "
            f"{cells.median('guards', guard='lock', **replaced) * 1e3:.0f} us.",
            "guards",
        ),
    ]


def page(results: Path) -> str:
    """The whole page."""
    parts = [HEAD]
    for claim, verdict, figures, experiments in claims(Cells(results)):
        runs = " and ".join(f"`lab run {name} -n 5000`" for name in experiments.split(", "))
        parts.append(f"## {claim}\n\n**{verdict[0].upper()}{verdict[1:]}.** {figures}\n\nMeasured by {runs}.\n")
    return "\n".join(parts)


if __name__ == "__main__":
    (ROOT / "docs" / "claims.md").write_text(page(ROOT / "results"))
