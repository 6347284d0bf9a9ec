"""Starts a thread, which has no channel of its own."""

from multiprocessing import Process
from threading import Thread


def add():
    with open("a.txt", "a") as file:
        file.write("x")


def work():
    thread = Thread(target=add)
    thread.start()
    thread.join()


if __name__ == "__main__":
    both = [Process(target=work) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
