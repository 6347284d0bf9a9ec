"""Everything `lab` can say no with: what was expected, what was found, how to mend it, and the exit code.

An exception outside this family is a defect in `lab`; an exception of a scenario's body is an outcome, not an error.
"""

from __future__ import annotations

from collections.abc import Iterable

SHOWN_BY_LIST = "`lab list` shows them with a line each."


class LabError(Exception):
    """A message for the user; `exit_code` is what the command line ends with."""

    exit_code = 2


class UsageError(LabError):
    """A wrong option, file, delay, scenario or experiment."""


class OutputError(LabError):
    """Results that can't be written: a full disk, a folder that is read-only or in use."""

    exit_code = 3


def unknown_name(what: str, found: str, known: Iterable[str], elsewhere: str = "Try one of them.") -> UsageError:
    """The error for a name that nothing has, with the nearest known one, or else where to look."""
    import difflib

    names = sorted(set(known))
    nearest = difflib.get_close_matches(found, names, n=1, cutoff=0.5)
    advice = f"Did you mean {nearest[0]!r}?" if nearest else elsewhere
    return UsageError(f"unknown {what} {found!r}: expected one of {', '.join(names)}. {advice}")
