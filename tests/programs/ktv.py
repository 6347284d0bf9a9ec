"""Six singers enter a karaoke bar that has room for four, and nobody counts."""

import time
from multiprocessing import Process


def sing(name):
    print(f"{name} enters", flush=True)
    time.sleep(1)
    print(f"{name} leaves", flush=True)


if __name__ == "__main__":
    singers = [Process(target=sing, args=(f"singer {number}",)) for number in range(6)]
    for singer in singers:
        singer.start()
    for singer in singers:
        singer.join()
