"""Shared memory by name in a script under control: a view behaves as a memoryview does, and nothing is left behind."""

import textwrap
from pathlib import Path

import pytest
from conftest import thorough

from lab.engines.controlled.session import ControlledSession
from lab.schedulers.serial import Serial
from lab.script import Script

SHM = Path("/dev/shm")


def run(tmp_path, text):
    """What a script printed in one execution, and why it can't be certified."""
    path = tmp_path / "own.py"
    path.write_text(textwrap.dedent(text))
    session = ControlledSession(Script(str(path), files=[str(path)]).program())
    scheduler = Serial(1)
    try:
        assert scheduler.begin()
        execution = session.execute(scheduler)
        assert execution.trial.outcome.startswith("ended "), execution.trial.detail
        return session.printed_by(0).decode(), execution.doubt
    finally:
        session.close()


SAME = """
    [memory[0], memory[-1], list(memory), bytes(memory), memory.tobytes(), memory.tolist(), memory.hex(), len(memory)]
    [memory[20], memory['a'], memory[1.5], memory[...]]
    memory[20]
    memory['a']
    memory[...]
    bytes(memory[2:5])
    bytes(memory[::2])
    bytes(memory[::-1][:3])
    len(memory[3:3])
    memory[2:4] == b'cd'
    b'cd' == memory[2:4]
    memory[2:4] != b'cd'
    memory[2:4] == memory[2:4]
    memory == 'text'
    int.from_bytes(memory[:4], 'little')
    b''.join([bytes(memory[:2]), b'x'])
    ord('c') in memory
    list(reversed(memory))
    max(memory)
    set(memory, 1, 5) or bytes(memory)
    set(memory, slice(0, 3), b'xyz') or bytes(memory)
    set(memory, slice(0, 6, 2), b'XYZ') or bytes(memory)
    set(memory, slice(0, 3), b'toolong')
    set(memory, slice(0, 3), memory[3:6]) or bytes(memory)
    set(memory, slice(0, 3), bytearray(b'123')) or bytes(memory)
    set(memory, 0, 300)
    set(memory, 0, 'a')
    set(memory, 99, 1)
    set(memory, slice(0, 1), 'a')
    set(memory.toreadonly(), 0, 1)
    memory.cast('i').tolist()
    set(memory.cast('i'), 1, 77) or memory.cast('i')[1:].tolist()
    bytes(memory[4:].cast('h')[1:3])
    memory[::2].cast('i')
    memory.cast('x')
    struct.unpack('<i', memory[:4])
    struct.unpack_from('<hh', memory, 4)
    struct.unpack_from('<h', memory, -2)
    struct.unpack_from('<i', memory, 14)
    struct.pack_into('<i', memory, 8, -1) or bytes(memory)
    struct.pack_into('<i', memory, 8, 'a')
    struct.pack_into('<i', memory[4:], 0, 5) or bytes(memory)
    memory.format, memory.itemsize, memory.nbytes, memory.ndim, memory.shape, memory.strides, memory.readonly
    isinstance(memory, memoryview)
    pickle.dumps(memory)
    hash(memory)
    hash(memory.toreadonly()) == hash(bytes(memory))
    memory.nothing
    memory[:4].release()
"""


def test_a_view_behaves_as_a_memoryview_does(tmp_path):
    text = """
        import pickle, struct
        from multiprocessing.shared_memory import SharedMemory

        def set(memory, key, value):
            memory[key] = value

        def told(expression, memory):
            memory[:] = b"abcdefghijklmnop"
            try:
                return repr(eval(expression, {**globals(), "memory": memory}))
            except Exception as error:
                return f"{type(error).__name__}: {error}"

        block = SharedMemory(create=True, size=16)
        other = SharedMemory(create=True, size=16)
        plain = other._buf
        for expression in EXPRESSIONS:
            seen, real = told(expression, block.buf), told(expression, plain)
            if seen != real:
                print(f"{expression}: {seen} instead of {real}")
        print("all compared")
    """
    expressions = [line.strip() for line in SAME.strip().splitlines()]

    printed, _ = run(tmp_path, text.replace("EXPRESSIONS", repr(expressions)))
    assert printed == "all compared\n"


@pytest.mark.parametrize(
    "taken",
    [
        "bytearray(memory)[0]",
        "block._mmap[0]",
        "np.ndarray(16, 'int8', buffer=memory)[0]",
        *thorough(
            "memoryview(memory)[0]",
            "struct.Struct('b').unpack_from(memory)[0]",
            "memory.obj[0]",
            "block._buf[0]",
            "os.pread(block._fd, 1, 0)[0]",
            "memory.cast('b', (2, 8))[0, 0]",
            "np.frombuffer(memory, 'int8')[0]",
        ),
    ],
)
def test_code_that_takes_the_memory_itself_gets_it_and_is_not_certified(taken, tmp_path):
    text = f"""
        import os, struct
        import numpy as np
        from multiprocessing.shared_memory import SharedMemory

        block = SharedMemory(create=True, size=16)
        memory = block.buf
        memory[0] = 7
        print({taken})
    """
    printed, doubt = run(tmp_path, text)

    assert printed == "7\n"
    assert "shared memory, whose bytes are taken past the wrappers, at own.py:9" in doubt


def test_a_file_in_shared_memory_is_no_way_round(tmp_path):
    text = """
        import os
        name = f"/dev/shm/lab-test-{os.getpid()}"
        with open(name, "w") as file:
            file.write("x")
        os.unlink(name)
    """
    assert "lies outside the script's folder" in run(tmp_path, text)[1]


def test_blocks_are_of_one_execution_alone_and_go_with_it(tmp_path):
    text = """
        from pathlib import Path
        from multiprocessing.shared_memory import SharedMemory

        block = SharedMemory("left by nobody", create=True, size=8)
        print(block.name, SharedMemory(create=True, size=8).name)
        print([path.name == block.name for path in Path("/dev/shm").glob("*left by nobody")])
    """
    assert run(tmp_path, text) == ("left by nobody psm_00000001\n[False]\n", "")
    assert not list(SHM.glob("*left by nobody"))


def test_no_resource_tracker_is_started(tmp_path):
    text = """
        from multiprocessing import resource_tracker
        from multiprocessing.shared_memory import ShareableList

        ShareableList([1]).shm.unlink()
        print(resource_tracker._resource_tracker._pid)
    """
    assert run(tmp_path, text) == ("None\n", "")
