"""Decides by a random number, of which only one value is tried."""

import random
from multiprocessing import Process


def work():
    if random.random() < 0.0001:
        raise ValueError
    with open("a.txt", "a") as file:
        file.write("x")


if __name__ == "__main__":
    both = [Process(target=work) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
