"""Two processes add to an item of a ShareableList under a lock beside it."""

from multiprocessing import Lock, Process
from multiprocessing.shared_memory import ShareableList


def count(lock, items):
    with lock:
        items[1] += 1


if __name__ == "__main__":
    lock = Lock()
    items = ShareableList(["tickets", 0])
    counters = [Process(target=count, args=(lock, items)) for _ in range(2)]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join()
    print(items[1])
    items.shm.close()
    items.shm.unlink()
