"""Children that have children."""

from multiprocessing import Process, Value


def add(total):
    with total.get_lock():
        total.value += 1


def work(total):
    grandchild = Process(target=add, args=(total,))
    grandchild.start()
    add(total)
    grandchild.join()


if __name__ == "__main__":
    total = Value("i", 0)
    children = [Process(target=work, args=(total,)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    print(total.value)
