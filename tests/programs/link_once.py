"""Two processes want to be the one that makes a symbolic link, and the system decides."""

import os
from multiprocessing import Process


def lead(name):
    try:
        os.symlink(name, "leader")
    except FileExistsError:
        return
    print(f"{name} leads")


if __name__ == "__main__":
    candidates = [Process(target=lead, args=(name,)) for name in ("one", "two")]
    for candidate in candidates:
        candidate.start()
    for candidate in candidates:
        candidate.join()
