"""One process rewrites a file while another reads it."""

import json
from multiprocessing import Process


def write():
    with open("settings.json", "w") as file:
        json.dump({"size": 2}, file)


def read():
    with open("settings.json") as file:
        print(json.load(file)["size"])


if __name__ == "__main__":
    with open("settings.json", "w") as file:
        json.dump({"size": 1}, file)
    both = [Process(target=write), Process(target=read)]
    for process in both:
        process.start()
    for process in both:
        process.join()
