"""Calls C, which may do anything."""

import ctypes
from multiprocessing import Process


def work():
    ctypes.CDLL("libm.so.6")
    with open("a.txt", "a") as file:
        file.write("x")


if __name__ == "__main__":
    both = [Process(target=work) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
