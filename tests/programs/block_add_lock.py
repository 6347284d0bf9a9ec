"""Two processes add to a number in shared memory, under a lock beside it."""

from multiprocessing import Lock, Process
from multiprocessing.shared_memory import SharedMemory


def count(lock, name):
    block = SharedMemory(name)
    with lock:
        block.buf[0] += 1
    block.close()


if __name__ == "__main__":
    lock = Lock()
    block = SharedMemory(create=True, size=8)
    counters = [Process(target=count, args=(lock, block.name)) for _ in range(2)]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join()
    print(block.buf[0])
    block.close()
    block.unlink()
