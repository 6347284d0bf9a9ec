"""A car waits for a green light that nobody ever switches on."""

from multiprocessing import Event, Process


def drive(light):
    light.wait()
    print("the car drives")


if __name__ == "__main__":
    light = Event()
    car = Process(target=drive, args=(light,))
    car.start()
    car.join()
