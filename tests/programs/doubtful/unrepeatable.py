"""Writes an address, which differs in each execution."""

import os
from multiprocessing import Process


def work():
    with open("a.txt", "a") as file:
        file.write(f"{os.stat('a.txt').st_mtime_ns}")


if __name__ == "__main__":
    both = [Process(target=work) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
