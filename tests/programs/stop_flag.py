"""A process counts until it is told to stop."""

import time
from multiprocessing import Event, Process, Value


def count(stop, ticks):
    while not stop.is_set():
        with ticks.get_lock():
            ticks.value += 1
        time.sleep(0.1)


if __name__ == "__main__":
    stop, ticks = Event(), Value("i", 0)
    counter = Process(target=count, args=(stop, ticks))
    counter.start()
    time.sleep(0.5)
    stop.set()
    counter.join()
    assert ticks.value >= 0
