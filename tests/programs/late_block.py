"""A process attaches to a block of shared memory while another still makes it."""

from multiprocessing import Process
from multiprocessing.shared_memory import SharedMemory


def read():
    block = SharedMemory("prices")
    print(block.buf[0])
    block.close()


if __name__ == "__main__":
    reader = Process(target=read)
    reader.start()
    block = SharedMemory("prices", create=True, size=8)
    reader.join()
    block.close()
    block.unlink()
