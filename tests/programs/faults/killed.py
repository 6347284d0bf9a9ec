"""A child that kills itself, as somebody outside might."""

import os
import signal
from multiprocessing import Process


def work():
    with open("a.txt", "w") as file:
        file.write("x")
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    process = Process(target=work)
    process.start()
    process.join()
