"""A template: a participant that stands still at a checkpoint, and is copied whenever an execution goes on from there.

A copy has all of its memory, and goes on with the answer that the template has not had. It is forked beneath Python,
whose own fork would run what the script has registered for one, and seed its draws anew.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import stat
from collections.abc import Collection, Sequence
from functools import partial
from marshal import dumps, loads
from socket import AF_UNIX, SOCK_SEQPACKET, socket

from lab.engines.controlled.inside import processes
from lab.engines.controlled.inside.channel import MOST_BYTES, me, raw_exit
from lab.engines.controlled.inside.spawned import current

_SHARED = re.compile(rb"(\w+)-(\w+) .w.s \S+ \S+ (\d+)").match
"""Of a line that tells of memory which a copy has in common with its template: from where to where, and the inode."""

_MOST_KEPT = 1 << 20
"""Bytes of it that are put back for each copy."""

_fork = ctypes.PyDLL(None).fork

raw_dup2, raw_close, raw_fstat, raw_kill, raw_waitpid = os.dup2, os.close, os.fstat, os.kill, os.waitpid
raw_setpgid, raw_listdir, raw_getpid = os.setpgid, os.listdir, os.getpid
raw_open, raw_read, raw_pread, raw_pwrite, raw_getitimer = os.open, os.read, os.pread, os.pwrite, signal.getitimer


def stand(channel: socket) -> bytes:
    """Stand still, if copies have only in common what can be put back; in a copy, the answer that it goes on with.

    Orders are packets of a word and a number: `go on` as if nothing had been, `copy` in a group of processes (0: one of
    its own), `status` of the copy when it has ended, `end` it. Empty if nobody gives orders any more.
    """
    with me:
        memory = _memory(channel.fileno())
        channel.send(dumps(memory is not None))
        try:
            return _ordered(channel, memory or [])
        except OSError:
            raw_exit(70)  # nothing of this may come to the script


def _ordered(channel: socket, memory: Sequence[tuple[int, bytes]]) -> bytes:
    copy, status = 0, 0
    while packet := channel.recv(MOST_BYTES):
        order, group = loads(packet)
        if order == "go on":
            break
        if order == "copy":
            _put_back(memory)
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


def _memory(channel: int) -> list[tuple[int, bytes]] | None:
    """What this process shares with others, as it is: bytes by address. None if copies had more in common than that."""
    try:
        maps = _text("/proc/self/maps").splitlines()
        found = [match.groups() for match in map(_SHARED, maps) if match]
        places = [(int(start, 16), int(end, 16)) for start, end, _ in found]
        is_alone = _has_nothing_open(channel, {int(inode) for _, _, inode in found}) and _has_no_signals()
        if not is_alone or sum(end - start for start, end in places) > _MOST_KEPT:
            return None
        memory = raw_open("/proc/self/mem", os.O_RDONLY)
        kept = [(start, raw_pread(memory, end - start, start)) for start, end in places]
        raw_close(memory)
    except OSError:
        return None
    return kept


def _put_back(memory: Sequence[tuple[int, bytes]]) -> None:
    if memory:
        descriptor = raw_open("/proc/self/mem", os.O_WRONLY)
        for start, data in memory:
            raw_pwrite(descriptor, data, start)
        raw_close(descriptor)


def _has_no_signals() -> bool:
    """False if one is under way, or will be when a time is up, or ends are taken by the kernel."""
    timers = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
    return (
        not signal.sigpending()
        and not any(any(raw_getitimer(timer)) for timer in timers)
        and signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
    )


def _text(path: str) -> bytes:
    descriptor, parts = raw_open(path, os.O_RDONLY), []
    while part := raw_read(descriptor, 1 << 16):
        parts.append(part)
    raw_close(descriptor)
    return b"".join(parts)


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


def _has_nothing_open(channel: int, inodes: Collection[int]) -> bool:
    """False if a copy would move the position in a file that the template has as well; these are of mapped memory."""
    known = {channel, *current.line.numbers()}
    return all(number in known or _is_harmless(number, inodes) for number in map(int, raw_listdir("/proc/self/fd")))


def _is_harmless(number: int, inodes: Collection[int]) -> bool:
    try:
        status = raw_fstat(number)
    except OSError:
        return True  # by it descriptors were listed, and it is closed
    return status.st_ino in inodes or (number < 3 and stat.S_ISCHR(status.st_mode))


def install() -> None:
    """Let who is told to stand still do it."""
    me.stand = stand
