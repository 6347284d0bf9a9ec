"""The lock is made at the top of the file, which each process that is spawned imports anew: each has its own."""

import json
from multiprocessing import Lock, Process, set_start_method

lock = Lock()


def buy(name):
    with lock:
        with open("count.json") as file:
            tickets = json.load(file)
        if tickets["count"] > 0:
            tickets["count"] -= 1
            with open("count.json", "w") as file:
                json.dump(tickets, file)
            print(f"{name} has a ticket")


if __name__ == "__main__":
    set_start_method("spawn", force=True)
    with open("count.json", "w") as file:
        json.dump({"count": 1}, file)
    buyers = [Process(target=buy, args=(f"buyer {number}",)) for number in range(2)]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join()
