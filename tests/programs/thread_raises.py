"""A thread reads what another one has perhaps not written yet; its exception is no exit code."""

from pathlib import Path
from threading import Thread

if __name__ == "__main__":
    both = [Thread(target=Path("a.txt").write_text, args=("a",)), Thread(target=Path("a.txt").read_text)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
