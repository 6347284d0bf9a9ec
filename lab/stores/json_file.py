"""Records in a JSON file: rewritten in place, as beginners do, or replaced whole."""

from __future__ import annotations

import json

from lab.store import BUSY, DirectStore, Record, Steps, TornRead, VersionedStore

FILE = "state.json"


class JsonFile(DirectStore):
    """A JSON file that is read with `json.load` and rewritten in place with `open(…, "w")` and `json.dump`.

    Opening for writing empties the file, so it is empty from then until the new text is flushed:

        writer    open(…, "w")                      json.dump, close
        reader                   open, json.load                       JSONDecodeError: a torn read
    """

    name = "json_file"

    def read(self) -> Steps[Record]:
        """The record; TornRead if the file is half written."""
        yield "read"
        return self.read_directly()

    def read_directly(self) -> Record:
        """The record; TornRead if the file is half written."""
        with self.place.folder.open(FILE) as file:
            return _parsed(file.read())

    def write(self, record: Record) -> Steps[None]:
        """Rewrite the file in place: two steps, between which it is empty."""
        yield "truncate"
        with self.place.folder.open(FILE, "w") as file:
            yield "write"
            json.dump(record, file)

    def write_directly(self, record: Record) -> None:
        """Rewrite the file in place; it is as empty in between."""
        with self.place.folder.open(FILE, "w") as file:
            json.dump(record, file)

    def is_read_whole(self) -> bool:
        """One step."""
        return True

    def fill(self, record: Record) -> None:
        """The bytes that `write` leaves."""
        self.place.folder.save(FILE, json.dumps(record).encode())

    def final(self) -> Record:
        """The record; TornRead if the last writer left half of it."""
        return _parsed(self.place.folder.load(FILE).decode())


class AtomicJsonFile(VersionedStore):
    """A JSON file that is written beside its place and moved there with `os.replace`: no reader sees half a file.

    The file holds a token with the record. A write_if claims its token by creating a file named after it, which one
    process alone can do; it then makes sure that the token still stands. Who finds it claimed waits until it is let go:
    to report the lost race at once would have the guard read the same version, and lose again, for as long as the
    claimer is not scheduled.
    """

    name = "atomic_json_file"
    _writes = 0

    def read(self) -> Steps[Record]:
        """The record."""
        return (yield from self.read_versioned())[1]

    def write(self, record: Record) -> Steps[None]:
        """Replace the file."""
        yield "replace"
        self._replace(record)

    def read_versioned(self) -> Steps[tuple[str, Record]]:
        """The token that the last writer left, and the record."""
        yield "read"
        with self.place.folder.open(FILE) as file:
            document = _parsed(file.read())
        return document["token"], document["record"]

    def write_if(self, version: str, record: Record) -> Steps[bool]:
        """Replace the file if its token is still this one."""
        claim = f"claim-{version}"
        yield "claim"
        while not self.place.folder.claim(claim):
            yield BUSY
        try:
            is_current = (yield from self.read_versioned())[0] == version
            if is_current:
                yield from self.write(record)
            yield "release"
        finally:
            self.place.folder.remove(claim)
        return is_current

    def is_read_whole(self) -> bool:
        """One step."""
        return True

    def fill(self, record: Record) -> None:
        """The bytes that `write` leaves; nobody reads meanwhile."""
        self.place.folder.save(FILE, json.dumps({"token": self._new_token(), "record": record}).encode())

    def final(self) -> Record:
        """The record."""
        return _parsed(self.place.folder.load(FILE).decode())["record"]  # type: ignore[no-any-return]

    def _replace(self, record: Record) -> None:
        token = self._new_token()
        temporary = f"{FILE}.{token}"
        with self.place.folder.open(temporary, "w") as file:
            json.dump({"token": token, "record": record}, file)
        self.place.folder.replace(temporary, FILE)

    def _new_token(self) -> str:
        self._writes += 1
        return f"{self.place.name}-{self._writes}"


def _parsed(text: str) -> Record:
    try:
        return json.loads(text)  # type: ignore[no-any-return]
    except json.JSONDecodeError as error:
        raise TornRead(f"the file held {text!r}") from error
