"""Delays: how long an actor sleeps, as a constant or a distribution, with a text form that has units.

Knows nothing of clocks: a delay turns a number drawn from [0, 1) into seconds by its quantile function, so that one
draw is one number whatever the distribution.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation

from lab.errors import UsageError

UNITS = {"ns": -9, "us": -6, "µs": -6, "ms": -3, "s": 0}
FORMS = "0, 1ms, uniform(0,1s), exp(2ms), normal(5ms,1ms), randint(1,5)s"
LONGEST_QUANTILE = 0.9999

_CALL = re.compile(r"(?P<kind>[a-z]+)\((?P<arguments>[^()]*)\)\s*\*?\s*(?P<unit>[^()]*)")


@dataclass(frozen=True, slots=True)
class Delay:
    """A distribution of seconds; equal by value, whatever the name of the field that holds it.

    `low` and `high` are in seconds, and mean: the constant and itself, the ends of `uniform`, the mean of `exp` and
    itself, the mean and standard deviation of `normal`, and for `randint` the ends as whole multiples of `unit`.
    """

    kind: str
    low: float
    high: float
    unit: float = 1.0
    # The field of the scenario that holds it: the name under which it is drawn.
    name: str = field(default="", compare=False)
    # True if every draw is 0: such a delay is no operation at all. Actors ask at each of their delays, in each trial.
    is_zero: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_zero", self.kind == "constant" and self.low == 0)

    def quantile(self, probability: float) -> float:
        """Seconds that a draw stays under with this probability, in [0, 1)."""
        if self.kind == "uniform":
            return self.low + (self.high - self.low) * probability
        return _QUANTILES[self.kind](self, probability)

    @property
    def mean(self) -> float:
        """Mean in seconds (of `normal`, before it is cut at 0)."""
        if self.kind == "uniform":
            return (self.low + self.high) / 2
        if self.kind == "randint":
            return (self.low + self.high) / 2 * self.unit
        return self.low

    @property
    def longest(self) -> float:
        """Seconds that no draw exceeds, or of an unbounded distribution 1 draw in 10,000."""
        if self.kind == "randint":
            return self.high * self.unit
        return self.high if self.kind == "uniform" else self.quantile(LONGEST_QUANTILE)

    def __truediv__(self, divisor: float) -> Delay:
        """The same distribution, `divisor` times as fast."""
        if self.kind == "randint":
            return replace(self, unit=_exact_quotient(self.unit, divisor))
        return replace(self, low=_exact_quotient(self.low, divisor), high=_exact_quotient(self.high, divisor))

    def __str__(self) -> str:
        """Text that `parse` turns back into an equal delay."""
        match self.kind:
            case "constant":
                return _seconds_text(self.low)
            case "exp":
                return f"exp({_seconds_text(self.low)})"
            case "randint":
                unit = "s" if self.unit == 1 else f"*{_seconds_text(self.unit)}"
                return f"randint({self.low:.0f},{self.high:.0f}){unit}"
            case _:
                return f"{self.kind}({_seconds_text(self.low)},{_seconds_text(self.high)})"


def constant(seconds: float) -> Delay:
    """Always the same number of seconds, at least 0."""
    return _checked(Delay("constant", seconds, seconds), f"constant({seconds})")


def uniform(low: float, high: float) -> Delay:
    """Any number of seconds from `low` to `high`, all alike."""
    return _checked(Delay("uniform", low, high), f"uniform({low},{high})")


def exp(mean: float) -> Delay:
    """Exponentially distributed seconds: what is left to wait does not depend on how long one has waited."""
    return _checked(Delay("exp", mean, mean), f"exp({mean})")


def normal(mean: float, deviation: float) -> Delay:
    """Normally distributed seconds, cut at 0: what would be negative is 0."""
    return _checked(Delay("normal", mean, deviation), f"normal({mean},{deviation})")


def randint(low: int, high: int, unit: float = 1.0) -> Delay:
    """A whole number of `unit` seconds from `low` to `high`, both possible, as `random.randint` draws it."""
    return _checked(Delay("randint", low, high, unit), f"randint({low},{high})*{unit}")


zero = Delay("constant", 0.0, 0.0)
"""No delay: no operation at all."""


def parse(text: str) -> Delay:
    """The delay that a text such as `uniform(0,1ms)` means; UsageError if it means none."""
    try:
        return _parsed(text)
    except (ArithmeticError, ValueError):  # numbers of astronomical size
        raise _no_sense(text) from None


def _parsed(text: str) -> Delay:
    compact = text.strip()
    call = _CALL.fullmatch(compact)
    if call is None:
        seconds = _seconds(compact, text)
        return _checked(Delay("constant", seconds, seconds), text)
    arguments = [argument.strip() for argument in call["arguments"].split(",")]
    kind = call["kind"]
    if kind not in _ARITY or len(arguments) != _ARITY[kind] or bool(call["unit"]) != (kind == "randint"):
        raise _no_sense(text)
    if kind == "randint":
        unit = f"1{call['unit']}" if call["unit"] in UNITS else call["unit"]
        low, high = (_whole(argument, text) for argument in arguments)
        return _checked(Delay(kind, low, high, _seconds(unit, text)), text)
    numbers = [_seconds(argument, text) for argument in arguments]
    return _checked(Delay(kind, numbers[0], numbers[-1]), text)


_ARITY = {"uniform": 2, "exp": 1, "normal": 2, "randint": 2}


def _normal_quantile(delay: Delay, probability: float) -> float:
    from statistics import NormalDist

    # inv_cdf is defined inside (0, 1) only, and a deviation of 0 is a constant.
    if delay.high == 0:
        return delay.low
    return max(0.0, NormalDist(delay.low, delay.high).inv_cdf(max(probability, 1e-16)))


_QUANTILES: dict[str, Callable[[Delay, float], float]] = {
    "constant": lambda delay, _: delay.low,
    "exp": lambda delay, p: -delay.low * math.log1p(-p),
    "normal": _normal_quantile,
    "randint": lambda delay, p: (delay.low + math.floor(p * (delay.high - delay.low + 1))) * delay.unit,
}


def _checked(delay: Delay, text: str) -> Delay:
    numbers = (delay.low, delay.high, delay.unit)
    if not all(math.isfinite(number) and number >= 0 for number in numbers) or delay.unit == 0:
        raise _no_sense(text)
    if delay.kind in ("uniform", "randint") and delay.low > delay.high:
        raise UsageError(f"delay {text!r}: expected the lower end first. Try {delay.kind} with the two ends exchanged.")
    return delay


def _seconds(text: str, whole: str) -> float:
    """Seconds meant by a number with a unit; 0 needs none. Decimal, so that `0.3ms` is exactly 0.0003."""
    number, unit = _split(text)
    try:
        value = Decimal(number)
    except InvalidOperation:
        raise _no_sense(whole) from None
    if not value.is_finite():
        raise _no_sense(whole)
    if unit == "" and value != 0:
        raise UsageError(f"delay {whole!r}: {text!r} has no unit. Try {text}ms or {text}s.")
    if unit and unit not in UNITS:
        raise UsageError(f"delay {whole!r}: unknown unit {unit!r}, expected one of {', '.join(UNITS)}. Try {number}ms.")
    return float(value.scaleb(UNITS.get(unit, 0)))


def _split(text: str) -> tuple[str, str]:
    match = re.fullmatch(r"([-+0-9.]+(?:e[-+]?\d+)?)\s*(\D*)", text)
    return (match[1], match[2].strip()) if match else (text, "")


def _whole(text: str, whole: str) -> int:
    if not text.isdecimal():
        raise UsageError(f"delay {whole!r}: expected whole numbers in randint, found {text!r}. Try randint(1,5)ms.")
    return int(text)


def _seconds_text(seconds: float) -> str:
    """The shortest exact text, in the largest unit that gives at least 1."""
    if seconds == 0:
        return "0"
    exact = Decimal(repr(seconds))
    for unit in ("s", "ms", "us"):
        value = exact.scaleb(-UNITS[unit])
        if value >= 1:
            break
    else:
        unit, value = "ns", exact.scaleb(9)
    return f"{value.normalize():f}{unit}"


def _exact_quotient(seconds: float, divisor: float) -> float:
    return float(Decimal(repr(float(seconds))) / Decimal(repr(float(divisor))))


def _no_sense(text: str) -> UsageError:
    return UsageError(f"delay {text!r}: expected a number with a unit or a distribution, such as {FORMS}.")
