"""Two processes print three lines each, and nobody makes them take turns."""

from multiprocessing import Process


def speak(name):
    for number in range(3):
        print(f"{name} {number}")


if __name__ == "__main__":
    speakers = [Process(target=speak, args=(name,)) for name in ("one", "two")]
    for speaker in speakers:
        speaker.start()
    for speaker in speakers:
        speaker.join()
