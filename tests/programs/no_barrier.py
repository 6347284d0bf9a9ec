"""Two processes each write a half and then read the other's, which may not be there yet."""

from multiprocessing import Process


def work(own, other):
    with open(own, "w") as file:
        file.write("half")
    with open(other) as file:
        assert file.read() == "half"


if __name__ == "__main__":
    both = [Process(target=work, args=("a.txt", "b.txt")), Process(target=work, args=("b.txt", "a.txt"))]
    for process in both:
        process.start()
    for process in both:
        process.join()
