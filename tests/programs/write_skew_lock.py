"""Two doctors are on call; each may leave if the other stays, and they decide one after the other."""

from multiprocessing import Lock, Process


def leave(own, other, lock):
    with lock:
        with open(other) as file:
            other_stays = file.read() == "on call"
        if other_stays:
            with open(own, "r+") as file:
                file.write("at home")


if __name__ == "__main__":
    for name in ("one.txt", "two.txt"):
        with open(name, "w") as file:
            file.write("on call")
    lock = Lock()
    doctors = [
        Process(target=leave, args=("one.txt", "two.txt", lock)),
        Process(target=leave, args=("two.txt", "one.txt", lock)),
    ]
    for doctor in doctors:
        doctor.start()
    for doctor in doctors:
        doctor.join()
