"""The tutorial's own way: fork a process for each buyer, a Lock, a JSON file, join them all. Prints seconds a trial."""

import json
import multiprocessing
import sys
import time


def buy(path, lock):
    with lock:
        with open(path) as file:
            state = json.load(file)
        if state["count"] > 0:
            state["count"] -= 1
        with open(path, "w") as file:
            json.dump(state, file)


def trial(path, buyers):
    with open(path, "w") as file:
        json.dump({"count": 1}, file)
    lock = multiprocessing.Lock()
    processes = [multiprocessing.Process(target=buy, args=(path, lock)) for _ in range(buyers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


if __name__ == "__main__":
    path, buyers, trials = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    start = time.perf_counter()
    for _ in range(trials):
        trial(path, buyers)
    print((time.perf_counter() - start) / trials)
