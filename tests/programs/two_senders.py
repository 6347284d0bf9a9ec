"""Two processes send long messages through one end of a pipe, and these get mixed up."""

from multiprocessing import Pipe, Process


def send(end, letter):
    end.send_bytes(letter * 20_000)


if __name__ == "__main__":
    here, there = Pipe(duplex=False)
    senders = [Process(target=send, args=(there, letter)) for letter in (b"a", b"b")]
    for sender in senders:
        sender.start()
    messages = sorted(here.recv_bytes() for _ in senders)
    for sender in senders:
        sender.join()
    assert messages == [b"a" * 20_000, b"b" * 20_000]
