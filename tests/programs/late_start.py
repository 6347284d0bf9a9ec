"""A process reads what another one writes, which is started later."""

from multiprocessing import Process


def read():
    with open("word.txt") as file:
        print(file.read())


def write():
    with open("word.txt", "a") as file:
        file.write(", later")


if __name__ == "__main__":
    with open("word.txt", "w") as file:
        file.write("early")
    reader, writer = Process(target=read), Process(target=write)
    reader.start()
    with open("other.txt", "w") as file:
        file.write("between")
    writer.start()
    reader.join()
    writer.join()
