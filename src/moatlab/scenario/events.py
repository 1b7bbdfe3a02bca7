"""Events: at a month something changes, by an act of nobody in the model.

==============================================================  ================================================
``month 12: set foundry.tsmc.capacity 19``                      the parameter takes the value (``=``, ``to``)
``month 12: scale foundry.tsmc.capacity 0.5``                   it is multiplied by the factor (``by``)
``months 12-17: set labs.*.price_rule frozen``                  the same, restored after month 17
``month 12: cut apps.jasper labs.openai``                       buyer and seller can no longer trade (``->``)
``month 12: link apps.jasper labs.openai``                      they can from now on
``month 24: grant apps.jasper distribution 0.4``                a moat's stock is raised once, and then fades
``month 24: grant apps.jasper distribution worth 50``           by what 50 M$ buy of it, spent over a year
``month 24: grant apps.jasper data worth 50 over 6``            the same, spent over six months
``months 24-119: maintain labs.openai algorithmic 0.3``         it is kept that much higher, then left to fade
``month 24: follow labs.stability 12``                          the lab gets a model like the frontier 12 months ago
``months 0-119: follow labs.stability 0``                       and does so every month
``2025-01: set foundry.tsmc.capacity 19``                       months by the calendar, wherever a number may be
``2025-01 to 2025-06: set labs.*.price_rule frozen``            the same for a span
==============================================================  ================================================

A grant adds to the stock at the start of its month.  A maintained grant adds the same and, in each later month of its
span, what the month took away from the part granted: the stock's own decay times the amount.  So the stock stands
higher by exactly the amount than it would with all that feeds it unchanged, until the span ends and the amount fades.

An amount may be stated by its price: ``worth 50`` is what 50 M$ buy of the stock at the market's own prices in the
event's first month, spent evenly over a year or over the months that ``over`` says.  How is in
`moatlab.market.grants`; of a stock that nothing with a price builds, it is refused as not comparable.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from moatlab.errors import InputError
from moatlab.scenario.addresses import Address, Slugs, nearest, resolve, split_firm
from moatlab.scenario.moats import Stock, find_stock
from moatlab.scenario.months import CALENDAR, month_name, read_month
from moatlab.scenario.registry import Parameter, Value
from moatlab.scenario.topology import check_trade
from moatlab.scenario.values import read_number, read_value, show

Action = Literal["set", "scale", "cut", "link", "grant", "maintain", "follow"]
ACTIONS: tuple[Action, ...] = get_args(Action)

#: The longest event, characters.
LONGEST_TEXT = 1000
#: Months over which the money of a grant that is worth so much is spent, unless it says so, and at most.
SPENT_OVER, LONGEST_SPENDING = 12, 1200
_FORM = (
    "write 'month 12: ACTION ...' or '2024-01: ACTION ...', as in 'month 12: set ADDRESS VALUE' ('months 12-17:' or "
    "'2024-01 to 2024-06:' for what is undone)"
)
#: A month of the calendar needs no word before it; a hyphen or "to" stands between the ends of a span.
_EVENT = re.compile(
    rf"\s*(?:months?\s+(?P<first>{CALENDAR}|\S+?)|(?P<date>{CALENDAR}))"
    rf"(?:(?:\s*-\s*|\s+to\s+)(?P<last>{CALENDAR}|\S+?))?\s*:\s*(?P<action>\w+)\s+(?P<rest>.+)",
    re.I | re.S,
)
_CHANGE = re.compile(r"(?P<address>[^\s=]+)(?:\s*=\s*|\s+(?P<word>to|by)\s+|\s+)(?P<value>\S.*)", re.I)
_GRANT = re.compile(
    r"(?P<firm>\S+)\s+(?P<moat>\S+)\s+(?P<worth>worth\s+)?(?P<amount>\S+)(?:\s+over\s+(?P<over>\S+))?", re.I
)
_FOLLOW = re.compile(r"(?P<firm>\S+)(?:\s+(?P<lag>\S+))?")
_EDGE = re.compile(r"(?P<buyer>[^\s>]+?)(?:\s*->\s*|\s+)(?P<seller>[^\s>]+)")


@dataclass(frozen=True, slots=True)
class Event:
    """One change.  ``set`` and ``scale`` have an ``address`` and a ``value``, ``cut`` and ``link`` an ``edge``.

    ``last`` is the last month of a change that is undone afterwards, None for one that lasts.  ``edge`` is buyer and
    seller as ``kind.slug``.  ``grant`` and ``maintain`` have a ``firm`` (``kind.slug``), a ``moat`` and its amount as
    ``value``; ``follow`` has a ``firm`` and its lag in months.  ``over`` above 0 says that the amount is what that many
    M$ buy, spent over so many months.
    """

    month: int
    action: Action
    address: Address | None = None
    value: Value = 0.0
    edge: tuple[str, str] | None = None
    last: int | None = None
    firm: str = ""
    moat: str = ""
    over: int = 0

    def __str__(self) -> str:
        """The event in its own grammar: `parse_event` gives the event back."""
        when = f"month {self.month}" if self.last is None else f"months {self.month}-{self.last}"
        return f"{when}: {self._what()}"

    def dated(self, start: str) -> str:
        """The event with its months by the calendar, in a scenario that begins in ``start``; it reads back the same."""
        months = [month_name(month, start) for month in (self.month, self.last) if month is not None]
        return f"{' to '.join(months)}: {self._what()}"

    def _what(self) -> str:
        if self.edge is not None:
            what = " ".join(self.edge)
        elif self.firm:
            amount = f"worth {_short(float(self.value))}" if self.over else show(self.value)
            over = f"over {self.over}" if self.over not in (0, SPENT_OVER) else ""
            what = " ".join(part for part in (self.firm, self.moat, amount, over) if part)
        else:
            what = f"{self.address} {show(self.value)}"
        return f"{self.action} {what}"


def parting(one: Sequence[Event], other: Sequence[Event], months: int) -> int:
    """The first month, of ``months``, whose events differ between two lists, in kind or in order; ``months`` if none.

    An event counts in the month in which it begins, with its last month.
    """
    begin = [_by_month(events) for events in (one, other)]
    differ = [month for month in begin[0].keys() | begin[1].keys() if begin[0].get(month) != begin[1].get(month)]
    return min([*differ, months])


def _by_month(events: Sequence[Event]) -> dict[int, list[Event]]:
    found: dict[int, list[Event]] = {}
    for event in events:
        found.setdefault(event.month, []).append(event)
    return found


def parse_event(text: str, slugs: Slugs, start: str = "") -> Event:
    """Read one event and check all that it names against the rows of a scenario.

    ``start`` is the scenario's first month, from which months of the calendar count.
    """
    where = f"event {text.strip()!r}"
    if len(text) > LONGEST_TEXT:
        raise InputError(f"an event has at most {LONGEST_TEXT:,} characters, not {len(text):,}", where)
    match = _EVENT.fullmatch(text)
    if match is None:
        raise InputError(f"not understood: {_FORM}", where)
    first = read_month(match["first"] or match["date"], start, where)
    last = None if match["last"] is None else read_month(match["last"], start, where)
    if last is not None and last < first:
        raise InputError(f"its last month {last} comes before its first month {first}", where)
    action = _action(match["action"], where)
    rest = match["rest"].strip()
    if action in ("cut", "link"):
        if last is not None:
            raise InputError(f"only set and scale take a span of months; {action} is undone by a second event", where)
        return Event(first, action, edge=_edge(rest, slugs, where))
    if action in ("grant", "maintain"):
        return _granted(first, last, action, rest, slugs, where)
    if action == "follow":
        return _followed(first, last, rest, slugs, where)
    address, value = _change(action, rest, slugs, where)
    return Event(first, action, address, value, last=last)


def _short(value: float) -> str:
    """A number of dollars, "50" rather than "50.0", that reads back the same."""
    return str(int(value)) if value.is_integer() and value < 1e15 else show(value)


def _action(word: str, where: str) -> Action:
    for action in ACTIONS:
        if word.lower() == action:
            return action
    raise InputError(f"there is no action {word!r}; {nearest(word.lower(), ACTIONS)}", where)


def _edge(text: str, slugs: Slugs, where: str) -> tuple[str, str]:
    match = _EDGE.fullmatch(text)
    if match is None:
        raise InputError("write buyer and seller, as in 'cut apps.jasper labs.openai'", where)
    buyer, seller = split_firm(match["buyer"], slugs, where), split_firm(match["seller"], slugs, where)
    check_trade(buyer[0], seller[0], where)
    return ".".join(buyer), ".".join(seller)


def _granted(first: int, last: int | None, action: Action, text: str, slugs: Slugs, where: str) -> Event:
    match = _GRANT.fullmatch(text)
    if match is None:
        raise InputError(
            f"write firm, moat and amount, as in '{action} apps.jasper distribution 0.4' or '{action} apps.jasper "
            "distribution worth 50'",
            where,
        )
    if action == "grant" and last is not None:
        raise InputError("a grant happens once; 'maintain' keeps a stock raised over a span of months", where)
    if action == "maintain" and last is None:
        raise InputError("maintain needs its span, as in 'months 24-119: maintain ...'; 'grant' happens once", where)
    kind, slug = split_firm(match["firm"], slugs, where)
    stock = find_stock(match["moat"].lower(), kind, where)
    amount = read_number(match["amount"], action, where)
    if amount <= 0.0:
        raise InputError(f"{action} takes an amount above 0, not {amount:g}", where)
    over = _spending(match, stock, where)
    return Event(first, action, value=amount, last=last, firm=f"{kind}.{slug}", moat=stock.moat, over=over)


def _spending(match: re.Match[str], stock: Stock, where: str) -> int:
    """Months over which the money of a grant that is worth so much is spent; 0 for an amount of the stock itself."""
    if match["worth"] is None:
        if match["over"] is not None:
            raise InputError("'over' goes with 'worth', as in 'worth 50 over 6'", where)
        return 0
    if not stock.bought_with:
        raise InputError(
            f"not comparable: nothing that has a price builds {stock.moat} of {stock.kind}; grant an amount of it "
            f"({stock.unit})",
            where,
        )
    over = SPENT_OVER if match["over"] is None else read_month(match["over"], "", where)
    if not 1 <= over <= LONGEST_SPENDING:
        raise InputError(f"over takes from 1 to {LONGEST_SPENDING} months, not {over}", where)
    return over


def _followed(first: int, last: int | None, text: str, slugs: Slugs, where: str) -> Event:
    match = _FOLLOW.fullmatch(text)
    if match is None:
        raise InputError("write lab and lag in months, as in 'follow labs.stability 12'", where)
    kind, slug = split_firm(match["firm"], slugs, where)
    if kind != "labs":
        raise InputError(f"only labs follow the frontier, not {kind}", where)
    # A lag is a number of months, so no month of the calendar.
    lag = 0 if match["lag"] is None else read_month(match["lag"], "", where)
    return Event(first, "follow", value=lag, last=last, firm=f"{kind}.{slug}")


def _change(action: Action, text: str, slugs: Slugs, where: str) -> tuple[Address, Value]:
    match = _CHANGE.fullmatch(text)
    if match is None:
        raise InputError(f"write '{action} ADDRESS VALUE'", where)
    address = resolve(match["address"], slugs, where)
    parameter = address.declared
    if parameter.at_start:
        raise InputError(f"{address} only describes month 0, so no event can change it", where)
    if (match["word"] or "").lower() == ("by" if action == "set" else "to"):
        raise InputError(f"{action} goes with {'to' if action == 'set' else 'by'}, not {match['word']}", where)
    if action == "set":
        return address, read_value(address, match["value"], slugs, where)
    if not _scalable(parameter):
        raise InputError(f"{address} cannot be scaled ({parameter.valid}): use set", where)
    factor = read_number(match["value"], "scale", where)
    if factor < 0.0:
        raise InputError(f"scale takes a factor from 0, not {factor:g}", where)
    return address, factor


def _scalable(parameter: Parameter) -> bool:
    """Whether a multiple of the value makes sense: numbers, but not whole ones."""
    return not (parameter.is_text or parameter.is_flag or parameter.is_integer)
