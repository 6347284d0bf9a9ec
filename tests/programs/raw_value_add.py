"""Two processes add to a RawValue, which has no lock at all."""

from multiprocessing import Process, RawValue


def count(total):
    total.value += 1


if __name__ == "__main__":
    total = RawValue("i", 0)
    counters = [Process(target=count, args=(total,)) for _ in range(2)]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join()
    print(total.value)
