"""The first process does not wait for its child for ever, and says what it has seen; either is right."""

import time
from multiprocessing import Process


def work():
    time.sleep(2)
    with open("done", "w") as file:
        file.write("x")


if __name__ == "__main__":
    child = Process(target=work)
    child.start()
    child.join(timeout=1)
    print("not yet" if child.is_alive() else "done")
    child.join()
