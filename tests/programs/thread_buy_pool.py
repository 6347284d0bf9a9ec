"""The threads of a pool buy the one ticket that is left; nobody waits for the other."""

import json
from concurrent.futures import ThreadPoolExecutor, as_completed


def buy():
    with open("count.json") as file:
        tickets = json.load(file)
    if tickets["count"] > 0:
        tickets["count"] -= 1
        with open("count.json", "w") as file:
            json.dump(tickets, file)
        return "a ticket"
    return "none"


if __name__ == "__main__":
    with open("count.json", "w") as file:
        json.dump({"count": 1}, file)
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(buy) for _ in range(2)]
        for future in as_completed(futures):
            print(future.result())
