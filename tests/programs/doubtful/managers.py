"""Shares a dictionary by a Manager, whose server nothing controls."""

from multiprocessing import Manager, Process


def work(shared):
    shared["x"] = shared.get("x", 0) + 1


if __name__ == "__main__":
    with Manager() as manager:
        shared = manager.dict()
        both = [Process(target=work, args=(shared,)) for _ in range(2)]
        for process in both:
            process.start()
        for process in both:
            process.join()
