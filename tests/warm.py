"""Runs `lab` commands in processes of their own that are forked from one which has imported everything.

To import pandas and matplotlib anew takes longer than most commands do; that a fresh interpreter starts `lab`, and what it
imports, other tests show. The server is single-threaded, so that to fork it is safe.
"""

import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

IMPORTS = (
    *("lab.cli.main", "lab.cli.run", "lab.cli.explore", "lab.cli.race", "lab.cli.compare", "lab.results", "lab.verbs"),
    *("lab.plots.safety", "matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg"),
    *("pyarrow.parquet", "scipy.special"),
)


class Ended(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


class WarmLab:
    """A server of commands; `close` ends it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, __file__, str(theirs.fileno())]
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
            self._server = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment)
        self._socket = ours
        self._answers = ours.makefile()

    def start(self, arguments: list[str], folder: Path, out: int, err: int) -> int:
        """Begin a command in a session of its own; returns its pid."""
        socket.send_fds(self._socket, ["\0".join([str(folder), *arguments]).encode()], [out, err])
        return int(self._answers.readline())

    def wait(self) -> int:
        """The exit code of the command that was started last, negative if it was killed."""
        self._socket.send(b"wait")
        return int(self._answers.readline())

    def run(self, arguments: list[str], folder: Path) -> Ended:
        """Run a command to its end."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            self.start(arguments, folder, out.fileno(), err.fileno())
            code = self.wait()
            out.seek(0)
            err.seek(0)
            return Ended(code, out.read(), err.read())

    def close(self) -> None:
        self._answers.close()
        self._socket.close()
        self._server.wait()


def serve(requests: socket.socket) -> None:
    pid = 0
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, 65536, 2)
        if not message:
            return
        if message == b"wait":
            requests.send(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            continue
        folder, *arguments = message.decode().split("\0")
        pid = os.fork()
        if not pid:
            requests.close()
            command(folder, arguments, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        requests.send(b"%d\n" % pid)


def command(folder: str, arguments: list[str], out: int, err: int) -> None:
    os.setsid()
    os.chdir(folder)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, 256)
    sys.path[0] = folder
    sys.argv = ["lab", *arguments]
    runpy.run_module("lab", run_name="__main__", alter_sys=True)
    sys.exit()


if __name__ == "__main__":
    for name in IMPORTS:
        __import__(name)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    serve(socket.socket(fileno=int(sys.argv[1])))
