"""A process puts more into a queue than a pipe holds, and is waited for before the queue is read."""

from multiprocessing import Process, Queue


def produce(queue):
    queue.put(b"x" * 100_000)


if __name__ == "__main__":
    queue = Queue()
    producer = Process(target=produce, args=(queue,))
    producer.start()
    producer.join()
    print(len(queue.get()))
