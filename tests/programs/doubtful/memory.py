"""Shared memory by name, which no wrapper sees."""

from multiprocessing import Process
from multiprocessing.shared_memory import SharedMemory


def work(name):
    memory = SharedMemory(name)
    memory.buf[0] = memory.buf[0] + 1
    memory.close()


if __name__ == "__main__":
    memory = SharedMemory(create=True, size=8)
    both = [Process(target=work, args=(memory.name,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    memory.close()
    memory.unlink()
