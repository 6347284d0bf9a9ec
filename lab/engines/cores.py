"""The cores that there are for this process: all of the machine's, or those that it was kept to."""

from __future__ import annotations

import os


def usable_cores() -> list[int]:
    """Their numbers, in order."""
    return sorted(os.sched_getaffinity(0))
