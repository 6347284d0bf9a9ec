"""Decides by the clock, of which only one course is tried."""

import time
from multiprocessing import Process


def work():
    start = time.monotonic()
    with open("a.txt", "a") as file:
        file.write("x")
    if time.monotonic() - start > 5:
        raise ValueError


if __name__ == "__main__":
    both = [Process(target=work) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
