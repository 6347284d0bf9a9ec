"""The arguments alone hold the lock, and who starts a process lets go of them: the process may find none."""

from multiprocessing import get_context


def write(lock):
    with lock, open("log.txt", "a") as file:
        file.write("x")


if __name__ == "__main__":
    spawn = get_context("spawn")
    writer = spawn.Process(target=write, args=(spawn.Lock(),))
    writer.start()
    writer.join()
