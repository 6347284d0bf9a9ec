"""An executor's workers buy the one ticket that is left, and who is done first is told first; a file is their lock."""

import fcntl
import json
from concurrent.futures import ProcessPoolExecutor, as_completed


def buy(name):
    with open("lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
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
    with ProcessPoolExecutor(2) as pool:
        futures = [pool.submit(buy, name) for name in ("Ann", "Bob")]
        for future in as_completed(futures):
            print(future.result())
