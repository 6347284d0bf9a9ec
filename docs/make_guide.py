"""Writes docs/choosing-a-guard.md from the results in results/: `python docs/make_guide.py`."""

from __future__ import annotations

from pathlib import Path

from make_claims import ROOT, Cells

HEAD = """# Choosing a guard

Which guard, and at what price? Written by `python docs/make_guide.py` from the summaries in `results/`, each of which is run again by `lab run` with its name. Prices are wall times in multiples of the unguarded, wrong program's; intervals hold with 95 %.

1. **Can what is shared be left out?** Who only reads needs no guard, as long as nobody writes.
2. **Is it one update that may be tried again?** Then `optimistic` (compare and write, by a store that can) or a database's own `transaction`: nobody waits for who only thinks.
3. **Must it be one at a time?** `lock` within one program, `file_lock` between programs that share nothing but a folder. An `rlock` only if the section may come upon itself.
4. **May several be inside, but not all?** `semaphore(k)`: it guards a number of rooms, never a record. `bounded_semaphore(k)` is the same, and finds who leaves twice.
5. **Does one process own it anyway?** Then let it: `queue` and `pipe` cost two messages a section, and there is nothing to forget.

An `event` is none of these: it tells that something has happened, and what was so when it was looked at need not be so a moment later.
"""

USES = {
    "none": "nothing is shared, or nobody writes",
    "lock": "one at a time, within one program: the first choice",
    "rlock": "the section may come upon itself",
    "semaphore(1)": "as a lock, but anybody may let go: a lock says what is meant",
    "semaphore(2)": "two rooms; it does not protect a record",
    "bounded_semaphore(1)": "as semaphore(1), and a release too many is an error",
    "file_lock": "programs that share nothing but a folder",
    "queue": "one process owns the record, and the others ask it",
    "pipe": "the same with a pipe for each who asks",
    "optimistic": "conflicts are rare, and trying again costs little",
    "transaction": "the record is in a database",
}
FREE = {"scenario": "ticket_sale", "processes": 5, "delay": "0"}
SLOW = {"scenario": "ticket_sale", "store": "json_file", "delay": "uniform(0,10ms)"}


def guards_on(cells: Cells, store: str) -> list[str]:
    """The table of one store, where nobody sleeps and the price is the guard's own."""
    lines = ["| guard | oversold or torn | price | for |", "| --- | --- | --- | --- |"]
    for guard, use in USES.items():
        asked = {**FREE, "store": store, "guard": guard}
        if cells.has("guards", **asked):
            price = "1" if guard == "none" else cells.price("guards", **asked)
            lines.append(f"| `{guard}` | {cells.wrong('guards', **asked)} | {price} | {use} |")
    return lines


def page(results: Path) -> str:
    """The whole page."""
    cells = Cells(results)
    lines = [HEAD]
    for store in ("json_file", "memory", "atomic_json_file", "sqlite"):
        lines += [f"## Five buyers, one ticket, a record in `{store}`", "", *guards_on(cells, store), ""]
    lines += [
        "## Where the section takes long, the price is the waiting",
        "",
        "Five who sleep side by side wait as long as one; under a lock each waits for all before it. No guard that lets one in at a time changes that: make the section short.",
        "",
        "| buyers | under a lock, up to 10 ms twice in the section |",
        "| ---: | --- |",
    ]
    lines += [f"| {size} | {cells.price('tutorial', **SLOW, guard='lock', processes=size)} |" for size in (2, 5)]
    return (
        "\n".join(lines)
        + "\n\n`lab explore SCENARIO` proves that a guard is safe, or shows the schedule that gets past it: [Proofs](proofs.md).\n"
    )


if __name__ == "__main__":
    (ROOT / "docs" / "choosing-a-guard.md").write_text(page(ROOT / "results"))
