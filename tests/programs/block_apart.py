"""Two processes write to a block of shared memory, each to a half of its own, by slices."""

from multiprocessing import Process
from multiprocessing.shared_memory import SharedMemory


def fill(block, number):
    half = block.buf[4 * number : 4 * number + 4]
    half[:] = bytes([number + 1] * 4)
    half[0] = sum(half)
    half.release()


if __name__ == "__main__":
    block = SharedMemory(create=True, size=8)
    fillers = [Process(target=fill, args=(block, number)) for number in range(2)]
    for filler in fillers:
        filler.start()
    for filler in fillers:
        filler.join()
    print(bytes(block.buf))
    block.close()
    block.unlink()
