"""Two forked processes add to a file by hand."""

import os


def add():
    with open("total.txt") as file:
        total = int(file.read() or 0)
    with open("total.txt", "w") as file:
        file.write(str(total + 1))


with open("total.txt", "w") as file:
    file.write("0")
children = []
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        add()
        os._exit(0)
    children.append(pid)
for pid in children:
    os.waitpid(pid, 0)
