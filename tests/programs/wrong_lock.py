"""Each process counts under a lock, but under one of its own."""

from multiprocessing import Lock, Process, Value


def count(total):
    with Lock():
        total.value += 1


if __name__ == "__main__":
    total = Value("i", 0)
    counters = [Process(target=count, args=(total,)) for _ in range(2)]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join()
    assert total.value == 2, total.value
