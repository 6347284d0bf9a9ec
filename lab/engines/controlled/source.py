"""What the folder of an execution begins with: copies of the script, and of what it needs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lab.errors import UsageError

MOST_BYTES = 64 << 20
MOST_FILES = 2000

_SKIPPED = {
    "__pycache__",
    ".git",
    ".hg",
    ".svn",
    ".venv",
    "venv",
    "node_modules",
    ".mypy_cache",
    ".ruff_cache",
    "results",
}

Source = Mapping[str, bytes | None]
"""What the copy begins with: bytes by path, None for a folder."""


def source_of(script: Path, files: Sequence[Path]) -> Source:
    """The script with the other files of its folder, or with those that are given; UsageError if that is too much."""
    return copied(script.parent, [script, *files] if files else [script.parent])


def copied(home: Path, paths: Sequence[Path]) -> Source:
    """These files, and what is in these folders, by their paths from `home`; UsageError if that is too much."""
    found: dict[str, bytes | None] = {}
    total = 0
    for path in paths:
        inner = _walked(path) if path.is_dir() else [path]
        for one in inner:
            name = str(one.relative_to(home)) if one.is_relative_to(home) else one.name
            total += one.stat().st_size
            if total > MOST_BYTES or len(found) > MOST_FILES:
                raise UsageError(
                    f"{home}: expected a folder of at most {MOST_FILES} files and {MOST_BYTES >> 20} MB, since each "
                    "execution gets a copy, found more. Name the files that the script needs: --files data.json."
                )
            found[name] = one.read_bytes()
            for parent in Path(name).parents:
                if str(parent) != ".":
                    found.setdefault(str(parent), None)
    return dict(sorted(found.items()))


def _walked(home: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(home):
        folders[:] = sorted(set(folders) - _SKIPPED)
        for name in sorted(names):
            path = Path(where, name)
            if path.is_file():
                yield path
