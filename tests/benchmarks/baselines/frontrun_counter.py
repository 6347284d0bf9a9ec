"""The counter of two threads, explored by frontrun: prints executions and seconds.

frontrun python frontrun_counter.py ROUNDS
"""

import sys
import time

import frontrun

ROUNDS = int(sys.argv[1])


class Counter:
    def __init__(self):
        self.count = 0


def add(counter):
    for _ in range(ROUNDS):
        found = counter.count
        counter.count = found + 1


frontrun.explore(setup=Counter, workers=[add, add], invariant=lambda counter: True)
start = time.perf_counter()
explored = frontrun.explore(
    setup=Counter,
    workers=[add, add],
    invariant=lambda counter: True,
    preemption_bound=None,
    stop_on_first=False,
)
print(explored.num_explored, time.perf_counter() - start)
