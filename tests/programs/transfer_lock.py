"""Two transfers between two accounts, one after the other."""

from multiprocessing import Lock, Process, Value


def transfer(source, target, amount, lock):
    with lock:
        source.value -= amount
        target.value += amount


if __name__ == "__main__":
    one, two, lock = Value("i", 100), Value("i", 100), Lock()
    transfers = [
        Process(target=transfer, args=(one, two, 30, lock)),
        Process(target=transfer, args=(two, one, 50, lock)),
    ]
    for process in transfers:
        process.start()
    for process in transfers:
        process.join()
    print(one.value, two.value)
