"""What a process finds that was not forked, and all that it can be passed; what can't be passed is refused."""

import atexit
import os
import random
import sys
from multiprocessing import current_process, get_context, get_start_method, parent_process
from multiprocessing.reduction import ForkingPickler
from multiprocessing.shared_memory import SharedMemory

random.seed(7)
changed = ["at the top"]
atexit.register(print, "the end of", __name__)


class Counted:
    """Its count grows when it is pickled."""

    def __init__(self):
        self.count = 0

    def __getstate__(self):
        return {"count": self.count + 1}


def find(counted, text):
    main = sys.modules["__main__"]
    print(__name__, __spec__, main is sys.modules["__mp_main__"], main.__file__ == __file__, os.getcwd() in __file__)
    print(changed, main.changed is changed, random.random(), counted.count, len(text), sys.argv[1:], os.environ["OWN"])
    print(current_process().name, current_process().daemon, parent_process().name, get_start_method())
    atexit.register(print, "the end of what it has done")


def use(locks, event, condition, barrier, queues, end, memory, block):
    (lock, rlock, semaphore), (queue, joinable, simple), (value, array, raw, numbers) = locks, queues, memory
    with lock, rlock, rlock, semaphore:
        print(semaphore.get_value(), parent_process().is_alive())
    with condition:
        condition.notify()
    event.wait()
    queue.put("x" * 100_000)
    print(joinable.get())
    joinable.task_done()
    simple.put("simple")
    end.send("there")
    print(end.recv())
    end.close()
    with value.get_lock():
        value.value += 1
    array[1], raw.value, numbers[0], block.buf[0] = 7, 9, 5.0, 65
    print(list(array), list(numbers))
    block.close()
    barrier.wait()
    sys.exit(3)


def pass_all(context):
    here, there = context.Pipe()
    block = SharedMemory(create=True, size=16)
    locks = context.Lock(), context.RLock(), context.Semaphore(3)
    event, condition, barrier = context.Event(), context.Condition(), context.Barrier(2)
    queue, joinable, simple = queues = context.Queue(), context.JoinableQueue(), context.SimpleQueue()
    memory = context.Value("i", 1), context.Array("i", 3), context.RawValue("i", 3), context.RawArray("d", [1.5, 2.5])
    things = (locks, event, condition, barrier, queues, there, memory, block)
    process = context.Process(target=use, args=things, name="user")
    with condition:
        process.start()
        there.close()
        condition.wait()
    event.set()
    joinable.put("joinable")
    print(len(queue.get()), simple.get(), here.recv())
    here.send("back")
    joinable.join()
    barrier.wait()
    process.join()
    try:
        here.recv()
    except EOFError:
        print("nobody is there")
    print(process.exitcode, memory[0].value, list(memory[1]), memory[2].value, list(memory[3]), block.buf[0])
    block.unlink()
    for thing in (*locks, condition, *queues, *memory):
        refused(ForkingPickler.dumps, thing)


def local():
    def inner():
        print("never")

    return inner


def refused(call, *arguments):
    try:
        call(*arguments)
    except Exception as error:
        print(type(error).__name__, error)
    else:
        raise AssertionError("it was not refused")


if __name__ == "__main__":
    own = get_context(sys.argv[1])
    changed.append("later")
    os.environ["OWN"] = "own"
    finder = own.Process(target=find, args=(Counted(), "x" * 100_000), daemon=True)
    finder.start()
    finder.join()
    pass_all(own)
    refused(own.Process(target=local()).start)
    for end in ("terminate", "kill"):
        process = own.Process(target=own.Event().wait)
        process.start()
        getattr(process, end)()
        process.join()
        print(process.exitcode)
