"""A process waits for a sign that may have been given before it began to wait."""

from multiprocessing import Condition, Process


def wait(condition):
    with condition:
        condition.wait()


def wake(condition):
    with condition:
        condition.notify()


if __name__ == "__main__":
    condition = Condition()
    both = [Process(target=wait, args=(condition,)), Process(target=wake, args=(condition,))]
    for process in both:
        process.start()
    for process in both:
        process.join()
