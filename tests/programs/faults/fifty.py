"""Starts fifty processes that have nothing in common."""

from multiprocessing import Process


def work(number):
    with open(f"{number}.txt", "w") as file:
        file.write("x")


if __name__ == "__main__":
    workers = [Process(target=work, args=(number,)) for number in range(50)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
