"""Two threads take two locks, each in its own order."""

from threading import Lock, Thread


def work(first, second):
    with first:
        with second:
            pass


if __name__ == "__main__":
    one, two = Lock(), Lock()
    workers = [Thread(target=work, args=(one, two)), Thread(target=work, args=(two, one))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
