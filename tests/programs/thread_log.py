"""Two threads write two lines each into one file, each line under a lock: they are whole, in whatever order."""

from threading import Lock, Thread


def work(name, lock):
    for number in (1, 2):
        with lock, open("log.txt", "a") as file:
            print(name, number, file=file)


if __name__ == "__main__":
    lock = Lock()
    both = [Thread(target=work, args=(name, lock)) for name in ("one", "two")]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
