"""A task that ends its worker: a pool starts another worker, and nobody ever gets that result."""

import os
from multiprocessing import Pool

if __name__ == "__main__":
    with Pool(2) as pool:
        pool.apply_async(os._exit, (0,)).wait()
