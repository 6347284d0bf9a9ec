"""A pool that calls back when a result has come, from a thread of its own."""

from multiprocessing import Pool


def work(number):
    return number + 1


if __name__ == "__main__":
    found = []
    with Pool(2) as pool:
        pool.apply_async(work, (1,), callback=found.append).wait()
    print(found)
