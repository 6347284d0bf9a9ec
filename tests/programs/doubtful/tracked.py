"""A child makes a block of shared memory and leaves it; its own resource tracker unlinks it, sooner or later."""

from multiprocessing import Process
from multiprocessing.shared_memory import SharedMemory


def make():
    block = SharedMemory("left", create=True, size=8)
    block.buf[0] = 1
    block.close()


if __name__ == "__main__":
    maker = Process(target=make)
    maker.start()
    maker.join()
    block = SharedMemory("left")
    print(block.buf[0])
    block.close()
    block.unlink()
