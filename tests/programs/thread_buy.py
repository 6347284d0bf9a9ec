"""Two threads of one process buy the one ticket that is left; nobody waits for the other."""

import json
import time
from threading import Thread


def buy(name):
    with open("count.json") as file:
        tickets = json.load(file)
    time.sleep(0.05)
    if tickets["count"] > 0:
        tickets["count"] -= 1
        with open("count.json", "w") as file:
            json.dump(tickets, file)
        print(f"{name} has a ticket")


if __name__ == "__main__":
    with open("count.json", "w") as file:
        json.dump({"count": 1}, file)
    buyers = [Thread(target=buy, args=(name,)) for name in ("Ann", "Bob")]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join()
