"""Five people buy from a site that has one ticket left; nobody makes them wait for each other."""

import json
import random
import time
from multiprocessing import Process


def buy(name):
    with open("count.json") as file:
        tickets = json.load(file)
    time.sleep(random.random())
    if tickets["count"] > 0:
        tickets["count"] -= 1
        time.sleep(random.random())
        with open("count.json", "w") as file:
            json.dump(tickets, file)
        print(f"{name} has a ticket")
    else:
        print(f"{name} has none")


if __name__ == "__main__":
    with open("count.json", "w") as file:
        json.dump({"count": 1}, file)
    people = [Process(target=buy, args=(f"buyer {number}",)) for number in range(5)]
    for person in people:
        person.start()
    for person in people:
        person.join()
