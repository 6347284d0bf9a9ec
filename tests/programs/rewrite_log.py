"""Two processes add a line each to one file by reading it and writing it anew."""

from multiprocessing import Process
from pathlib import Path


def log(name):
    path = Path("log.txt")
    before = path.read_text()
    path.write_text(f"{before}{name}\n")


if __name__ == "__main__":
    Path("log.txt").write_text("")
    writers = [Process(target=log, args=(name,)) for name in ("one", "two")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
