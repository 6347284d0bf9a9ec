"""Each of two processes looks whether anybody has left a file in the folder, and if not leaves its own."""

import os
from multiprocessing import Process


def come(name):
    if not any(entry.startswith("came-") for entry in os.listdir()):
        open(f"came-{name}", "w").close()


if __name__ == "__main__":
    both = [Process(target=come, args=(name,)) for name in ("one", "two")]
    for process in both:
        process.start()
    for process in both:
        process.join()
