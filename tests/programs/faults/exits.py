"""Ends with an exit code of its own."""

import sys
from multiprocessing import Process


def work():
    sys.exit(3)


if __name__ == "__main__":
    process = Process(target=work)
    process.start()
    process.join()
