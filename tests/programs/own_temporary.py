"""Two processes replace a file by a new one, with a temporary name of their own."""

import os
import tempfile
from multiprocessing import Process


def save(value):
    with tempfile.NamedTemporaryFile("w", dir=".", delete=False) as file:
        file.write(value)
    os.replace(file.name, "data.txt")


if __name__ == "__main__":
    savers = [Process(target=save, args=(value,)) for value in ("one", "two")]
    for saver in savers:
        saver.start()
    for saver in savers:
        saver.join()
