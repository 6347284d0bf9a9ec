"""A process that never ends and never does anything that others could see."""

from multiprocessing import Process


def work():
    while True:
        pass


if __name__ == "__main__":
    process = Process(target=work)
    process.start()
    process.join()
