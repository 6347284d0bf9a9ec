"""Two cars wait for a green light, write down that they have passed, and the light is switched on."""

from multiprocessing import Event, Process


def drive(light, name):
    light.wait()
    with open(f"{name}.txt", "w") as file:
        file.write("passed")


if __name__ == "__main__":
    light = Event()
    cars = [Process(target=drive, args=(light, f"car{number}")) for number in range(2)]
    for car in cars:
        car.start()
    light.set()
    for car in cars:
        car.join()
