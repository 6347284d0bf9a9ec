"""A version is deployed by a symbolic link, which another process follows."""

import os
from multiprocessing import Process


def deploy():
    os.symlink("new", "next")
    os.replace("next", "current")


def look():
    with open("current/count") as file:
        file.read()


if __name__ == "__main__":
    for version in ("old", "new"):
        os.mkdir(version)
        with open(f"{version}/count", "w") as file:
            file.write(version)
    os.symlink("old", "current")
    both = [Process(target=deploy), Process(target=look)]
    for process in both:
        process.start()
    for process in both:
        process.join()
