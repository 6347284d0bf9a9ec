"""The environment of a run, as far as it can explain a number: machine, kernel, Python, packages, file system, load.

Its record stands in the folder of results or of an exploration.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from lab.engines import scratch
from lab.errors import UsageError
from lab.writing import write_atomically

_FILE = "environment.json"
_PACKAGES = ("race-lab", "numpy", "pandas", "pyarrow", "scipy", "matplotlib")


def environment(directory: str | None = None, start_method: str = "fork") -> dict[str, object]:
    """A record of plain values. `directory` is where stores keep their files (None: in memory)."""
    files = Path(directory) if directory else scratch.tmpfs()
    return {
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: _version(name) for name in _PACKAGES},
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "files": "in memory" if directory is None else "in the given folder",
        "file_system": file_system(files),
        "start_method": start_method,
        "load_before": round(os.getloadavg()[0], 2),
    }


def write_environment(folder: Path, record: Mapping[str, object]) -> None:
    """Write the record into a folder."""
    write_atomically(folder / _FILE, json.dumps(record, indent=2) + "\n")


def environment_of(folder: Path) -> dict[str, Any]:
    """The record in a folder; UsageError if it can't be read."""
    path = folder / _FILE
    wanted = "expected what `lab run`, `lab race` or `lab explore` wrote"
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"can't read {path}: {wanted}, found: {error}.") from error
    if not isinstance(found, dict):
        raise UsageError(f"can't read {path}: {wanted}, found no record.")
    return found


def file_system(folder: Path) -> str:
    """The type of the file system that holds a folder, such as tmpfs or ext4."""
    best, kind = "", "unknown"
    path = str(folder.resolve())
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, described = line.partition(" - ")
        point = mount.split()[4]
        # The last of equal mount points hides the ones before.
        if (path == point or path.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, described.split()[0]
    return kind


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
