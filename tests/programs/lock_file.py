"""Two processes add to a counter; a file that one alone can create is their lock, and who finds it tries again."""

import os
import time
from multiprocessing import Process


def add():
    while True:
        try:
            os.close(os.open("count.lock", os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            time.sleep(0.01)
    with open("count.txt") as file:
        count = int(file.read())
    with open("count.txt", "w") as file:
        file.write(str(count + 1))
    os.unlink("count.lock")


if __name__ == "__main__":
    with open("count.txt", "w") as file:
        file.write("0")
    adders = [Process(target=add) for _ in range(2)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
