"""Two processes send long messages through one end of a pipe, one after the other."""

from multiprocessing import Lock, Pipe, Process


def send(end, letter, lock):
    with lock:
        end.send_bytes(letter * 20_000)


if __name__ == "__main__":
    lock = Lock()
    here, there = Pipe(duplex=False)
    senders = [Process(target=send, args=(there, letter, lock)) for letter in (b"a", b"b")]
    for sender in senders:
        sender.start()
    messages = sorted(here.recv_bytes() for _ in senders)
    for sender in senders:
        sender.join()
    assert messages == [b"a" * 20_000, b"b" * 20_000]
