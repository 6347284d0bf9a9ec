"""Shares memory by mmap, which no wrapper sees."""

import mmap
from multiprocessing import Process

memory = mmap.mmap(-1, 8)


def work():
    memory[0] = memory[0] + 1
    with open("a.txt", "a") as file:
        file.write("x")


if __name__ == "__main__":
    both = [Process(target=work) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
