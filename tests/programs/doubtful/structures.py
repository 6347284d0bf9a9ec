"""A shared structure under its lock: right, but no wrapper sees its fields."""

import ctypes
from multiprocessing import Process, Value


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_int)]


def move(point):
    with point.get_lock():
        point.x += 1


if __name__ == "__main__":
    point = Value(Point, 0, 0)
    movers = [Process(target=move, args=(point,)) for _ in range(2)]
    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join()
    print(point.x)
