"""As lock_file, but the lock is gone before the counter is written."""

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
    os.unlink("count.lock")
    with open("count.txt", "w") as file:
        file.write(str(count + 1))


if __name__ == "__main__":
    with open("count.txt", "w") as file:
        file.write("0")
    adders = [Process(target=add) for _ in range(2)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
