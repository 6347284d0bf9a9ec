"""A writer moves money from one file to another while a reader adds up; nobody waits."""

from multiprocessing import Process


def put(name, amount):
    with open(name, "w") as file:
        file.write(str(amount))


def get(name):
    with open(name) as file:
        return int(file.read() or 0)


def move():
    put("one", 50)
    put("two", 150)


def add_up():
    print(get("one") + get("two"))


if __name__ == "__main__":
    put("one", 100)
    put("two", 100)
    both = [Process(target=move), Process(target=add_up)]
    for process in both:
        process.start()
    for process in both:
        process.join()
