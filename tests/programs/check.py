"""Two people look how many tickets are left. Nobody buys, so nothing can go wrong."""

import json
import random
import time
from multiprocessing import Process


def look(name):
    time.sleep(random.random())
    with open("count.json") as file:
        tickets = json.load(file)
    print(f"{name} sees {tickets['count']} left")


if __name__ == "__main__":
    with open("count.json", "w") as file:
        json.dump({"count": 1}, file)
    people = [Process(target=look, args=(f"visitor {number}",)) for number in range(2)]
    for person in people:
        person.start()
    for person in people:
        person.join()
