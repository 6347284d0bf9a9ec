"""A folder is published by its name when all is in it; who looks before that finds nothing, and has not asked."""

import os
from multiprocessing import Process


def publish():
    os.rename("new", "ready")


def look():
    with open("ready/count") as file:
        file.read()


if __name__ == "__main__":
    os.mkdir("new")
    with open("new/count", "w") as file:
        file.write("1")
    both = [Process(target=publish), Process(target=look)]
    for process in both:
        process.start()
    for process in both:
        process.join()
