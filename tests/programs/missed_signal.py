"""A light is switched on and at once off again: who looks up too late waits for ever."""

from multiprocessing import Event, Process


def drive(light):
    light.wait()


if __name__ == "__main__":
    light = Event()
    car = Process(target=drive, args=(light,))
    car.start()
    light.set()
    light.clear()
    car.join()
