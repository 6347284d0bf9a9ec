"""Writes the date, which Python reads in C."""

from datetime import datetime
from multiprocessing import Process


def work():
    with open("a.txt", "a") as file:
        file.write(f"{datetime.now()}")


if __name__ == "__main__":
    both = [Process(target=work) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
