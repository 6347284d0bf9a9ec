"""Each process counts under one and the same lock."""

from multiprocessing import Lock, Process, Value


def count(total, lock):
    with lock:
        total.value += 1


if __name__ == "__main__":
    total, lock = Value("i", 0), Lock()
    counters = [Process(target=count, args=(total, lock)) for _ in range(2)]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join()
    assert total.value == 2, total.value
