"""The warm parent, from the controller's side: it is started once, and forks an execution whenever it is told to."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from marshal import loads
from pathlib import Path

from lab.engines.scratch import make_root, tmpfs
from lab.errors import UsageError

_HOME = str(Path(__file__).parents[3])
"""Where the package lies."""

_START_S = 30.0


class WarmParent:
    """One for a session, with a folder of its own in memory that goes with it."""

    def __init__(
        self,
        script: str,
        arguments: list[str],
        address: str = "",
        *,
        orders_output: bool,
        is_free: bool = False,
        paths: Sequence[str] = (),
        preload: Sequence[str] = (),
        cores: Sequence[int] = (),
    ) -> None:
        self.root = str(make_root(tmpfs()))
        for name in ("tmp", "payloads", "diaries"):
            os.makedirs(f"{self.root}/{name}")  # noqa: PTH103
        self._config = {
            "root": self.root,
            "script": script,
            "home": _HOME,
            "environment": {name: os.environ[name] for name in ("PYTHONPATH", "PYTHONHASHSEED") if name in os.environ},
            "arguments": arguments,
            "address": address,
            "orders_output": orders_output,
            "is_free": is_free,
            "paths": list(paths),
            "preload": list(preload),
            "cores": list(cores),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket

    def start(self) -> None:
        """Start it; the folder must be there."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # -P: modules are not to be found where lab happens to be called.
        command = [sys.executable, "-P", "-m", "lab.engines.controlled.inside.warm", str(theirs.fileno()), self.root]
        path = os.pathsep.join(part for part in (_HOME, os.environ.get("PYTHONPATH", "")) if part)
        # One hash seed for all: the order of a set must not differ between executions, nor between searchers.
        environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": path}
        self._process = subprocess.Popen(
            command, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
        )
        theirs.close()
        self._control.send(json.dumps(self._config).encode())
        self._control.settimeout(_START_S)
        self._wait_for(b"ready")

    def run(self, *, keeps_history: bool) -> None:
        """Fork an execution."""
        self._send(b"history" if keeps_history else b"run")

    def run_free(self, *, is_serial: bool, timeout_s: float | None) -> tuple[float, float] | None:
        """Fork a run that nobody controls, and wait for its end; its wall and processor seconds, None if it is late."""
        self._control.settimeout(timeout_s)
        self._send(b"serial" if is_serial else b"run")
        try:
            packet = self._control.recv(64)
        except TimeoutError:
            self._control.settimeout(_START_S)
            self._send(b"end")
            self._control.recv(64)
            self._wait_for(b"ended")
            return None
        wall_s, used_s = loads(packet)
        return wall_s, used_s

    def end(self) -> None:
        """Kill what is left of it."""
        self._send(b"end")
        self._wait_for(b"ended")

    def go_on(self, group: int) -> None:
        """From a checkpoint of the execution, in this group of processes."""
        self._send(b"on %d" % group)

    def go_back(self) -> None:
        """Kill what is left of those who have gone on last."""
        self._send(b"back")
        self._wait_for(b"ended")

    def _send(self, word: bytes) -> None:
        try:
            self._control.send(word)
        except OSError:
            raise self._killed() from None

    def _wait_for(self, word: bytes) -> None:
        try:
            answer = self._control.recv(16)
        except ConnectionError:
            answer = b""
        if not answer:
            raise self._killed()
        if answer != word:
            raise RuntimeError(f"the warm parent said {answer!r} instead of {word!r}")

    def _killed(self) -> UsageError:
        return UsageError(
            f"{self._config['script']}: the process that forks its executions was killed, expected it to stay to the "
            "end. Is there memory for it? Try again, with fewer --jobs."
        )

    def close(self) -> None:
        """End it, and remove the folder."""
        if self._process is not None:
            self._control.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            self._process.kill()
            self._process.wait()
            self._process = None
        shutil.rmtree(self.root, ignore_errors=True)
