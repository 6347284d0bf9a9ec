"""Adds to a number in shared memory, under a lock: by C code that takes the memory itself, and nobody sees it."""

import ctypes
from multiprocessing import Lock, Process
from multiprocessing.shared_memory import SharedMemory


def count(lock, block):
    number = ctypes.c_int.from_buffer(block.buf)
    with lock:
        number.value += 1
    del number


if __name__ == "__main__":
    lock, block = Lock(), SharedMemory(create=True, size=8)
    counters = [Process(target=count, args=(lock, block)) for _ in range(2)]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join()
    print(block.buf[0])
    block.close()
    block.unlink()
