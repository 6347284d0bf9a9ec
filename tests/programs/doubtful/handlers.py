"""Handles a signal, at a moment that nothing controls."""

import signal
from multiprocessing import Process


def work():
    signal.signal(signal.SIGUSR1, lambda *_: None)
    with open("a.txt", "a") as file:
        file.write("x")


if __name__ == "__main__":
    both = [Process(target=work) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
