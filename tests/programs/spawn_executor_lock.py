"""The workers of an executor, which are spawned, add to a number in a file, under a lock that they begin with."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def begin(given):
    global lock
    lock = given


def add(number):
    with lock:
        with open("sum.txt") as file:
            total = int(file.read())
        with open("sum.txt", "w") as file:
            file.write(str(total + number))


if __name__ == "__main__":
    with open("sum.txt", "w") as file:
        file.write("0")
    spawn = get_context("spawn")
    lock = spawn.Lock()
    with ProcessPoolExecutor(2, spawn, begin, (lock,)) as pool:
        list(pool.map(add, [1, 2]))
