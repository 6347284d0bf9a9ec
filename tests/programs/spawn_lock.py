"""Two buyers, each a process that is spawned; the lock that they are passed is one for both."""

import json
from multiprocessing import get_context


def buy(name, lock):
    with lock:
        with open("count.json") as file:
            tickets = json.load(file)
        if tickets["count"] > 0:
            tickets["count"] -= 1
            with open("count.json", "w") as file:
                json.dump(tickets, file)
            print(f"{name} has a ticket")


if __name__ == "__main__":
    spawn = get_context("spawn")
    with open("count.json", "w") as file:
        json.dump({"count": 1}, file)
    lock = spawn.Lock()
    buyers = [spawn.Process(target=buy, args=(f"buyer {number}", lock)) for number in range(2)]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join()
