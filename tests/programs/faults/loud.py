"""Prints a hundred megabytes."""

from multiprocessing import Process


def shout():
    for _ in range(100):
        print("x" * 1_000_000)


if __name__ == "__main__":
    process = Process(target=shout)
    process.start()
    process.join()
