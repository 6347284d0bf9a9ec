"""Does something in a new process before that has a channel of its own."""

import os
from multiprocessing import Process


def work():
    with open("a.txt", "a") as file:
        file.write("x")


if __name__ == "__main__":
    os.register_at_fork(after_in_child=work)
    one = Process(target=work)
    one.start()
    one.join()
