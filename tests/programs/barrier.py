"""Two processes each write a half, wait for each other, and then read the other's."""

from multiprocessing import Barrier, Process


def work(own, other, barrier):
    with open(own, "w") as file:
        file.write("half")
    barrier.wait()
    with open(other) as file:
        assert file.read() == "half"


if __name__ == "__main__":
    barrier = Barrier(2)
    both = [
        Process(target=work, args=("a.txt", "b.txt", barrier)),
        Process(target=work, args=("b.txt", "a.txt", barrier)),
    ]
    for process in both:
        process.start()
    for process in both:
        process.join()
