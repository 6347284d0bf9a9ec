"""Summaries as experiments write them, made from formulas: the pictures' tests need their shape, not their truth."""

import math
import zlib

import pandas as pd
from scipy.stats import beta

PROBABILITIES = [step / 200 for step in range(201)]
ENDINGS = {
    "ticket_sale": ("oversold", "torn_read", "lost_update", "ok"),
    "check_ticket": ("torn_read", "ok"),
    "print_lines": ("interleaved", "ok"),
    "ktv": ("over_capacity", "ok"),
    "traffic_light": ("crossed_on_red", "turned_red", "ok"),
    "stuck_light": ("hang", "ok"),
}
INTERESTING = {("print_lines", "interleaved"), ("traffic_light", "turned_red")}
GRADES = {
    (scenario, ending): "ok" if ending == "ok" else "interesting" if (scenario, ending) in INTERESTING else "violation"
    for scenario, endings in ENDINGS.items()
    for ending in endings
}


def exact_interval(count, trials):
    low = beta.ppf(0.025, count, trials - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, trials - count) if count < trials else 1.0
    return float(low), float(high)


def cell(scenario, guard, store, processes, *, shares, wall_s, delay="uniform(0,1ms)", trials=1000, slow=1.0, **more):
    """One cell: `shares` of its outcomes (the rest is ok), and its median wall time, NaN if no trial finished."""
    counts = {name: round(share * trials) for name, share in shares.items()}
    counts["ok"] = trials - sum(counts.values())
    violations = sum(
        count for name, count in counts.items() if name != "ok" and GRADES.get((scenario, name)) != "interesting"
    )
    oversold = counts.get("oversold", 0) if scenario == "ticket_sale" else None
    excluded = counts.get("hang", 0)
    nothing = math.isnan(wall_s)
    row = {
        "scenario": scenario, "guard": guard, "store": store, "processes": processes, "delay": delay,
        "engine": "real", "alignment": "natural", "start_method": "fork",
        "tickets": 1 if scenario == "ticket_sale" else None,
        "read_delay": delay if scenario == "ticket_sale" else None,
        "lanes": 1, "trials": trials, "violations": violations,
        **interval("violation", violations, trials),
        **interval("oversell", oversold, trials),
        "interval": "clustered" if violations % 3 == 1 else "exact",
        **{f"outcome_{name}": count for name, count in counts.items()},
        "wall_median_s": wall_s, "wall_low_s": wall_s * 0.97, "wall_high_s": wall_s * 1.04, "wall_p95_s": wall_s * 1.6,
        "throughput_per_s": processes / wall_s / 1.05 if wall_s else math.inf,
        "slowdown": math.nan if nothing else slow, "slowdown_low": slow * 0.96, "slowdown_high": slow * 1.05,
        "excluded": excluded,
    } | more  # fmt: skip
    keys = ("scenario", "guard", "store", "processes", "delay", "engine", "alignment", "tickets")
    name = "/".join(str(row[key]) for key in keys)
    return {"cell_id": f"{zlib.crc32(name.encode()):08x}", **row}


def interval(what, count, trials):
    if count is None:
        return {f"{what}_rate": None, f"{what}_low": None, f"{what}_high": None}
    low, high = exact_interval(count, trials)
    return {f"{what}_rate": count / trials, f"{what}_low": low, f"{what}_high": high}


def frames(cells):
    """The summary and the quantiles of some cells."""
    summary = pd.DataFrame(cells)
    rows = [
        (one["cell_id"], p, one["wall_median_s"] * math.exp(0.25 * math.log((p + 0.004) / (1.004 - p))))
        for one in cells
        if not math.isnan(one["wall_median_s"])
        for p in PROBABILITIES
    ]
    return summary, pd.DataFrame(rows, columns=["cell_id", "probability", "wall_s"])


def tutorial():
    cells = []
    for n in (2, 5):
        bad = 1 - 0.7 ** (n - 1)
        line = 0.0012 * n
        for guard, shares, wall in (
            ("none", {"oversold": 0.6 * bad, "torn_read": 0.1 * bad, "lost_update": 0.2 * bad}, 0.0016),
            ("lock", {}, line),
            ("semaphore(2)", {"oversold": 0.5 * bad, "lost_update": 0.1 * bad}, line * 0.6),
        ):
            cells.append(cell("ticket_sale", guard, "json_file", n, shares=shares, wall_s=wall, slow=wall / 0.0016))
        for guard, shares, wall in (("none", {}, 0.0008), ("lock", {}, 0.0006 * n)):
            cells.append(cell("check_ticket", guard, "json_file", n, shares=shares, wall_s=wall, slow=wall / 0.0008))
        for guard, shares, wall in (("none", {"interleaved": 0.8}, 0.0021), ("lock", {}, 0.002 * n)):
            cells.append(
                cell("print_lines", guard, None, n, shares=shares, wall_s=wall, slow=wall / 0.0021, delay=None)
            )
        for guard, shares, wall in (
            ("none", {"over_capacity": 0.9 if n > 4 else 0.0}, 0.011),
            ("semaphore(4)", {}, 0.011 * max(1, n / 4)),
            ("lock", {}, 0.011 * n),
            ("pool(4)", {}, 0.012 * max(1, n / 4)),
        ):
            cells.append(cell("ktv", guard, None, n, shares=shares, wall_s=wall, slow=wall / 0.011))
        for guard, shares, wall in (
            ("none", {"crossed_on_red": 0.5}, 0.006),
            ("event", {"turned_red": 0.06, "hang": 0.002}, 0.014),
        ):
            cells.append(cell("traffic_light", guard, None, n, shares=shares, wall_s=wall, slow=wall / 0.006))
        cells.append(
            cell("stuck_light", "event", None, n, shares={"hang": 1.0}, wall_s=math.nan, delay=None, trials=20)
        )
    return frames(cells)


def ticket_sale():
    cells = []
    for delay_ms in (0, 0.1, 1, 3, 10):
        delay = f"uniform(0,{delay_ms:g}ms)" if delay_ms else "0"
        for n in (2, 5, 10):
            free = 0.0004 + 0.0012 * delay_ms
            bad = (1 - 0.62 ** (n - 1)) * (0.03 + delay_ms) / (0.25 + delay_ms)
            for guard, rate, wall in (
                ("none", bad, free),
                ("lock", 0.0, 0.0004 + n * delay_ms * 0.001),
                ("semaphore(2)", bad * 0.55, 0.0004 + n * delay_ms * 0.00055),
            ):
                shares = {"oversold": rate * 0.95, "lost_update": rate * 0.04}
                cells.append(
                    cell(
                        "ticket_sale", guard, "json_file", n, shares=shares, wall_s=wall, slow=wall / free, delay=delay
                    )
                )
    return frames(cells)


ALL_GUARDS = {
    "none": (0.8, 1.0), "lock": (0, 4.1), "rlock": (0, 4.12), "semaphore(1)": (0, 4.15), "semaphore(2)": (0.42, 2.3),
    "bounded_semaphore(1)": (0, 4.2), "file_lock": (0, 4.6), "queue": (0, 4.4), "pipe": (0, 4.35),
    "optimistic": (0, 3.1), "transaction": (0, 5.2),
}  # fmt: skip
ALL_STORES = {"json_file": 1.0, "atomic_json_file": 1.2, "memory": 0.7, "sqlite": 2.5}


def guards():
    return frames(
        [
            cell(
                "ticket_sale",
                guard,
                store,
                5,
                wall_s=0.0018 * factor * slow,
                slow=slow,
                shares={"oversold": rate * 0.8, "torn_read": 0.1 * rate if store == "json_file" else 0},
            )
            for store, factor in ALL_STORES.items()
            for guard, (rate, slow) in ALL_GUARDS.items()
        ]
    )


def messages():
    ways = (
        ("json_file", "lock", lambda n: 80e-6 + n * 180e-6 + n * n * 30e-6),
        ("memory", "lock", lambda n: 80e-6 + n * 9e-6 + n * n * 2e-6),
        ("memory", "queue", lambda n: 80e-6 + n * 60e-6 + n * n * 4e-6),
        ("memory", "pipe", lambda n: 80e-6 + n * 45e-6 + n * n * 9e-6),
    )
    return frames(
        [
            cell(
                "ticket_counter",
                guard,
                store,
                n,
                shares={},
                wall_s=wall(n),
                delay="0",
                slow=math.nan,
            )
            for store, guard, wall in ways
            for n in (1, 2, 3, 4, 6, 8, 12, 16)
        ]
    )


EXPERIMENTS = {"tutorial": tutorial, "ticket_sale": ticket_sale, "guards": guards, "messages": messages}
