"""Two processes swap the ends of a RawArray: one of them may read what the other has half swapped."""

from multiprocessing import Process, RawArray


def swap(numbers):
    first = numbers[0]
    numbers[0] = numbers[2]
    numbers[2] = first


if __name__ == "__main__":
    numbers = RawArray("i", [1, 2, 3])
    swappers = [Process(target=swap, args=(numbers,)) for _ in range(2)]
    for swapper in swappers:
        swapper.start()
    for swapper in swappers:
        swapper.join()
    print(list(numbers))
