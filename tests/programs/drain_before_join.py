"""A process puts more into a queue than a pipe holds, and the queue is read before it is waited for."""

from multiprocessing import Process, Queue


def produce(queue):
    queue.put(b"x" * 100_000)


if __name__ == "__main__":
    queue = Queue()
    producer = Process(target=produce, args=(queue,))
    producer.start()
    print(len(queue.get()))
    producer.join()
