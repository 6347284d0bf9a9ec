"""Two processes add to an item of a ShareableList."""

from multiprocessing import Process
from multiprocessing.shared_memory import ShareableList


def count(items):
    items[1] += 1


if __name__ == "__main__":
    items = ShareableList(["tickets", 0])
    counters = [Process(target=count, args=(items,)) for _ in range(2)]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join()
    print(items[1])
    items.shm.close()
    items.shm.unlink()
