"""The first process looks again and again whether the others have ended."""

import time
from multiprocessing import Process


def work(name):
    with open("log.txt", "a") as file:
        file.write(f"{name}\n")


if __name__ == "__main__":
    workers = [Process(target=work, args=(name,)) for name in ("one", "two")]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        time.sleep(0.1)
