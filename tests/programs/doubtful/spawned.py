"""Starts its processes anew instead of forking."""

from multiprocessing import get_context


def work():
    with open("a.txt", "a") as file:
        file.write("x")


if __name__ == "__main__":
    both = [get_context("spawn").Process(target=work) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
