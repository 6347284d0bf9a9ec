"""Two processes add to a RawValue under a lock beside it."""

from multiprocessing import Lock, Process, RawValue


def count(lock, total):
    with lock:
        total.value += 1


if __name__ == "__main__":
    lock, total = Lock(), RawValue("i", 0)
    counters = [Process(target=count, args=(lock, total)) for _ in range(2)]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join()
    print(total.value)
