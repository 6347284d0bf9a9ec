"""The first process reads the log to its end, whether the other has written to it yet or not."""

from multiprocessing import Process


def work():
    with open("log.txt", "a") as file:
        file.write("done\n")


if __name__ == "__main__":
    with open("log.txt", "w") as file:
        file.write("begun\n")
    worker = Process(target=work)
    worker.start()
    print(open("log.txt").read())
    worker.join()
