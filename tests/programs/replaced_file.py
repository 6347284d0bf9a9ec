"""One process replaces a file by a new one while another reads it."""

import json
import os
from multiprocessing import Process


def write():
    with open("new.json", "w") as file:
        json.dump({"size": 2}, file)
    os.replace("new.json", "settings.json")


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
