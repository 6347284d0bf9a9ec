"""A process waits for a sign, and looks first whether it was given already."""

from multiprocessing import Condition, Process, Value


def wait(condition, is_ready):
    with condition:
        condition.wait_for(lambda: is_ready.value)


def wake(condition, is_ready):
    with condition:
        is_ready.value = 1
        condition.notify()


if __name__ == "__main__":
    condition, is_ready = Condition(), Value("i", 0)
    both = [Process(target=wait, args=(condition, is_ready)), Process(target=wake, args=(condition, is_ready))]
    for process in both:
        process.start()
    for process in both:
        process.join()
