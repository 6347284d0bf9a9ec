"""The memory that a crew shares for a trial: what its workers are told, and what each of them has measured.

A file on tmpfs that every process maps, so it is the same for fork, spawn and forkserver. Each number has one writer at
a time: a service writes into an actor's slot only while that actor waits for its answer. The eventfds that release and
gather the crew order the rest.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
from pathlib import Path
from typing import Any

from lab.store import SHARED_INTEGERS

# The header. TRIALS: how many a stride has; it counts in its first frame alone.
TRIAL_SEED, DEADLINE_NS, TRIALS = 0, 1, 2
NEVER = -1
"""A deadline that does not come: the last trial has raised, or has left behind what has to be restored."""
_HEADER = 8
# A slot.
END_NS, ASKED_NS, WAIT_NS, SECTIONS, STATUS, VALUE, EXTRA_BYTES, IS_SPILLED, IS_LATE = range(9)
SLOT = 9
# STATUS: how far the actor has come, and how it ended.
IDLE, ACTING, NONE, BOOL, INT, PICKLED, RAISED = range(7)

_EXTRA = 16384
"""Bytes an actor has for pickled values and notes; what does not fit goes to a file."""


class Slots:
    """The mapped memory of a trial of so many participants: actors first, then services."""

    def __init__(self, path: Path, participants: int) -> None:
        self.path = path
        integers = _HEADER + SLOT * participants + SHARED_INTEGERS
        self._extra_start = integers * 8
        size = self._extra_start + _EXTRA * participants
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, size)
            # Now, and not by a SIGBUS when it is written, should a full tmpfs be noticed.
            os.posix_fallocate(descriptor, 0, self._extra_start)
            self._bytes = mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)
        view = memoryview(self._bytes)[: self._extra_start].cast("q")
        self.header = view[:_HEADER]
        self._slots = view[_HEADER : _HEADER + SLOT * participants]
        self.store_integers = view[_HEADER + SLOT * participants :]
        self.statuses = self._slots[STATUS::SLOT]
        self._empty = memoryview(bytes(8 * SLOT * participants)).cast("q")

    def slot(self, participant: int) -> memoryview:
        """The numbers of one participant."""
        return self._slots[SLOT * participant : SLOT * (participant + 1)]

    def read(self, participants: int) -> list[int]:
        """The numbers of the first participants, one after another; `[STATUS::SLOT]` of them is all statuses."""
        return self._slots[: SLOT * participants].tolist()

    def add(self, participant: int, extra: Any) -> None:
        """Hand over a value that is no small number; any that can be pickled."""
        pickled = pickle.dumps(extra)
        slot = self.slot(participant)
        used = slot[EXTRA_BYTES]
        if used + len(pickled) > _EXTRA:
            with self._spill(participant).open("ab") as file:
                file.write(pickled)
            slot[IS_SPILLED] = 1
            return
        start = self._extra_start + _EXTRA * participant + used
        self._bytes[start : start + len(pickled)] = pickled
        slot[EXTRA_BYTES] = used + len(pickled)

    def extras(self, participant: int) -> list[Any]:
        """What was added since the last `clear`, in order; to be asked once."""
        slot = self.slot(participant)
        start = self._extra_start + _EXTRA * participant
        content = self._bytes[start : start + slot[EXTRA_BYTES]]
        if slot[IS_SPILLED]:
            content += self._spill(participant).read_bytes()
            self._spill(participant).unlink()
        file, found = io.BytesIO(content), []
        while file.tell() < len(content):
            found.append(pickle.load(file))
        return found

    def clear(self, participants: int) -> None:
        """Forget the last trial of the first participants."""
        self._slots[: SLOT * participants] = self._empty[: SLOT * participants]

    def _spill(self, participant: int) -> Path:
        return self.path.with_name(f"{self.path.name}-extra-{participant}")
