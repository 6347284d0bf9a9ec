"""Three processes count under a semaphore, and one gives it back twice: then two can be inside at once."""

from multiprocessing import Process, Semaphore, Value


def count(total, semaphore, times):
    semaphore.acquire()
    total.value += 1
    for _ in range(times):
        semaphore.release()


if __name__ == "__main__":
    total, semaphore = Value("i", 0), Semaphore(1)
    counters = [Process(target=count, args=(total, semaphore, times)) for times in (2, 1, 1)]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join()
    print(total.value)
