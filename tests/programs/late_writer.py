"""A process reads what the first one writes after it has waited for somebody else."""

from multiprocessing import Process


def read():
    with open("word.txt") as file:
        print(file.read())


def idle():
    pass


if __name__ == "__main__":
    with open("word.txt", "w") as file:
        file.write("early")
    reader, other = Process(target=read), Process(target=idle)
    reader.start()
    other.start()
    other.join()
    with open("word.txt", "w") as file:
        file.write("later")
    reader.join()
