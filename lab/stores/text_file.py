"""A text file that actors append lines to: a log, or the screen of a program that prints."""

from __future__ import annotations

from lab.store import LineStore, Record, Steps

FILE = "lines.txt"


class TextFile(LineStore):
    """Lines in the order in which they were appended. A record of it is `{"lines": [...]}`."""

    name = "text_file"

    def append(self, line: str) -> Steps[None]:
        """Add a line by one write to a file opened for appending: lines never mix within themselves."""
        yield "append"
        with self.place.folder.open(FILE, "a") as file:
            file.write(f"{line}\n")

    def read(self) -> Steps[Record]:
        """All lines."""
        yield "read"
        with self.place.folder.open(FILE) as file:
            return {"lines": file.read().splitlines()}

    def write(self, record: Record) -> Steps[None]:
        """Replace all lines."""
        yield "truncate"
        with self.place.folder.open(FILE, "w") as file:
            yield "write"
            file.writelines(f"{line}\n" for line in record["lines"])
