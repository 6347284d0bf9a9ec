"""A pool, whose threads nothing controls."""

from multiprocessing import Pool


def work(number):
    return number + 1


if __name__ == "__main__":
    with Pool(2) as pool:
        print(pool.map(work, range(4)))
