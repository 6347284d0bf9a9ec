"""Two processes count under a lock for which they wait a second, and go on without it."""

from multiprocessing import Lock, Process, Value


def count(total, lock):
    lock.acquire(timeout=1)
    total.value += 1
    try:
        lock.release()
    except ValueError:
        pass


if __name__ == "__main__":
    total, lock = Value("i", 0), Lock()
    counters = [Process(target=count, args=(total, lock)) for _ in range(2)]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join()
    assert total.value == 2, total.value
