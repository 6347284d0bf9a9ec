"""Two processes of a fork server add to a value that they are passed, each with its lock."""

from multiprocessing import get_context


def add(value):
    with value.get_lock():
        value.value += 1


if __name__ == "__main__":
    server = get_context("forkserver")
    value = server.Value("i")
    both = [server.Process(target=add, args=(value,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert value.value == 2, value.value
