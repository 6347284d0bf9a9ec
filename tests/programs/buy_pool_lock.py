"""Two workers of a pool buy the one ticket that is left; a lock that both were given makes them wait for each other."""

import json
from multiprocessing import Lock, Pool


def begin(given):
    global lock
    lock = given


def buy(name):
    with lock:
        with open("count.json") as file:
            tickets = json.load(file)
        if tickets["count"] > 0:
            tickets["count"] -= 1
            with open("count.json", "w") as file:
                json.dump(tickets, file)
            return f"{name} has a ticket"
        return f"{name} has none"


if __name__ == "__main__":
    with open("count.json", "w") as file:
        json.dump({"count": 1}, file)
    with Pool(2, begin, (Lock(),)) as pool:
        print(pool.map(buy, ["Ann", "Bob"]))
