"""Whoever starts a process does nothing before, and goes on at once; what the process finds is right either way."""

from multiprocessing import Process
from pathlib import Path


def look():
    if Path("made.txt").exists():
        Path("seen.txt").touch()


if __name__ == "__main__":
    process = Process(target=look)
    process.start()
    Path("made.txt").touch()
    process.join()
