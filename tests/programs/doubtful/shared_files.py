"""Two threads write into one file object, whose buffer locks itself while it waits to be written."""

from threading import Thread


def write(file, word):
    file.write(word)
    file.flush()


if __name__ == "__main__":
    with open("words.txt", "w") as file:
        both = [Thread(target=write, args=(file, word)) for word in ("one", "two")]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
