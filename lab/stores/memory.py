"""A record of whole numbers in shared memory: the fastest store, and the one whose races are the rarest."""

from __future__ import annotations

from lab import draws
from lab.store import BUSY, SHARED_INTEGERS, DirectStore, Place, Record, Steps, VersionedStore

# Where things stand in the shared integers. The first write, before any actor runs, writes the names of the keys.
_VERSION, _KEYS_ID, _KEYS_LENGTH, _KEYS, _VALUES, _END = 0, 1, 2, 8, 72, SHARED_INTEGERS


class Memory(DirectStore, VersionedStore):
    """A few 64-bit whole numbers by name. Each number is read or written whole; a record of several is not.

    `write` is a bare store, as a program would do it; only `write_if` excludes others, by a lock of the store's own.
    Its version (a sequence lock: odd while a commit is under way) therefore counts commits and not bare writes.
    """

    name = "memory"
    needs_lock = True
    is_in_integers = True

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._integers = place.integers
        self._keys_id = 0
        self._keys: tuple[str, ...] = ()

    def reset(self) -> None:
        """No commit is under way."""
        self._integers[_VERSION] = 0

    def read(self) -> Steps[Record]:
        """The record, number by number."""
        integers = self._integers
        record = {}
        for index, key in enumerate(self._known_keys(), _VALUES):
            yield "read"
            record[key] = integers[index]
        return record

    def read_directly(self) -> Record:
        """The record, number by number."""
        integers = self._integers
        keys = self._keys if integers[_KEYS_ID] == self._keys_id else self._known_keys()
        record, index = {}, _VALUES
        for key in keys:
            record[key] = integers[index]
            index += 1
        return record

    def write(self, record: Record) -> Steps[None]:
        """Overwrite the record, number by number."""
        integers = self._integers_for(record)
        for index, value in enumerate(record.values(), _VALUES):
            yield "write"
            integers[index] = value

    def write_directly(self, record: Record) -> None:
        """Overwrite the record, number by number."""
        integers = self._integers
        if integers[_KEYS_ID] != self._keys_id or tuple(record) != self._keys:
            self._integers_for(record)
        index = _VALUES
        for value in record.values():
            integers[index] = value
            index += 1

    def is_read_whole(self) -> bool:
        """One number is read by one step, two are not."""
        return len(self._known_keys()) == 1

    def read_versioned(self) -> Steps[tuple[int, Record]]:
        """The number of the last commit, and the record as that commit left it."""
        integers = self._integers
        while True:
            yield "read version"
            version = integers[_VERSION]
            if version % 2 == 0:
                record = yield from self.read()
                yield "read version"
                if integers[_VERSION] == version:
                    return version, record
            yield BUSY

    def write_if(self, version: int, record: Record) -> Steps[bool]:
        """Overwrite the record if nothing was committed since that version was read."""
        integers = self._integers
        yield "lock"
        while not self.place.lock.acquire(block=False):
            yield BUSY
        try:
            yield "compare version"
            if integers[_VERSION] != version:
                return False
            integers[_VERSION] = version + 1
            yield from self.write(record)
            integers[_VERSION] = version + 2
            return True
        finally:
            self.place.lock.release()

    def _integers_for(self, record: Record) -> memoryview:
        if tuple(record) != self._known_keys():
            self._declare(tuple(record))
        return self._integers

    def _known_keys(self) -> tuple[str, ...]:
        integers = self._integers
        if integers[_KEYS_ID] != self._keys_id:
            text = bytes(integers[_KEYS:_VALUES].cast("B")[: integers[_KEYS_LENGTH]]).decode()
            self._keys, self._keys_id = tuple(text.split("\n")), integers[_KEYS_ID]
        return self._keys

    def _declare(self, keys: tuple[str, ...]) -> None:
        text = "\n".join(keys).encode()
        room = (_VALUES - _KEYS) * 8
        if not 0 < len(keys) <= _END - _VALUES or len(text) > room:
            raise ValueError(
                f"store memory holds 1 to {_END - _VALUES} numbers with names of {room} bytes in all, found {len(keys)}"
            )
        integers = self._integers
        integers[_KEYS:_VALUES].cast("B")[: len(text)] = text
        integers[_KEYS_LENGTH] = len(text)
        integers[_KEYS_ID] = draws.key(*keys) >> 1
