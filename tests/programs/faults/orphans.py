"""A raw fork that nobody waits for."""

import os

if os.fork() == 0:
    with open("a.txt", "w") as file:
        file.write("x")
    os._exit(0)
print("done")
