"""What a pool and an executor can do, with an output that is the same in every run."""

import concurrent.futures
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import Pool

started = ""


def begin(word):
    global started
    started = word


def add(one, two=10):
    return one + two


def fail(number):
    if number == 2:
        raise KeyError(number)
    return f"{started} {number}"


def broken():
    yield 1
    raise LookupError("no more")


def told(call, *arguments):
    try:
        return call(*arguments)
    except Exception as error:
        return repr(error)[:60]


def pools():
    pool = Pool(2, begin, ("begun",))
    print(pool.apply(add, (1,)), pool.apply(add, (1,), {"two": 2}), pool.map(add, []))
    print(pool.map(add, range(9)), pool.map(add, range(5), chunksize=2), pool.starmap(add, [(1, 2), (3, 4)]))
    print(list(pool.imap(add, range(4))), list(pool.imap(add, range(5), 2)), sorted(pool.imap_unordered(add, range(4))))
    print(told(pool.map, fail, range(4)), told(list, pool.imap(fail, range(4))), pool.map(fail, [0, 1]))
    print(told(pool.apply, lambda: 1), told(list, pool.imap(add, broken())), told(pool.map, add, range(2), 0))
    print(told(pool.apply, print.__class__), told(pool.apply, broken))
    later, failed = pool.map_async(add, range(3)), pool.apply_async(fail, (2,))
    print(later.get(), later.ready(), later.successful(), told(failed.get), failed.successful())
    iterator = pool.imap(add, [5])
    print(iterator.next(), told(iterator.next) or "the end", told(pool.join))
    left = pool.apply_async(add, (7,))
    pool.close()
    print(told(pool.apply, add, (1,)))
    pool.join()
    print(left.get(), told(Pool, 0), told(Pool, 1, 5))
    with Pool(1) as pool:
        pool.map(add, [1])
    print(told(pool.map, add, [1]))


def executors():
    pool = ProcessPoolExecutor(2, initializer=begin, initargs=("begun",))
    futures = [pool.submit(fail, number) for number in range(4)]
    print([told(future.result) for future in futures], [future.done() for future in futures], futures[0].running())
    print(repr(futures[2].exception()), futures[0].exception(), futures[0].cancel(), futures[0].cancelled())
    print(list(pool.map(add, range(3))), list(pool.map(add, range(5), range(5), chunksize=2)))
    more = [pool.submit(add, number) for number in range(3)]
    print(sorted(future.result() for future in concurrent.futures.as_completed(more)))
    more = [pool.submit(add, number) for number in range(3)]
    done, left = concurrent.futures.wait(more)
    print(len(done), len(left), told(pool.submit(lambda: 1).result), told(list, pool.map(fail, [1, 2])))
    first = concurrent.futures.wait([pool.submit(add, 1)], return_when=concurrent.futures.FIRST_COMPLETED)
    print(len(first.done), len(first.not_done))
    last = pool.submit(add, 20)
    pool.shutdown(wait=False)
    print(told(pool.submit, add, 1), told(ProcessPoolExecutor, 0), last.result())


if __name__ == "__main__":
    time.sleep(0)
    pools()
    executors()
