"""In each of two processes a thread adds to the number in a file, one after the other."""

from multiprocessing import Lock, Process
from pathlib import Path
from threading import Thread

NUMBER = Path("number.txt")


def add(lock):
    with lock:
        NUMBER.write_text(str(int(NUMBER.read_text()) + 1))


def work(name, lock):
    Path(name).write_text("begun")
    thread = Thread(target=add, args=(lock,))
    thread.start()
    thread.join()


if __name__ == "__main__":
    NUMBER.write_text("0")
    lock = Lock()
    both = [Process(target=work, args=(name, lock)) for name in ("a.txt", "b.txt")]
    for process in both:
        process.start()
    for process in both:
        process.join()
