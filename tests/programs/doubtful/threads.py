"""Two threads add to a number in the memory of their process, whose accesses nobody sees."""

from threading import Lock, Thread

numbers = []


def add(lock):
    with lock:
        numbers.append(len(numbers))


if __name__ == "__main__":
    lock = Lock()
    both = [Thread(target=add, args=(lock,)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    with open("numbers.txt", "w") as file:
        print(numbers, file=file)
