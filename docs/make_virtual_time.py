"""Writes docs/virtual-time.md and its picture: `python docs/make_virtual_time.py`. Measures for about two minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure

from lab.cell import Cell
from lab.engines.real import RealEngine
from lab.engines.simulated import SimulatedEngine
from lab.guards import guard_named
from lab.scenarios import scenario_named
from lab.stores import store_named

HERE = Path(__file__).parent
BUYERS = 5
MEANS_MS = (0.1, 0.3, 1, 3, 10, 30)
GUARDS = ("none", "lock", "semaphore(2)", "queue")
TRIALS = 100

PAGE = """# Virtual time and real time

`lab run --engine simulated` runs the same bodies with the same delays in virtual time, in which nothing but a delay takes
time. What a real trial takes beyond it is the real machine's overhead: the difference of the two wall times of one trial,
here of {buyers} buyers (`ticket_sale`, store `memory`), median of {trials} trials a point. Written by
`python docs/make_virtual_time.py`.

{table}

![Overhead of the real engine over the mean delay](virtual-time.svg)

**Why.** A real sleep ends late: the kernel lets timers slip by 50 us, wakes the process by an interrupt, and a core may be
asleep or busy. An unguarded trial has two sleeps in a row, a locked one ten, and each release of the lock wakes the next
buyer, by way of the operating system; a queue wakes the owner, its feeder and the buyer. So the overhead grows with the
number of sleeps and hand-overs that stand in line, and far less with the delays. Beside delays of {fine_ms:g} ms it is at most
{share:.0f} % of the wall time; beside delays of 0.1 ms it is most of it. There virtual time tells what the delays alone would
do, and only the real engine what this machine does.
"""


def cell(guard: str, mean_ms: float) -> Cell:
    """Five buyers with delays of this mean."""
    delay = f"uniform(0,{2 * mean_ms:g}ms)"
    scenario = scenario_named("ticket_sale")().with_texts({"read_delay": delay, "write_delay": delay})
    return Cell("ticket_sale", scenario, guard_named(guard), store_named("memory"), BUYERS)


def walls(engine: RealEngine | SimulatedEngine, measured: Cell) -> Sequence[float]:
    """Seconds of each trial."""
    session = engine.open(measured)
    try:
        return [trial.wall_s or 0.0 for trial in session.run(range(TRIALS))]
    finally:
        session.close()


def overheads() -> dict[str, list[tuple[float, float]]]:
    """Per guard and mean delay, the median overhead of a trial and wall time, in milliseconds."""
    found: dict[str, list[tuple[float, float]]] = {guard: [] for guard in GUARDS}
    with RealEngine() as real, SimulatedEngine() as simulated:
        for guard in GUARDS:
            for mean_ms in MEANS_MS:
                measured = cell(guard, mean_ms)
                pairs = list(zip(walls(real, measured), walls(simulated, measured), strict=True))
                late = median(1e3 * (theirs - ours) for theirs, ours in pairs)
                found[guard].append((late, median(1e3 * ours for _, ours in pairs)))
    return found


def table(found: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Overheads, and in parentheses the wall time in virtual time."""
    head = "| mean delay | " + " | ".join(GUARDS) + " |\n| --- |" + " --- |" * len(GUARDS)
    rows = [
        f"| {mean_ms:g} ms | "
        + " | ".join(f"{found[guard][place][0]:.2f} ms ({found[guard][place][1]:.3g} ms)" for guard in GUARDS)
        + " |"
        for place, mean_ms in enumerate(MEANS_MS)
    ]
    return "\n".join([head, *rows])


def picture(found: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
    """Overhead over the mean delay, a line a guard."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for guard, marker in zip(GUARDS, "osD^", strict=True):
        axes.plot(MEANS_MS, [late for late, _ in found[guard]], marker=marker, label=guard)
    axes.set(xscale="log", xlabel="mean delay, ms", ylabel="real beyond virtual wall time, ms", ylim=(0, None))
    axes.set_xticks(MEANS_MS, [f"{mean_ms:g}" for mean_ms in MEANS_MS])
    axes.legend(title="guard", frameon=False)
    return figure


def main() -> None:
    """Measure, and write both."""
    found = overheads()
    fine = MEANS_MS.index(10)
    share = max(100 * late / (late + wall) for late, wall in (found[guard][fine] for guard in GUARDS))
    page = PAGE.format(buyers=BUYERS, trials=TRIALS, table=table(found), fine_ms=MEANS_MS[fine], share=share)
    (HERE / "virtual-time.md").write_text(page)
    picture(found).savefig(HERE / "virtual-time.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
