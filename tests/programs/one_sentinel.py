"""Two consumers, and one sign that nothing more will come: one of them gets it, the other waits."""

from multiprocessing import Process, Queue


def consume(queue):
    while queue.get() is not None:
        pass


if __name__ == "__main__":
    queue = Queue()
    consumers = [Process(target=consume, args=(queue,)) for _ in range(2)]
    for consumer in consumers:
        consumer.start()
    queue.put("work")
    queue.put(None)
    for consumer in consumers:
        consumer.join()
