"""A pool of concurrent.futures, whose threads nothing controls."""

from concurrent.futures import ProcessPoolExecutor


def work(number):
    return number + 1


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        print(list(pool.map(work, range(4))))
