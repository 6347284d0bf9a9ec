"""A child that is gone all of a sudden, as if somebody outside had killed it."""

import signal
from multiprocessing import Process


def work():
    with open("a.txt", "w") as file:
        file.write("x")
    signal.raise_signal(signal.SIGKILL)


if __name__ == "__main__":
    process = Process(target=work)
    process.start()
    process.join()
