"""Ends a child at a moment of its own."""

from multiprocessing import Process


def work():
    while True:
        with open("a.txt", "a") as file:
            file.write("x")


if __name__ == "__main__":
    process = Process(target=work)
    process.start()
    process.terminate()
    process.join()
    print(process.exitcode)
