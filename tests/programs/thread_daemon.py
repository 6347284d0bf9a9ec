"""A daemon thread writes two lines; its process does not wait for it."""

from threading import Thread


def write():
    for word in ("one\n", "two\n"):
        with open("words.txt", "a") as file:
            file.write(word)


if __name__ == "__main__":
    Thread(target=write, daemon=True).start()
