"""Two processes may make one request between them; each looks at the counter first."""

from multiprocessing import Process, Value


def request(made, name):
    if made.value < 1:
        made.value += 1
        print(f"{name} makes a request")


if __name__ == "__main__":
    made = Value("i", 0)
    clients = [Process(target=request, args=(made, name)) for name in ("one", "two")]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
