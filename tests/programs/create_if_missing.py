"""Two processes want to be the one that creates a file: they look whether it is there, and create it."""

import os
from multiprocessing import Process


def lead(name):
    if not os.path.exists("leader.txt"):
        with open("leader.txt", "w") as file:
            file.write(name)
        print(f"{name} leads")


if __name__ == "__main__":
    candidates = [Process(target=lead, args=(name,)) for name in ("one", "two")]
    for candidate in candidates:
        candidate.start()
    for candidate in candidates:
        candidate.join()
