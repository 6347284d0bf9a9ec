"""Two processes draw a number from a file and use it as the name of their own."""

import os
from multiprocessing import Process


def register(name):
    with open("next.txt") as file:
        number = int(file.read() or 0)
    with open("next.txt", "w") as file:
        file.write(str(number + 1))
    with open(f"member-{number}.txt", "w") as file:
        file.write(name)


if __name__ == "__main__":
    with open("next.txt", "w") as file:
        file.write("1")
    members = [Process(target=register, args=(name,)) for name in ("one", "two")]
    for member in members:
        member.start()
    for member in members:
        member.join()
    assert len(os.listdir(".")) >= 4, sorted(os.listdir("."))
