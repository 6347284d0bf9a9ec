"""Two processes write a place each of a RawArray: they share it, and no place of it."""

from multiprocessing import Process, RawArray


def count(numbers, place):
    for _ in range(3):
        numbers[place] += 1


if __name__ == "__main__":
    numbers = RawArray("i", 2)
    counters = [Process(target=count, args=(numbers, place)) for place in range(2)]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join()
    print(list(numbers))
