"""The files around a script's processes: what they could see without asking, as by an import, or by a C function."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from hashlib import blake2b
from marshal import dumps

_MOST_BYTES = 1 << 20


def surroundings(places: Sequence[str]) -> bytes | None:
    """A digest of all that is in these folders; None if that can't be read, or is more than a MiB."""
    digest, left, waiting = blake2b(digest_size=16), _MOST_BYTES, list(places)
    try:
        while waiting:
            with os.scandir(waiting.pop()) as entries:
                for entry in sorted(entries, key=lambda one: one.name):
                    status = entry.stat(follow_symlinks=False)
                    shape = (status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_size)
                    digest.update(dumps((entry.path, *shape)))
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.is_symlink():
                        digest.update(os.fsencode(os.readlink(entry.path)))  # noqa: PTH115
                    elif stat.S_ISREG(status.st_mode):
                        left -= status.st_size
                        if left < 0:
                            return None
                        with open(entry.path, "rb") as file:  # noqa: PTH123 - as fast as it goes
                            digest.update(file.read())
    except OSError:
        return None
    return digest.digest()
