"""Two processes add to a Value under its own lock."""

from multiprocessing import Process, Value


def count(total):
    with total.get_lock():
        total.value += 1


if __name__ == "__main__":
    total = Value("i", 0)
    counters = [Process(target=count, args=(total,)) for _ in range(2)]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join()
    print(total.value)
