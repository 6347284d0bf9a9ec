"""Whoever finds a queue not empty takes from it, and may find it empty then."""

from multiprocessing import Process, Queue


def take(queue):
    if not queue.empty():
        print(queue.get())


if __name__ == "__main__":
    queue = Queue()
    queue.put("work")
    takers = [Process(target=take, args=(queue,)) for _ in range(2)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
