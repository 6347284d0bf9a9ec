"""Starts a process while another thread runs, which is not copied."""

from multiprocessing import Process
from threading import Thread


def write(name):
    with open(name, "w") as file:
        file.write("x")


if __name__ == "__main__":
    thread, process = Thread(target=write, args=("a.txt",)), Process(target=write, args=("b.txt",))
    thread.start()
    process.start()
    thread.join()
    process.join()
