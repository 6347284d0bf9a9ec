"""Two processes take two locks, each in its own order."""

from multiprocessing import Lock, Process


def work(first, second):
    with first:
        with second:
            pass


if __name__ == "__main__":
    one, two = Lock(), Lock()
    workers = [Process(target=work, args=(one, two)), Process(target=work, args=(two, one))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
