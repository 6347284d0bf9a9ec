"""Talks over a socket, which nothing controls."""

import socket
from multiprocessing import Process


def work():
    one, two = socket.socketpair()
    one.send(b"x")
    two.recv(1)
    with open("a.txt", "a") as file:
        file.write("x")


if __name__ == "__main__":
    both = [Process(target=work) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
