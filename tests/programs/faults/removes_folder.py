"""Removes the folder that it runs in."""

import os
import shutil
from multiprocessing import Process


def work():
    shutil.rmtree(os.getcwd())


if __name__ == "__main__":
    process = Process(target=work)
    process.start()
    process.join()
