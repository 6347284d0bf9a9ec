"""A template: a participant that stands still at a checkpoint, and is copied whenever an execution goes on from there.

A copy has all of its memory, and goes on with the answer that the template has not had. It is forked beneath Python,
whose own fork would run what the script has registered for one, and seed its draws anew.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
from collections.abc import Collection
from functools import partial
from marshal import dumps, loads
from socket import AF_UNIX, SOCK_SEQPACKET, socket

from lab.engines.controlled.inside import processes
from lab.engines.controlled.inside.channel import MOST_BYTES, me
from lab.engines.controlled.inside.spawned import current

_SHARED = re.compile(rb"(\w+)-(\w+) .w.s \S+ \S+ (\d+)").match
"""Of a line that tells of memory which a copy has in common with its template: from where to where, and the inode."""

_MOST_KEPT = 1 << 20
"""Bytes of it that are put back for each copy."""

_fork = ctypes.PyDLL(None).fork

raw_dup2, raw_close, raw_fstat, raw_kill, raw_waitpid = os.dup2, os.close, os.fstat, os.kill, os.waitpid
raw_setpgid, raw_listdir, raw_getpid = os.setpgid, os.listdir, os.getpid
raw_open, raw_pread, raw_pwrite = os.open, os.pread, os.pwrite


def stand(channel: socket) -> bytes:
    """Stand still, if copies would share nothing but what can be put back; in a copy, the answer that it goes on with.

    Orders are packets of a word and a number: `go on` as if nothing had been, `copy` in a group of processes (0: one of
    its own), `status` of the copy when it has ended, `end` it. Empty if nobody gives orders any more.
    """
    with me:
        memory = _Memory()
        channel.send(dumps(memory.is_small and _has_nothing_open(channel, memory.inodes)))
        copy, status = 0, 0
        while packet := channel.recv(MOST_BYTES):
            order, group = loads(packet)
            if order == "go on":
                break
            if order == "copy":
                memory.put_back()
                copy = _fork()
                if not copy:
                    _go_on(channel, group)
                    break
                continue
            if copy:
                if order == "end":
                    raw_kill(copy, signal.SIGKILL)
                status, copy = raw_waitpid(copy, 0)[1], 0
            channel.send(dumps(status))
        return channel.recv(MOST_BYTES)


class _Memory:
    """What this process shares with others, as it was."""

    def __init__(self) -> None:
        with open("/proc/self/maps", "rb") as maps:  # noqa: PTH123
            found = [match.groups() for match in map(_SHARED, maps) if match]
        places = [(int(start, 16), int(end, 16)) for start, end, _ in found]
        self.inodes = {int(inode) for _, _, inode in found}
        self.is_small = sum(end - start for start, end in places) <= _MOST_KEPT
        self._kept: list[tuple[int, bytes]] = []
        if places and self.is_small:
            memory = raw_open("/proc/self/mem", os.O_RDONLY)
            self._kept = [(start, raw_pread(memory, end - start, start)) for start, end in places]
            raw_close(memory)

    def put_back(self) -> None:
        """Make it so again."""
        if self._kept:
            memory = raw_open("/proc/self/mem", os.O_WRONLY)
            for start, data in self._kept:
                raw_pwrite(memory, data, start)
            raw_close(memory)


def _go_on(channel: socket, group: int) -> None:
    """In a copy: with a channel of its own."""
    raw_setpgid(0, group)
    own = socket(AF_UNIX, SOCK_SEQPACKET)
    own.connect(me.address)
    own.send(dumps((me.number, raw_getpid())))
    # Under the old number, which a script may see in those that it opens next.
    raw_dup2(own.fileno(), channel.fileno())
    own.close()
    # They are copies as well, whose parents are their templates.
    for number in processes.children:
        processes.children[number] = partial(me.inquire, "status", number)


def _has_nothing_open(channel: socket, inodes: Collection[int]) -> bool:
    """False if a copy would move the position in a file that the template has as well; these are of mapped memory."""
    known = {0, 1, 2, channel.fileno(), *current.line.numbers()}
    return all(
        number in known or _inode(number) in (None, *inodes) for number in map(int, raw_listdir("/proc/self/fd"))
    )


def _inode(number: int) -> int | None:
    """Of the one by which descriptors were listed there is none: it is closed by now."""
    try:
        return raw_fstat(number).st_ino
    except OSError:
        return None


def install() -> None:
    """Let who is told to stand still do it."""
    me.stand = stand
