"""The workers of a pool, which are spawned, add to a number in a file."""

from multiprocessing import get_context


def add(number):
    with open("sum.txt") as file:
        total = int(file.read())
    with open("sum.txt", "w") as file:
        file.write(str(total + number))


if __name__ == "__main__":
    with open("sum.txt", "w") as file:
        file.write("0")
    with get_context("spawn").Pool(2) as pool:
        pool.map(add, [1, 2])
