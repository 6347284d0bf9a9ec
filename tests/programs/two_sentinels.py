"""Two consumers, and a sign for each that nothing more will come."""

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
    queue.put(None)
    for consumer in consumers:
        consumer.join()
