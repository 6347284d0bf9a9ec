"""Threads of two processes add to the number in a file under a lock for threads, of which each process has its own."""

from multiprocessing import Process
from pathlib import Path
from threading import Lock, Thread

NUMBER = Path("number.txt")


def add(lock):
    with lock:
        NUMBER.write_text(str(int(NUMBER.read_text() or 0) + 1))


def work(lock):
    thread = Thread(target=add, args=(lock,))
    thread.start()
    thread.join()


if __name__ == "__main__":
    NUMBER.write_text("0")
    lock = Lock()
    both = [Process(target=work, args=(lock,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
