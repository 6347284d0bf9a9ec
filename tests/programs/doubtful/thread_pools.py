"""A pool of threads of multiprocessing, whose own threads are not run."""

from multiprocessing.pool import ThreadPool

if __name__ == "__main__":
    with ThreadPool(2) as pool:
        print(pool.map(abs, [-1, 1]))
