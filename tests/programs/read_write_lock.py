"""A writer moves money from one file to another while readers add up, with a lock that lets readers share."""

from multiprocessing import Lock, Process, Value


def put(name, amount):
    with open(name, "w") as file:
        file.write(str(amount))


def get(name):
    with open(name) as file:
        return int(file.read() or 0)


def move(readers, door, room):
    with room:
        put("one", 50)
        put("two", 150)


def add_up(readers, door, room):
    with door:
        readers.value += 1
        if readers.value == 1:
            room.acquire()
    print(get("one") + get("two"))
    with door:
        readers.value -= 1
        if readers.value == 0:
            room.release()


if __name__ == "__main__":
    put("one", 100)
    put("two", 100)
    shared = (Value("i", 0), Lock(), Lock())
    both = [Process(target=move, args=shared), Process(target=add_up, args=shared)]
    for process in both:
        process.start()
    for process in both:
        process.join()
