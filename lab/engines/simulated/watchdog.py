"""A watchdog over a thread that may be caught in a body's endless loop, in which there is no operation."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable

from lab.engines.simulated.kernel import Stuck


class Watchdog:
    """Raises Stuck in the thread that told it to watch, if `pulse` does not change for so many seconds."""

    def __init__(self, pulse: Callable[[], object], after_s: float) -> None:
        self._pulse = pulse
        self._after_s = after_s
        self._watched = threading.get_ident()
        self._is_watching = False
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self) -> None:
        """From now on."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._live, name="lab watchdog", daemon=True)
            self._thread.start()
        self._watched = threading.get_ident()
        self._is_watching = True

    def rest(self) -> None:
        """Until it is told to watch again."""
        # With the lock, so that it raises nothing any more once this has returned.
        with self._lock:
            self._is_watching = False

    def close(self) -> None:
        """End the thread."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _live(self) -> None:
        # It looks four times before it bites, since a laptop may have slept between two looks.
        before, unchanged = self._pulse(), 0
        while not self._end.wait(self._after_s / 4):
            now = self._pulse()
            unchanged = unchanged + 1 if now == before and self._is_watching else 0
            before = now
            if unchanged >= 4:
                unchanged = 0
                with self._lock:
                    if self._is_watching and self._pulse() == before:
                        ctypes.pythonapi.PyThreadState_SetAsyncExc(
                            ctypes.c_ulong(self._watched), ctypes.py_object(Stuck)
                        )
