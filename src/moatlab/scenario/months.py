"""Months by number, from 0 at the scenario's first, and as the calendar writes them: ``2025-01``."""

from __future__ import annotations

import re

from moatlab.errors import InputError

#: The last month that anything can name.
LAST_MONTH = 99_999
#: A month of the calendar, valid or not.
CALENDAR = r"\d{4}-\d{2}"
_CALENDAR = re.compile(r"(\d{4})-(\d{2})", re.ASCII)


def read_month(text: str, start: str, where: str = "") -> int:
    """The number of a month given as such (``24``) or by the calendar (``2025-01``); month 0 is ``start``.

    Raises `InputError` for what is neither, and for a month of the calendar before ``start``.
    """
    text = text.strip()
    calendar = _CALENDAR.fullmatch(text)
    if calendar is None:
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(LAST_MONTH))):
            raise InputError(
                f"a month is a whole number from 0 to {LAST_MONTH}, or year and month as in 2025-01, not {text!r}",
                where,
            )
        return int(text)
    year, month = (int(part) for part in calendar.groups())
    if not 1 <= month <= 12:
        raise InputError(f"{text} is no month: after the year stand 01 to 12", where)
    if not start:
        raise InputError(f"{text} needs a scenario, which says when month 0 is; give the number of the month", where)
    number = 12 * year + month - _since_year_0(start)
    if number < 0:
        raise InputError(f"{text} comes before the scenario's first month, {start}", where)
    return number


def month_name(number: int, start: str) -> str:
    """The month as the calendar writes it: 24 from 2023-01 on is ``2025-01``."""
    year, month = divmod(_since_year_0(start) + number - 1, 12)
    return f"{year:04d}-{month + 1:02d}"


def span_name(first: int, last: int, start: str) -> str:
    """The months from first to last, both included, by the calendar: ``2025-01 to 2025-06``."""
    ends = month_name(first, start), month_name(last, start)
    return ends[0] if first == last else " to ".join(ends)


def _since_year_0(start: str) -> int:
    year, month = start.split("-")[:2]
    return 12 * int(year) + int(month)
