"""A reader waits for the end of what a pipe brings, once all others have let go of the other end."""

from multiprocessing import Pipe, Process


def read(receiver, sender):
    sender.close()
    received = []
    try:
        while True:
            received.append(receiver.recv())
    except EOFError:
        print(received)


if __name__ == "__main__":
    receiver, sender = Pipe(duplex=False)
    reader = Process(target=read, args=(receiver, sender))
    reader.start()
    sender.send("one")
    sender.close()
    reader.join()
