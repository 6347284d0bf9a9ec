"""Two processes draw a number from a file that they lock, and use it as the name of their own."""

import fcntl
from multiprocessing import Process


def register(name):
    with open("next.txt", "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        number = int(file.read())
        file.seek(0)
        file.write(str(number + 1))
        file.flush()
        fcntl.flock(file, fcntl.LOCK_UN)
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
