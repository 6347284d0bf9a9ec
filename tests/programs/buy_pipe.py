"""Two people ask an owner for the last ticket, each through a pipe of their own."""

import json
from multiprocessing import Pipe, Process


def own(ends):
    for end in ends:
        end.recv()
        with open("count.json") as file:
            tickets = json.load(file)
        has_one = tickets["count"] > 0
        if has_one:
            tickets["count"] -= 1
            with open("count.json", "w") as file:
                json.dump(tickets, file)
        end.send(has_one)


def buy(end):
    end.send("please")
    print("a ticket" if end.recv() else "none")


if __name__ == "__main__":
    with open("count.json", "w") as file:
        json.dump({"count": 1}, file)
    pipes = [Pipe() for _ in range(2)]
    everybody = [Process(target=own, args=([mine for mine, _ in pipes],))]
    everybody += [Process(target=buy, args=(theirs,)) for _, theirs in pipes]
    for process in everybody:
        process.start()
    for process in everybody:
        process.join()
