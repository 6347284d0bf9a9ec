"""Two people ask an owner for the last ticket, through a queue; the owner alone has the file."""

import json
from multiprocessing import Process, Queue


def own(requests, answers):
    for _ in range(2):
        number = requests.get()
        with open("count.json") as file:
            tickets = json.load(file)
        has_one = tickets["count"] > 0
        if has_one:
            tickets["count"] -= 1
            with open("count.json", "w") as file:
                json.dump(tickets, file)
        answers[number].put(has_one)


def buy(number, requests, answer):
    requests.put(number)
    print("a ticket" if answer.get() else "none")


if __name__ == "__main__":
    with open("count.json", "w") as file:
        json.dump({"count": 1}, file)
    requests, answers = Queue(), [Queue(), Queue()]
    people = [Process(target=buy, args=(number, requests, answers[number])) for number in range(2)]
    everybody = [Process(target=own, args=(requests, answers)), *people]
    for process in everybody:
        process.start()
    for process in everybody:
        process.join()
