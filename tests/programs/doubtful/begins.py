"""Each worker of an executor that is spawned prints as it begins; how many there are, Python decides as it goes."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

print("a worker begins")

if __name__ == "__main__":
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        list(pool.map(abs, [1, 2]))
