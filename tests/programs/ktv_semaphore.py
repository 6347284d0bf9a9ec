"""Six singers enter a karaoke bar that has room for four, and a semaphore counts."""

import time
from multiprocessing import Process, Semaphore


def sing(name, rooms):
    with rooms:
        stay(name)


def stay(name):
    print(f"{name} enters", flush=True)
    time.sleep(1)
    print(f"{name} leaves", flush=True)


if __name__ == "__main__":
    rooms = Semaphore(4)
    singers = [Process(target=sing, args=(f"singer {number}", rooms)) for number in range(6)]
    for singer in singers:
        singer.start()
    for singer in singers:
        singer.join()
