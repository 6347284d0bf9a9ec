"""In each of two processes a thread adds to the number in a file; nobody waits for the other."""

from multiprocessing import Process
from pathlib import Path
from threading import Thread

NUMBER = Path("number.txt")


def add():
    NUMBER.write_text(str(int(NUMBER.read_text() or 0) + 1))


def work(name):
    Path(name).write_text("begun")
    thread = Thread(target=add)
    thread.start()
    thread.join()


if __name__ == "__main__":
    NUMBER.write_text("0")
    both = [Process(target=work, args=(name,)) for name in ("a.txt", "b.txt")]
    for process in both:
        process.start()
    for process in both:
        process.join()
