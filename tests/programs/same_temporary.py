"""Two processes replace a file by a new one, whose name before that they share."""

import os
from multiprocessing import Process


def save(value):
    with open("data.tmp", "w") as file:
        file.write(value)
    os.replace("data.tmp", "data.txt")


if __name__ == "__main__":
    savers = [Process(target=save, args=(value,)) for value in ("one", "two")]
    for saver in savers:
        saver.start()
    for saver in savers:
        saver.join()
