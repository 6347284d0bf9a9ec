"""What a thread keeps for itself alone is closed when it has ended, and its last line written then."""

import threading

kept = threading.local()


def work():
    kept.file = open("a.txt", "w")
    kept.file.write("x")


if __name__ == "__main__":
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    print("joined")
