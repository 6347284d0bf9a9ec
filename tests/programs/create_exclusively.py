"""Two processes want to be the one that creates a file, and the system decides."""

from multiprocessing import Process


def lead(name):
    try:
        with open("leader.txt", "x") as file:
            file.write(name)
        print(f"{name} leads")
    except FileExistsError:
        pass


if __name__ == "__main__":
    candidates = [Process(target=lead, args=(name,)) for name in ("one", "two")]
    for candidate in candidates:
        candidate.start()
    for candidate in candidates:
        candidate.join()
