"""A light is switched on and stays on."""

from multiprocessing import Event, Process


def drive(light):
    light.wait()


if __name__ == "__main__":
    light = Event()
    car = Process(target=drive, args=(light,))
    car.start()
    light.set()
    car.join()
