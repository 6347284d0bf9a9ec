"""Two processes print three lines each, one after the other."""

from multiprocessing import Lock, Process


def speak(name, lock):
    with lock:
        for number in range(3):
            print(f"{name} {number}")


if __name__ == "__main__":
    lock = Lock()
    speakers = [Process(target=speak, args=(name, lock)) for name in ("one", "two")]
    for speaker in speakers:
        speaker.start()
    for speaker in speakers:
        speaker.join()
