"""How an execution of a script ended: final files, exit codes, and what each process printed.

The threads of a process print into one output; which of them a line is from, and so the order of its lines, nobody
tells.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from lab.engines.controlled.actor import Actor

_PLACE = b"/lab"
_MOST_SHOWN = 200


class State(NamedTuple):
    """What is left of an execution.

    Files that differ from the first ones (None: gone, or a new folder), exit codes and standard output of each process,
    and all output in the order in which it was written.
    """

    files: Mapping[str, bytes | None]
    codes: Mapping[str, int | None]
    printed: Mapping[str, bytes]
    output: bytes
    by_number: Mapping[int, bytes]
    """Standard output as it is compared, by the numbers of processes."""
    threaded: Collection[str]
    """The processes that had threads: in their output the order of lines is not compared."""

    @property
    def key(self) -> str:
        """The same for two that are the same, but for the order among different processes' output.

        Who has printed nothing, and ended well, might as well not have been: as a worker for whom no task was left.
        """
        codes = sorted((name, code) for name, code in self.codes.items() if code != 0)
        printed = sorted(
            (name, _in_any_order(data) if name in self.threaded else data)
            for name, data in self.printed.items()
            if data
        )
        parts = (sorted(self.files.items()), codes, printed)
        return blake2b(repr(parts).encode(), digest_size=6).hexdigest()

    def __str__(self) -> str:
        """In a few words: files first."""
        parts = [f"{name}: {_short(data)}" for name, data in sorted(self.files.items())]
        parts += [f"{name} exits with {code}" for name, code in self.codes.items() if code]
        parts += [f"{name} prints {_short(data)}" for name, data in self.printed.items() if data]
        text = "; ".join(parts) or "no file changed and nothing printed"
        return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"


Judge = Callable[[str, State], str]
"""A rule of the user's own: given the folder after the run and the state, what is wrong; empty if nothing is."""


def state_of(actors: Sequence[Actor], files: Mapping[str, bytes | None], output: Sequence[bytes]) -> State:
    """The state, from all actors, the changes of the folder, and all that was printed in its order."""
    names = unique_names(actors)
    processes = [actor for actor in actors if actor.thread_of is None]
    printed = {names[process.number]: printed_by(process) for process in processes}
    codes = {names[process.number]: process.code for process in processes}
    by_number = {process.number: compared(process) for process in processes}
    threaded = {names[process.number] for process in processes if process.has_threads}
    return State(files, codes, printed, b"".join(output), by_number, threaded)


def exception(actors: Sequence[Actor]) -> tuple[str, str] | None:
    """The first exception that nobody caught, as an outcome with its detail."""
    names = unique_names(actors)
    raised = [(names[actor.number], actor.raised) for actor in actors if actor.raised is not None]
    if not raised:
        return None
    name, error = raised[0]
    return f"raised {error.kind.rpartition('.')[2]}", f"{name}: {error}"


def failure(actors: Sequence[Actor]) -> tuple[str, str] | None:
    """How a run that has ended went wrong by itself, as an outcome with its detail; None if all went well."""
    if raised := exception(actors):
        return raised
    names = unique_names(actors)
    # Whom another process of the script has ended was meant to be.
    meant = {actor.number for actor in actors if actor.killed_by and actor.killed_by[0] != actor.number}
    processes = [actor for actor in actors if actor.thread_of is None]
    failed = [(names[one.number], one.code) for one in processes if one.code != 0 and one.number not in meant]
    if not failed:
        return None
    name, code = failed[0]
    how = "was killed" if code is None else f"was killed by signal {-code}" if code < 0 else f"exits with {code}"
    return ("killed" if code is None or code < 0 else f"exit code {code}"), f"{name} {how}"


def printed_by(process: Actor) -> bytes:
    """What it has printed up to now."""
    return b"".join(data for descriptor, data in process.output if descriptor == 1)


def compared(process: Actor) -> bytes:
    """The same, as it is compared with that of another execution."""
    return _in_any_order(printed_by(process)) if process.has_threads else printed_by(process)


def _in_any_order(lines: bytes) -> bytes:
    return b"".join(sorted(lines.splitlines(keepends=True)))


def placeless(state: State, root: str) -> State:
    """The same, with the folder of the session, which differs in every one, under a name that does not."""
    place = root.encode()

    def cleaned(data: bytes | None) -> bytes | None:
        return None if data is None else data.replace(place, _PLACE)

    files = {name: cleaned(data) for name, data in state.files.items()}
    printed = {name: data.replace(place, _PLACE) for name, data in state.printed.items()}
    return state._replace(files=files, printed=printed, output=state.output.replace(place, _PLACE))


def unique_names(actors: Sequence[Actor]) -> dict[int, str]:
    """The names of actors, with their numbers where two are called the same."""
    names = [actor.name for actor in actors]
    return {
        actor.number: actor.name if names.count(actor.name) == 1 else f"{actor.name} ({actor.number})"
        for actor in actors
    }


def _short(data: bytes | None) -> str:
    if data is None:
        return "(a new folder, or gone)"
    text = data[:80].decode("utf-8", "backslashreplace").strip().replace("\n", "⏎")
    return text if text else "(empty)"
