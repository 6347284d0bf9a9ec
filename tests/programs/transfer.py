"""Two transfers between two accounts, each of which reads both balances and writes both back."""

from multiprocessing import Process, Value


def transfer(source, target, amount):
    left, there = source.value, target.value
    source.value = left - amount
    target.value = there + amount


if __name__ == "__main__":
    one, two = Value("i", 100), Value("i", 100)
    transfers = [Process(target=transfer, args=(one, two, 30)), Process(target=transfer, args=(two, one, 50))]
    for process in transfers:
        process.start()
    for process in transfers:
        process.join()
    print(one.value, two.value)
