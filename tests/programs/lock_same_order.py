"""Two processes take two locks, both in the same order."""

from multiprocessing import Lock, Process


def work(first, second):
    with first:
        with second:
            with open("log.txt", "a") as file:
                file.write("done\n")


if __name__ == "__main__":
    one, two = Lock(), Lock()
    workers = [Process(target=work, args=(one, two)), Process(target=work, args=(one, two))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
