"""Nothing keeps a process that is spawned, and imports this file, from starting another."""

from multiprocessing import get_context

process = get_context("spawn").Process(target=print)
process.start()
process.join()
