"""Two processes add to a Value, whose own lock guards only each access."""

from multiprocessing import Process, Value


def count(total):
    total.value += 1


if __name__ == "__main__":
    total = Value("i", 0)
    counters = [Process(target=count, args=(total,)) for _ in range(2)]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join()
    print(total.value)
