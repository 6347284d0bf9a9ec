"""Two processes add to a number in shared memory, to which each attaches by name."""

from multiprocessing import Process
from multiprocessing.shared_memory import SharedMemory


def count(name):
    block = SharedMemory(name)
    block.buf[0] += 1
    block.close()


if __name__ == "__main__":
    block = SharedMemory(create=True, size=8)
    counters = [Process(target=count, args=(block.name,)) for _ in range(2)]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join()
    print(block.buf[0])
    block.close()
    block.unlink()
