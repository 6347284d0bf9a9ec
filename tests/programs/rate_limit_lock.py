"""Two processes may make one request between them; each looks at the counter under its lock."""

from multiprocessing import Process, Value


def request(made, name):
    with made.get_lock():
        may = made.value < 1
        made.value += may
    if may:
        print(f"{name} makes a request")


if __name__ == "__main__":
    made = Value("i", 0)
    clients = [Process(target=request, args=(made, name)) for name in ("one", "two")]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
