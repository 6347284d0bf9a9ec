"""An executor that is asked whether a result has come, which a thread of its own takes in."""

from concurrent.futures import ProcessPoolExecutor


def work(number):
    return number + 1


if __name__ == "__main__":
    with ProcessPoolExecutor(1) as pool:
        future = pool.submit(work, 1)
        print(future.done())
