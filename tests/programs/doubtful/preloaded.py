"""Its fork server imports this file once for all: whoever it forks has the same lock."""

from multiprocessing import Lock, get_context

lock = Lock()


def work():
    with lock, open("a.txt", "a") as file:
        file.write("x")


if __name__ == "__main__":
    server = get_context("forkserver")
    server.set_forkserver_preload(["preloaded"])
    both = [server.Process(target=work) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
