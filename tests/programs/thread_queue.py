"""A producer and a consumer, threads of one process, with a queue that has room for one."""

from queue import Queue
from threading import Thread


def produce(queue):
    for number in (1, 2):
        queue.put(number)
    queue.put(None)


def consume(queue):
    total = 0
    while (number := queue.get()) is not None:
        total += number
    with open("total.txt", "w") as file:
        file.write(str(total))


if __name__ == "__main__":
    queue = Queue(1)
    both = [Thread(target=produce, args=(queue,)), Thread(target=consume, args=(queue,))]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
