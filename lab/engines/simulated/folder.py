"""A folder in memory for a store's files, which behave as an operating system's: text is there once it is flushed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, Any

from lab.engines import scratch
from lab.store import SHARED_INTEGERS


class _File:
    """What a name stands for. Who has it open keeps it, whatever the name stands for later."""

    __slots__ = ("content",)

    def __init__(self) -> None:
        self.content = b""


class _Writer(io.StringIO):
    """A file that is open for writing: at its own place in it, or at the end (`is_appending`)."""

    def __init__(self, file: _File, is_appending: bool) -> None:
        super().__init__(newline="\n")
        self._file = file
        self._is_appending = is_appending
        self._place = 0

    def flush(self) -> None:
        """Let what was written so far be in the file."""
        written = self.getvalue().encode()
        if not written:
            return
        self.seek(0)
        self.truncate()
        file = self._file
        if self._is_appending:
            file.content += written
            return
        # Another who opened it may have emptied it meanwhile, or filled it beyond this place.
        end = self._place + len(written)
        file.content = file.content[: self._place].ljust(self._place, b"\0") + written + file.content[end:]
        self._place = end

    def close(self) -> None:
        """Flush, and close."""
        if not self.closed:
            self.flush()
        super().close()


class MemoryFolder:
    """A folder; a real one beside it, in memory too, is made for a store that asks for a path."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self._real: str = ""

    def clear(self) -> None:
        """Remove every file, but for those by a path."""
        self._files.clear()

    def close(self) -> None:
        """Remove every file."""
        self.clear()
        if self._real:
            scratch.sweep(Path(self._real))
            self._real = ""

    def open(self, name: str, mode: str = "r") -> IO[str]:
        """The built-in `open`, for `r`, `w` and `a`."""
        if mode == "r":
            return io.StringIO(self._found(name).content.decode(), newline=None)
        file = self._files.setdefault(name, _File())
        if mode == "w":
            file.content = b""
        elif mode != "a":
            raise ValueError(f"mode {mode!r}: expected 'r', 'w' or 'a'")
        return _Writer(file, mode == "a")

    def path(self, name: str) -> str:
        """The path of a file in the real folder."""
        if not self._real:
            # Named after this process: should it be killed, the next run sweeps it.
            self._real = str(scratch.make_root(scratch.tmpfs()))
        return f"{self._real}/{name}"

    def load(self, name: str) -> bytes:
        """A whole file."""
        return self._found(name).content

    def save(self, name: str, content: bytes) -> None:
        """Make this the whole file."""
        self._files.setdefault(name, _File()).content = content

    def replace(self, source: str, target: str) -> None:
        """`os.replace`."""
        self._files[target] = self._found(source)
        if source != target:
            del self._files[source]

    def claim(self, name: str) -> bool:
        """Create the file, or False if it exists."""
        if name in self._files:
            return False
        self._files[name] = _File()
        return True

    def remove(self, name: str) -> None:
        """Remove the file."""
        self._found(name)
        del self._files[name]

    def _found(self, name: str) -> _File:
        try:
            return self._files[name]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory", name) from None


class StoreLock:
    """A store's own lock: its store announces the tries, so nothing is announced here."""

    def __init__(self) -> None:
        self._is_held = False

    def acquire(self, block: bool = False) -> bool:
        """True once it is held, else False at once."""
        assert not block, "nothing in a store blocks"
        was_held, self._is_held = self._is_held, True
        return not was_held

    def release(self) -> None:
        """Let go."""
        self._is_held = False


class Ground:
    """What all places of one session share."""

    def __init__(self) -> None:
        self.folder = MemoryFolder()
        self.integers = memoryview(bytearray(8 * SHARED_INTEGERS)).cast("q")
        self.lock: Any = StoreLock()


class SimulatedPlace:
    """What one actor's store is built on."""

    def __init__(self, ground: Ground, name: str) -> None:
        self.folder = ground.folder
        self.integers = ground.integers
        self.lock = ground.lock
        self.name = name
