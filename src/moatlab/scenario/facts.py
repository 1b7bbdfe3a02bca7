"""Dated figures on the market, and which of them could be known on a given day.

A scenario may rest only on what was known at its date.  A fact was known on a day if one of these holds:

1. the period that it describes had ended by then;
2. its source was published by then, whatever period it speaks of (a forecast).  The date of a source is the last month
   and year in its title, taken at the month's end;
3. it is a posted price that was in force on that day: the first day of its period is known with the price, and the
   last one only says when the price was changed.

A figure for a whole period that had not ended, such as the revenue of 2023 seen from January 2023, is not known; nor
is a trend fitted to such a period.
"""

from __future__ import annotations

import calendar
import csv
import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from moatlab.errors import InputError
from moatlab.scenario.addresses import nearest

#: The day on which "Who Owns the Generative AI Platform?" was published.
ESSAY_DATE = date(2023, 1, 19)
#: Metrics that are posted prices: see rule 3.
POSTED_PRICES = frozenset({"api_price_input", "api_price_output"})

_FILE = "market-facts.csv"
_ID = re.compile(r"\b[A-Z]\d{3}\b")
_CITED = re.compile(r"\bfact ([A-Z]\d{3}(?:, ?[A-Z]\d{3})*)")
_MONTH = re.compile(r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.? (\d{4})\b")
_MONTHS = list(calendar.month_abbr)


@dataclass(frozen=True, slots=True)
class Fact:
    """One dated figure with its source; ``low`` and ``high`` bound it where a range is given."""

    id: str
    layer: str
    metric: str
    entity: str
    period_start: date
    period_end: date
    value: float
    low: float | None
    high: float | None
    unit: str
    confidence: str
    basis: str
    source_title: str
    source_url: str
    note: str

    @property
    def source_date(self) -> date | None:
        """The last day of the latest month that the source's title names."""
        dates = [(int(year), _MONTHS.index(month)) for month, year in _MONTH.findall(self.source_title)]
        if not dates:
            return None
        year, month = max(dates)
        return date(year, month, calendar.monthrange(year, month)[1])

    def known_by(self, day: date = ESSAY_DATE) -> bool:
        """Whether the fact was known on ``day``, by the rule of this module."""
        if self.period_end <= day:
            return True
        if self.source_date is not None and self.source_date <= day:
            return True
        return self.metric in POSTED_PRICES and self.period_start <= day


@cache
def facts() -> dict[str, Fact]:
    """All facts by id, in the order of the file."""
    text = files("moatlab.scenario").joinpath("facts", _FILE).read_text(encoding="utf-8")
    return {row["id"]: _fact(row) for row in csv.DictReader(text.splitlines())}


def fact(identifier: str, where: str = "") -> Fact:
    """The fact with this id."""
    known = facts()
    if identifier not in known:
        raise InputError(f"there is no fact {identifier!r} in {_FILE}; {nearest(identifier, known)}", where)
    return known[identifier]


def known_by(day: date = ESSAY_DATE) -> list[Fact]:
    """The facts that were known on ``day``."""
    return [each for each in facts().values() if each.known_by(day)]


def cited(source: str) -> list[str]:
    """The ids of the facts that a source cites, as in ``fact A056, A060; share assumed``."""
    return [identifier for group in _CITED.findall(source) for identifier in _ID.findall(group)]


def _fact(row: dict[str, str]) -> Fact:
    def optional(name: str) -> float | None:
        return float(row[name]) if row[name] else None

    return Fact(
        id=row["id"],
        layer=row["layer"],
        metric=row["metric"],
        entity=row["entity"],
        period_start=date.fromisoformat(row["period_start"]),
        period_end=date.fromisoformat(row["period_end"]),
        value=float(row["value"]),
        low=optional("low"),
        high=optional("high"),
        unit=row["unit"],
        confidence=row["confidence"],
        basis=row["basis"],
        source_title=row["source_title"],
        source_url=row["source_url"],
        note=row["note"],
    )
