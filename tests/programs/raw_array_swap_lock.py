"""Two processes swap the ends of a RawArray, one after the other."""

from multiprocessing import Lock, Process, RawArray


def swap(lock, numbers):
    with lock:
        first = numbers[0]
        numbers[0] = numbers[2]
        numbers[2] = first


if __name__ == "__main__":
    lock, numbers = Lock(), RawArray("i", [1, 2, 3])
    swappers = [Process(target=swap, args=(lock, numbers)) for _ in range(2)]
    for swapper in swappers:
        swapper.start()
    for swapper in swappers:
        swapper.join()
    print(list(numbers))
