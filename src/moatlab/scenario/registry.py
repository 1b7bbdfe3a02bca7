"""Every parameter of the market, declared once.

A parameter has one home and one spelling, ``kind.name`` for what a whole kind shares and ``kind.slug.name`` for what
one firm or category has of its own.  The declaration carries all that a reader or a program wants to know of it: unit,
valid range, meaning, source, and which metric it moves in which direction (``tests/scenario/test_moves.py`` runs the
market in paired arms for every one of them).

This module imports neither numpy nor mesa, so that ``moatlab explain`` answers at once.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Scope = Literal["kind", "firm"]
Value = float | int | bool | str
Encoding = Literal["plain", "factor per year", "points per factor per year"]

#: Kinds that have an address, with what one row of each is.  The order is that of the stack, from users down.
KINDS: Mapping[str, str] = {
    "users": "a category of customers",
    "apps": "an application company or product",
    "labs": "a model lab",
    "hosts": "a host of open checkpoints",
    "compute": "the market for GPU-hours",
    "outside": "demand for GPU-hours from outside generative AI",
    "clouds": "a cloud that rents out GPU-hours",
    "chipmakers": "a designer of accelerators",
    "foundry": "a maker of wafers and packages",
    "investors": "outside capital, one aggregate",
}

#: Kinds without rows of their own: all their parameters are shared.
RULES_ONLY = ("compute", "outside", "investors")


@dataclass(frozen=True, slots=True)
class Moves:
    """What a parameter moves: the paired comparison that the generated test runs.

    ``metric`` is an address of a metric (``labs.gross_margin``, ``market.rent``, ``users.code.churn``,
    ``apps.jasper.share``).  ``sign`` is +1 or -1, or 0 for an ambiguous sign, which then needs a ``reason``.
    ``months`` are the first and last month averaged, ``who`` the slug whose value is changed (parameters of one firm
    only; ``*`` for all rows), ``step`` the two values compared (by default the parameter's own default and a value
    half as large again, inside the range).  ``given`` sets other parameters in both arms, for what is switched off
    in the default scenario.
    """

    metric: str
    sign: Literal[-1, 0, 1]
    months: tuple[int, int] = (0, 35)
    who: str = "*"
    step: tuple[Value, Value] | None = None
    given: tuple[tuple[str, Value], ...] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        if self.sign == 0 and not self.reason:
            raise ValueError(f"{self.metric}: an ambiguous sign needs its reason")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter.

    ``default`` is in the declared ``unit``; ``low`` and ``high`` bound what is accepted (inclusive).  A parameter with
    ``choices`` takes one of those words and is stored as its index; with ``refers`` it takes the slug of a row of that
    kind ("" for none) and is stored as the row, -1 for none; a ``word`` is free text of a slug's form ("" for none) and
    is stored as a digest, 0 for none, which says no more than whether two words are the same.  ``encoding`` is the one
    place where a yearly figure becomes a monthly one.  ``state`` marks a value that the market goes on to change: the
    scenario sets its start.  ``at_start`` marks a value that only describes month 0, so that no event can change it.
    """

    kind: str
    name: str
    scope: Scope
    unit: str
    default: Value
    low: float
    high: float
    meaning: str
    source: str
    moves: Moves
    choices: tuple[str, ...] = ()
    refers: str = ""
    encoding: Encoding = "plain"
    state: bool = False
    needed: bool = field(default=False)
    at_start: bool = False
    word: bool = False

    @property
    def address(self) -> str:
        """``kind.name``, as `moatlab explain` takes it."""
        return f"{self.kind}.{self.name}"

    @property
    def is_flag(self) -> bool:
        """Whether the value is true or false."""
        return isinstance(self.default, bool)

    @property
    def is_text(self) -> bool:
        """Whether the value is written as a word: a choice, a slug, or a word of one's own."""
        return bool(self.choices or self.refers or self.word)

    @property
    def is_integer(self) -> bool:
        """Whether only whole numbers are accepted."""
        return isinstance(self.default, int) and not self.is_flag

    @property
    def valid(self) -> str:
        """The accepted values, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.refers:
            return f"the slug of one of {self.refers}, or empty"
        if self.word:
            return "a word of lower-case letters, digits and hyphens, or empty"
        if self.is_flag:
            return "true or false"
        return f"{'whole numbers from ' if self.is_integer else ''}{self.low:g} to {self.high:g}"

    def encode(self, value: Value) -> float:
        """The number that the arrays hold for ``value``; references are resolved by the caller."""
        if self.choices:
            return float(self.choices.index(str(value)))
        if self.word:
            return float(word_code(str(value)))
        number = float(value)
        if self.encoding == "factor per year":
            return math.log(number) / 12.0
        if self.encoding == "points per factor per year":
            return math.log10(number) / 12.0
        return number

    def decode(self, stored: float) -> Value:
        """The declared value behind a stored number: the inverse of `encode`."""
        if self.choices:
            return self.choices[int(stored)]
        if self.is_flag:
            return bool(stored)
        if self.is_integer:
            return int(stored)
        if self.encoding == "factor per year":
            return math.exp(12.0 * stored)
        if self.encoding == "points per factor per year":
            return float(10.0 ** (12.0 * stored))
        return stored


def word_code(word: str) -> int:
    """A whole number below 2**48 that stands for a word in the arrays, 0 for none: exact as a float64."""
    return int.from_bytes(hashlib.sha256(word.encode()).digest()[:6], "big") if word else 0


def declare(
    kind: str,
    name: str,
    unit: str,
    default: Value,
    valid: tuple[float, float],
    meaning: str,
    source: str,
    moves: Moves,
    *,
    scope: Scope = "kind",
    choices: tuple[str, ...] = (),
    refers: str = "",
    encoding: Encoding = "plain",
    state: bool = False,
    needed: bool = False,
    at_start: bool = False,
    word: bool = False,
) -> Parameter:
    """One row of a table of declarations (see `moatlab.scenario.tables`)."""
    low, high = valid
    return Parameter(
        kind,
        name,
        scope,
        unit,
        default,
        low,
        high,
        meaning,
        source,
        moves,
        choices,
        refers,
        encoding,
        state,
        needed,
        at_start,
        word,
    )


def index(tables: Iterable[Iterable[Parameter]]) -> dict[tuple[str, str], Parameter]:
    """Join tables of declarations; a name declared twice is an error."""
    joined: dict[tuple[str, str], Parameter] = {}
    for table in tables:
        for parameter in table:
            key = (parameter.kind, parameter.name)
            if key in joined:
                raise ValueError(f"{parameter.address} is declared twice")
            joined[key] = parameter
    return joined
