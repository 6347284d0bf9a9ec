"""What threading and queue can do, with an output that is the same in every run."""

import queue
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, as_completed, wait


def told(call, *arguments, **named):
    try:
        return call(*arguments, **named)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:70]


def in_thread(call, *arguments):
    found = []
    thread = threading.Thread(target=lambda: found.append(told(call, *arguments)))
    thread.start()
    thread.join()
    return found[0]


def locks():
    lock, again = threading.Lock(), threading.RLock()
    print(lock.acquire(), lock.acquire(False), lock.acquire(timeout=0.01), lock.locked(), told(lock.acquire, False, 1))
    print(in_thread(lock.acquire, False), in_thread(lock.release), lock.locked(), told(lock.release))
    print(again.acquire(), again.acquire(False), in_thread(again.acquire, False), in_thread(again.release))
    print(again.release(), in_thread(again.acquire, False), again.release(), told(again.release))
    print(in_thread(again.acquire, True, 0.01))
    with lock, threading.RLock():
        print(lock.locked())


def semaphores():
    semaphore, bounded = threading.Semaphore(2), threading.BoundedSemaphore()
    print(
        semaphore.acquire(), semaphore.acquire(timeout=1), semaphore.acquire(False), in_thread(semaphore.acquire, False)
    )
    print(semaphore.release(2), in_thread(semaphore.acquire), told(semaphore.release, 0), told(threading.Semaphore, -1))
    print(told(bounded.release), bounded.acquire(), in_thread(bounded.release), told(bounded.release))
    print(told(semaphore.acquire, False, 1))


def signals():
    event, condition, barrier = threading.Event(), threading.Condition(), threading.Barrier(2, lambda: print("both"))
    print(event.is_set(), event.wait(0.01), in_thread(event.set), event.wait(), event.clear(), event.is_set())
    print(told(condition.wait), told(condition.notify))
    with condition:
        print(condition.wait(0.01), condition.wait_for(lambda: True), condition.wait_for(lambda: False, 0.01))
        condition.notify_all()
    thread = threading.Thread(target=barrier.wait)
    thread.start()
    barrier.wait()
    thread.join()
    print(barrier.parties, barrier.n_waiting, barrier.broken, barrier.abort(), told(barrier.wait), barrier.reset())
    print(told(barrier.wait, 0.01), barrier.broken)


def queues():
    for kind in (queue.Queue, queue.LifoQueue, queue.PriorityQueue):
        made = kind(2)
        print([made.put(number) for number in (2, 1)], made.full(), told(made.put, 3, timeout=0.01), made.qsize())
        print(made.get(), in_thread(made.get), told(made.get, True, 0.01) or "none", told(made.get_nowait) or "none")
        print(made.task_done(), made.task_done(), made.join(), told(made.task_done), made.empty())
    simple = queue.SimpleQueue()
    print(in_thread(simple.put, 1), simple.get(), simple.empty(), told(simple.get, True, 0.01), told(simple.get, False))


def threads():
    thread = threading.Thread(target=print, args=("runs",), name="named")
    print(told(thread.join), thread.is_alive(), thread.start(), thread.join(), thread.is_alive(), told(thread.start))
    print(thread.name, threading.active_count(), [one.name for one in threading.enumerate()], thread.join(0.01))
    late, never = threading.Timer(0.01, print, ("late",)), threading.Timer(1000, print, ("never",))
    never.cancel()
    never.start()
    late.start()
    for timer in (late, never):
        timer.join()
    leaves = threading.Thread(target=exit, args=(3,), daemon=True)
    leaves.start()
    leaves.join()
    print(leaves.daemon, told(threading.current_thread().join), threading.main_thread() is threading.current_thread())


def pools():
    with ThreadPoolExecutor(2, initializer=divmod, initargs=(1, 1)) as pool:
        futures = [pool.submit(divmod, 7, number) for number in (1, 2, 0)]
        print([told(future.result) for future in futures], list(pool.map(abs, (-1, 2))))
        print(sorted(repr(future.exception()) for future in as_completed(futures)))
        done, left = wait(futures, return_when=FIRST_COMPLETED)
        print(len(done), len(left), futures[0].done(), futures[0].cancel())
    print(told(pool.submit, abs, 1))


if __name__ == "__main__":
    for part in (locks, semaphores, signals, queues, threads, pools):
        part()
