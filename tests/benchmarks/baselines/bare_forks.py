"""A script as it stands, forked again and again on each core from a process that has its imports, controlled by nobody.

No engine that gives each execution processes of its own can be faster. Prints seconds an execution.

python bare_forks.py SCRIPT EXECUTIONS
"""

import gc
import importlib
import os
import sys
import tempfile
import time
from pathlib import Path

IMPORTS = ("json", "sqlite3", "multiprocessing.connection", "multiprocessing.popen_fork", "multiprocessing.synchronize")


def repeat(code, core, executions):
    """In a process for this core, with a folder of its own."""
    os.sched_setaffinity(0, {core})
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        os.chdir(folder)
        gc.freeze()
        for _ in range(executions):
            execution = os.fork()
            if not execution:
                exec(code, {"__name__": "__main__"})
                os._exit(0)
            _, status = os.waitpid(execution, 0)
            assert status == 0
            for path in Path(folder).iterdir():
                path.unlink()


if __name__ == "__main__":
    for name in IMPORTS:
        importlib.import_module(name)
    cores = sorted(os.sched_getaffinity(0))[:2]
    each = int(sys.argv[2]) // len(cores)
    code = compile(Path(sys.argv[1]).read_text(), sys.argv[1], "exec")
    start, parents = time.perf_counter(), []
    for core in cores:
        parents.append(os.fork())
        if not parents[-1]:
            repeat(code, core, each)
            os._exit(0)
    for parent in parents:
        _, status = os.waitpid(parent, 0)
        assert status == 0
    print((time.perf_counter() - start) / (each * len(cores)))
