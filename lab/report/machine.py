"""The record of the machine, as the page shows it."""

from __future__ import annotations

import json
from pathlib import Path

from lab.environment import environment_of


def machine(folder: Path) -> list[tuple[str, str]]:
    """Names and values of the environment in which a folder was made; UsageError if its record can't be read."""
    found = []
    for name, value in environment_of(folder).items():
        if isinstance(value, dict):
            value = ", ".join(f"{package} {version}" for package, version in value.items() if version)
        found.append((name.replace("_", " "), value if isinstance(value, str) else json.dumps(value)))
    return found
