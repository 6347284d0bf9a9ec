"""Two doctors are on call; each may leave if the other stays, and looks at the other's file only."""

from multiprocessing import Process


def leave(own, other):
    with open(other) as file:
        other_stays = file.read() == "on call"
    if other_stays:
        with open(own, "r+") as file:
            file.write("at home")


if __name__ == "__main__":
    for name in ("one.txt", "two.txt"):
        with open(name, "w") as file:
            file.write("on call")
    doctors = [Process(target=leave, args=("one.txt", "two.txt")), Process(target=leave, args=("two.txt", "one.txt"))]
    for doctor in doctors:
        doctor.start()
    for doctor in doctors:
        doctor.join()
