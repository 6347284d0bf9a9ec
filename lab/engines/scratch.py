"""The folders of a run, and what removes them, its processes and its semaphores whatever happens.

Of the real engine's run the coordinator removes all on its way out. If it is killed, the janitor does: this very file,
run as a script, which waits for the coordinator's death. If that is killed too, the next run sweeps what has no living
owner. Only the standard library is imported here, so that the janitor starts in milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
_PREFIX = "lab-"


def identity(pid: int) -> str:
    """`pid-start`: a process for good, since pids are used again. Empty if it has ended, as a zombie has."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
        try:
            fields = os.read(descriptor, 4096).rpartition(b")")[2].split()
        finally:
            os.close(descriptor)
    except OSError:
        return ""
    is_dead = fields[0] in (b"Z", b"X")
    return "" if is_dead else f"{pid}-{fields[19].decode()}"


def tmpfs() -> Path:
    """A folder in memory where there is one, else the folder for temporary files."""
    if SHARED_MEMORY.is_dir() and os.access(SHARED_MEMORY, os.W_OK | os.X_OK):
        return SHARED_MEMORY
    return Path(tempfile.gettempdir())


def make_root(parent: Path) -> Path:
    """A new folder for this process's run, named after its owner; what dead owners left in `parent` is swept first."""
    sweep_stale(parent)
    return Path(tempfile.mkdtemp(prefix=f"{_family()}{identity(os.getpid())}-", dir=parent))


def root_of(path: Path) -> Path:
    """The root that a path lies under, whose name all of its run's semaphores bear."""
    return next(folder for folder in (path, *path.parents) if folder.name.startswith(_family()))


def sweep_stale(parent: Path) -> None:
    """Sweep what dead owners left there."""
    for stale in parent.glob(f"{_family()}*"):
        if not _has_living_owner(stale.name):
            sweep_after_death(stale)


def _family() -> str:
    # Pids mean something only in their own namespace, and only one's own processes can be looked after.
    namespace = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    return f"{_PREFIX}{os.getuid()}-{namespace}-"


def _has_living_owner(name: str) -> bool:
    pid, _, rest = name.removeprefix(_family()).partition("-")
    return not pid.isdecimal() or identity(int(pid)) == f"{pid}-{rest.partition('-')[0]}"


def sweep(root: Path) -> None:
    """Kill the workers whose pids are noted under this folder, and remove it."""
    # Others may sweep the same at the same time: os.walk passes over a folder that is gone, which Path.glob does not.
    for folder, _, names in os.walk(root):
        for name in names if Path(folder).name == "pids" else ():
            with contextlib.suppress(OSError, ValueError):
                kill_group(Path(folder, name).read_text())
    shutil.rmtree(root, ignore_errors=True)


def sweep_after_death(root: Path) -> None:
    """Sweep what a dead owner left, its semaphores and shared memory too: a living one gives back its own."""
    sweep(root)
    for kind in ("sem", "psm"):
        for shared in SHARED_MEMORY.glob(f"{kind}.{root.name}-*"):
            shared.unlink(missing_ok=True)


def kill_group(noted: str) -> None:
    """Kill the process of this identity, if it still is that one, and all that it started."""
    pid = int(noted.partition("-")[0])
    if identity(pid) == noted:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


class Janitor:
    """A process that sweeps the roots when this one has died without doing so."""

    def __init__(self, roots: list[Path]) -> None:
        command = [sys.executable, "-E", "-S", __file__, str(os.getpid()), *map(str, roots)]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)

    def dismiss(self) -> None:
        """End it: the roots are gone."""
        self._process.kill()
        self._process.wait()


def _watch(owner: int, roots: list[Path]) -> None:
    with contextlib.suppress(ProcessLookupError):
        death = select.poll()
        death.register(os.pidfd_open(owner), select.POLLIN)
        death.poll()
    for root in roots:
        sweep_after_death(root)


if __name__ == "__main__":
    _watch(int(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])
