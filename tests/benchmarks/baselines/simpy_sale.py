"""The ticket sale as a SimPy model: the same buyers, delays and rows as the simulated engine makes.

With `has_operations` every read and write of the counter is an event, as in the engine, where it is a moment at which
another buyer may come first; without, it happens in passing, as one would write it by hand.
"""

from statistics import median

import simpy

from lab import draws
from lab.delays import uniform

DELAY = uniform(0, 1)


def trial(cell_key, number, buyers, is_locked, has_operations):
    """What a row tells: outcome, sold, final, wall time, median and longest wait, in seconds."""
    seed = draws.trial_seed(cell_key, number)
    env = simpy.Environment()
    counter = {"count": 1}
    lock = simpy.Resource(env, 1) if is_locked else None
    sold, waits = [], []

    def delay(buyer, name):
        return env.timeout(DELAY.quantile(draws.uniform(seed, buyer, name, 0)))

    def section(buyer):
        if has_operations:
            yield env.timeout(0)
        count = counter["count"]
        yield delay(buyer, "read_delay")
        is_sold = count > 0
        if is_sold:
            count -= 1
        yield delay(buyer, "write_delay")
        if has_operations:
            yield env.timeout(0)
        counter["count"] = count
        sold.append(is_sold)

    def buyer(number):
        asked = env.now
        if lock is None:
            waits.append(env.now - asked)
            yield from section(number)
            return
        with lock.request() as turn:
            yield turn
            waits.append(env.now - asked)
            yield from section(number)

    for one in range(buyers):
        env.process(buyer(one))
    env.run()
    final = counter["count"]
    outcome = "oversold" if sum(sold) > 1 else "lost_update" if final != 1 - sum(sold) else "ok"
    return outcome, sum(sold), final, env.now, median(waits), max(waits)
