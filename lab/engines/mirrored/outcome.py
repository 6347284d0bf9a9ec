"""What a call came to, in the model or for real: a value, or what it raised."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler
from typing import Any, NamedTuple

from lab.guard import SectionRaised, described


class Outcome(NamedTuple):
    """A value, or else an error."""

    value: Any = None
    error: Exception | None = None

    def unwrap(self) -> Any:
        """The value; raises the error if there is one."""
        if self.error is not None:
            raise self.error
        return self.value

    def __str__(self) -> str:
        return repr(self.value) if self.error is None else described(self.error)


def outcome_of(call: Callable[[], Any]) -> Outcome:
    """What a call comes to."""
    try:
        return Outcome(call())
    except Exception as error:  # noqa: BLE001 - whatever it raises is its outcome
        return Outcome(None, error)


def agree(modelled: Outcome, real: Outcome) -> bool:
    """True if both came to the same: an error of one kind, or equal values. Values that say nothing of it are equal."""
    if modelled.error is not None or real.error is not None:
        return type(modelled.error) is type(real.error)
    if type(modelled.value) is not type(real.value):
        return False
    if outcome_of(lambda: bool(modelled.value == real.value)).value:
        return True
    # Without an __eq__ of their own two copies differ, whatever is in them.
    return bytes(ForkingPickler.dumps(modelled.value)) == bytes(ForkingPickler.dumps(real.value))


def portable(error: BaseException) -> Exception:
    """What was raised, as it can go to another process: as text if it can't be pickled, or ends more than a trial."""
    if isinstance(error, Exception):
        copy = outcome_of(lambda: ForkingPickler.loads(ForkingPickler.dumps(error)))
        if type(copy.value) is type(error):
            return error
    return SectionRaised(described(error))
