"""Leaves a daemon behind, which ends with the first process."""

from multiprocessing import Event, Process


def work(event):
    event.wait()


if __name__ == "__main__":
    process = Process(target=work, args=(Event(),), daemon=True)
    process.start()
    print("done")
