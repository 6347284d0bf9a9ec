"""Runs another program, which nothing controls."""

import subprocess
from multiprocessing import Process


def work():
    subprocess.run(["true"], check=True)
    with open("a.txt", "a") as file:
        file.write("x")


if __name__ == "__main__":
    both = [Process(target=work) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
