"""Two processes append a line each to one file, in one write: the system puts each at the end."""

from multiprocessing import Process


def log(name):
    with open("log.txt", "a") as file:
        file.write(f"{name}\n")


if __name__ == "__main__":
    writers = [Process(target=log, args=(name,)) for name in ("one", "two")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
