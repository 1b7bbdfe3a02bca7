"""Why a firm's numbers are what they are in one month: parts, decisions with what they read, phases, draws.

The market is simulated up to the month, which is then gone through phase by phase; between phases the firm's row is
compared with what it was.  What a decision reads is found in the source of its rule (`moatlab.evidence.reads`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from moatlab.errors import InputError
from moatlab.evidence.compare import UNITS_OF_GOODS
from moatlab.evidence.reads import Rule, rules, writers
from moatlab.market.market import Market
from moatlab.market.state import draws
from moatlab.market.state.fields import NOW, STATE_FIELDS, Field, dtype_of
from moatlab.market.state.identity import LABS_CODE, identity
from moatlab.results.metrics import find
from moatlab.results.payments import LAYERS
from moatlab.scenario.addresses import nearest
from moatlab.scenario.months import month_name
from moatlab.scenario.registry import Parameter
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.tables import REGISTRY

#: Fields that only say where a row is, or which month of which run it is.
PLACES = ("identity", "account", "seed", "month")
#: Fields of apps that hold the row of a lab: its slug is row less this number.
ROWS_OF_LABS = {"deal": 1, "next_deal": 1, "base": 1, "next_base": 1, "nest": 0}
#: The phase in which firms decide, and that at whose end the month's figures are recorded.
DECISIONS, RECORD = "decisions", "record"
#: The rule that decides where tokens come from: a matrix, of which a row is an app's.
ROUTING = "decide_routing"
#: Draws from the normal distribution; the others are uniform.
NORMAL = ("brand shock", "run outcome", "specialisation shock", "generation", "price taste", "usage factor",
          "feature at birth")  # fmt: skip

#: The fields behind a recorded metric of another name, by kind ("" for all).
OF_METRICS: dict[tuple[str, str], tuple[str, ...]] = {
    ("clouds", "price"): ("reserve", "rent"), ("clouds", "unit_cost"): ("running",), ("hosts", "price"): ("margin",),
    ("chipmakers", "unit_cost"): ("cost",), ("apps", "customers"): ("tourists", "committed"),
    ("", "share"): ("revenue",), ("", "margin"): ("gross_profit",), ("", "source"): ("nest",),
}  # fmt: skip

Value = float | str


@dataclass(frozen=True)
class Part:
    """A number and what it is made of: amounts of which it is the sum, or the quotient of two (``by`` + or /)."""

    name: str
    value: float
    unit: str
    parts: tuple[tuple[float, str], ...]
    by: str = "+"


@dataclass(frozen=True)
class Change:
    """A field of the firm that a phase changed, with the rules of the phase that write it."""

    phase: str
    name: str
    before: Value
    after: Value
    unit: str
    meaning: str
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Read:
    """A number that a decision took into account, as it was when the phase began."""

    name: str
    value: Value
    unit: str
    meaning: str


@dataclass(frozen=True)
class Decision:
    """What a rule decided for the firm, and from which numbers."""

    rule: str
    module: str
    meaning: str
    decided: tuple[Read, ...]
    reads: tuple[Read, ...]
    draws: tuple[str, ...]


@dataclass(frozen=True)
class Draw:
    """A random number that is keyed to the firm and the month: its rank from 0 to 1, or its normal value."""

    purpose: str
    value: float
    distribution: str
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Payment:
    """M$ of the month that the firm received (positive) or paid (negative), by kind and other party."""

    kind: str
    other: str
    amount: float


@dataclass(frozen=True)
class Trace:
    """One firm in one month."""

    firm: str
    name: str
    month: int
    date: str
    scenario: str
    seed: int
    parts: tuple[Part, ...]
    changes: tuple[Change, ...]
    decisions: tuple[Decision, ...]
    draws: tuple[Draw, ...]
    payments: tuple[Payment, ...]
    events: tuple[str, ...] = field(default=())

    def only(self, number: str) -> Trace:
        """What concerns one number: a metric, a field or a decision.  Raises `InputError` for one that there is not."""
        kind = self.firm.partition(".")[0]
        own = OF_METRICS.get((kind, number), OF_METRICS.get(("", number), (number,)))
        fields = {name for each in own for name in (each, f"next_{each}")} & set(dtype_of(kind).names or ())
        known = {m.name for m in find("firm")} | set(dtype_of(kind).names or ())
        if number not in known:
            raise InputError(f"{self.firm} has no {number!r}; {nearest(number, known)}", "trace")
        decisions = tuple(d for d in self.decisions if fields & {r.name for r in d.decided})
        by = {r for c in self.changes if c.name in fields for r in c.rules}
        deciding = {d.rule for d in decisions} or by
        return Trace(
            self.firm, self.name, self.month, self.date, self.scenario, self.seed,
            tuple(p for p in self.parts if p.name == number), tuple(c for c in self.changes if c.name in fields),
            decisions, tuple(d for d in self.draws if deciding & set(d.rules)), (), self.events,
        )  # fmt: skip

    def as_data(self) -> dict[str, Any]:
        """The same as plain data, for JSON."""
        return asdict(self)


def trace(scenario: Scenario | str, firm: str, month: int, seed: int = 1) -> Trace:
    """Trace a firm (``apps.jasper``) in a month, by its number, of the run of a seed.

    Raises `InputError` for firms that there are not, that have exited by then or have not entered, and for months
    below 0.
    """
    chosen = scenario if isinstance(scenario, Scenario) else Scenario(scenario)
    if month < 0:
        raise InputError(f"month is a whole number from 0, not {month}", "trace")
    market = Market(chosen, rng=seed)
    if month:
        market.run(month)
    kind, row = _found(market, firm)
    now = [event for event in chosen.events if event.month <= month <= (event.last or event.month)]
    watch = _Watch(market, kind, row)
    results = watch.run()
    return Trace(
        firm, market.display_name(kind, row), month, month_name(month, chosen.start), chosen.name, seed,
        tuple(_parts(market, watch, results)), tuple(watch.changes), tuple(watch.decisions()),
        tuple(watch.draws()), tuple(_payments(market, kind, row)),
        tuple(event.dated(chosen.start) for event in now),
    )  # fmt: skip


def _found(market: Market, firm: str) -> tuple[str, int]:
    if firm.partition(".")[0] not in LAYERS:
        raise InputError(f"{firm!r} is no firm; write kind.slug, as in apps.jasper; {nearest(firm, LAYERS)}", "trace")
    kind, row = market.find_row(firm)
    if market.state.kind(kind)["alive"][row] != 1:
        raise InputError(f"{firm} has exited before month {market.month}", "trace")
    return kind, row


class _Watch:
    """Goes through a month and notes what happens to one row."""

    def __init__(self, market: Market, kind: str, row: int) -> None:
        self.market, self.kind, self.row = market, kind, row
        self.fields = _fields(kind)
        self.changes: list[Change] = []
        self.before = self.copy()
        #: The firm, its category of customers, all kinds' shared parameters and the market, as decisions see them.
        self.snapshot: dict[str, Any] = {}
        self.decided = self.before
        self.sources: list[Read] = []
        #: The row when the month's figures were recorded, and cash at the month's start.
        self.recorded = self.before
        self.cash = float(market.state.cash[self.before["account"]])

    def copy(self) -> Any:
        return self.market.state.kind(self.kind)[self.row].copy()

    def run(self) -> Any:
        last = self.before
        state = self.market.state
        for place, (phase, do) in enumerate(self.market.walk()):
            if place == 0:
                # Events act as the month opens, before its first phase.
                last = self.note("events", last)
            if phase == DECISIONS:
                self.snapshot = {self.kind: last, "shared": state.shared[0].copy(), "now": state.now[0].copy()}
                if self.kind == "apps":
                    self.snapshot["users"] = state.users[int(last["category"])].copy()
            do()
            last = self.note(phase, last)
            if phase == DECISIONS:
                self.decided = last
                self.sources = self.route() if self.kind == "apps" else []
            if phase == RECORD:
                self.recorded = last
        return self.market.results

    def note(self, phase: str, last: Any) -> Any:
        """The row after a phase, with what changed noted."""
        now = self.copy()
        for name in now.dtype.names or ():
            if name in PLACES or np.ndim(now[name]) or (now[name] == last[name]) or now[name] != now[name]:
                continue
            known = self.fields[name]
            by = tuple(rule.name for rule in writers(self.kind, name) if rule.phase == phase)
            before, after = (self.said(self.kind, name, row[name]) for row in (last, now))
            self.changes.append(Change(phase, name, before, after, known.unit, known.meaning, by))
        return now

    def decisions(self) -> Iterator[Decision]:
        """The rules of the phase that write fields of the firm's kind, and where an app's tokens come from."""
        before: set[tuple[str, str]] = set()
        for rule in rules():
            if rule.phase != DECISIONS:
                continue
            decided = [self.read(self.kind, name, self.decided[name])
                       for table, name in rule.uses.writes if table == self.kind]  # fmt: skip
            if rule.name == ROUTING and self.kind == "apps":
                decided += self.sources
            if decided:
                reads = tuple(self.reads_of(rule, before))
                yield Decision(rule.name, rule.module, rule.meaning, tuple(decided), reads, tuple(rule.uses.draws))
            before |= rule.uses.writes.keys()

    def route(self) -> list[Read]:
        """The shares of an app's tokens that are to come from each seller, and from a model of its own."""
        state = self.market.state
        found = []
        for (kind, row, _), offer, share in zip(
            self.market.results.about["offers"], state.offers, state.next_routing[self.row], strict=False
        ):
            seller = f"{kind}.{self.market.slugs[kind][row]}"
            meaning = f"share of its tokens; list price {float(offer['price']):.4g} $ per Mtok"
            if float(share):
                found.append(Read(f"from {seller}", float(share), "share", meaning))
        own = float(state.next_routing[self.row, len(state.offers)])
        return [*found, *([Read("from its own model", own, "share", "share of its tokens")] if own else [])]

    def reads_of(self, rule: Rule, before: set[tuple[str, str]]) -> Iterator[Read]:
        """What a rule reads of the firm, its category, shared parameters and the market.

        Fields that a rule ``before`` it has written in the same phase are as that left them.
        """
        for table, name in rule.uses.reads:
            row = self.decided if table == self.kind and (table, name) in before else self.snapshot.get(table)
            if row is None or name not in (row.dtype.names or ()) or name in PLACES or np.ndim(row[name]):
                continue
            if (table, name) not in rule.uses.writes:
                yield self.read(table, name, row[name])

    def read(self, table: str, name: str, value: Any) -> Read:
        """A field under its address: those of the firm itself by their names alone."""
        if table == "shared":
            kind, _, parameter = name.partition("_")
            declared = REGISTRY[kind, parameter]
            return Read(declared.address, self.told(declared, value), declared.unit, declared.meaning)
        known = _fields(table)[name]
        label = name if table == self.kind else f"market.{name}" if table == "now" else f"{self.category}.{name}"
        return Read(label, self.said(table, name, value), known.unit, known.meaning)

    @property
    def category(self) -> str:
        """The category of customers of an app."""
        return f"users.{self.market.slugs['users'][int(self.before['category'])]}"

    def said(self, table: str, name: str, value: Any) -> Value:
        """The value of a field, a declared one as it is written in scenarios."""
        if table == "apps" and name in ROWS_OF_LABS:
            row = int(value) - ROWS_OF_LABS[name]
            return f"labs.{self.market.slugs['labs'][row]}" if row >= 0 else "none"
        declared = REGISTRY.get((table, name))
        return self.told(declared, value) if declared is not None else float(value)

    def told(self, declared: Parameter, value: Any) -> Value:
        if declared.refers:
            slugs = self.market.slugs.get(declared.refers, ())
            return slugs[int(value)] if 0 <= int(value) < len(slugs) else "none"
        if declared.word:
            return "a word" if value else "none"
        plain = declared.decode(float(value))
        return str(plain).lower() if isinstance(plain, bool) else plain

    def draws(self) -> Iterator[Draw]:
        """The draws keyed to the firm in this month, whether or not a rule has come to need each."""
        by: dict[str, list[str]] = {}
        for rule in rules():
            # Newcomers have theirs as they enter, after the month's trade.
            for purpose in rule.uses.draws if rule.phase != "entry" else ():
                by.setdefault(purpose, []).append(rule.name)
        for purpose, label, month, who in _keys(self.market, self.kind, self.recorded):
            code = draws.PURPOSES.index(purpose)
            drawn = draws.normal if purpose in NORMAL else draws.uniform
            value = float(drawn(self.market.seed, code, month, who))
            how = "standard normal" if purpose in NORMAL else "uniform"
            yield Draw(f"{purpose}{label}", value, how, tuple(dict.fromkeys(by.get(purpose, ()))))


def _keys(market: Market, kind: str, row: Any) -> Iterator[tuple[str, str, int, int]]:
    """Purpose, label, month and identity of a firm's draws in the month that has just been simulated."""
    month, who = market.month - 1, int(row["identity"])
    if kind == "apps":
        yield from (("review", "", month, who), ("brand shock", "", month, who), ("exit", "", month, who))
    if kind == "labs":
        yield "run outcome", "", month, who
        for slug, user in zip(market.slugs["users"], market.state.users, strict=True):
            key = int(identity(LABS_CODE, int(user["identity"]) & 0xFFFF, who & 0xFFFFFFFF))
            yield "specialisation shock", f", {slug}", month, key
    if kind == "chipmakers":
        yield "generation", f" {int(row['generation']) + 1}", int(row["generation"]) + 1, who


def _fields(kind: str) -> dict[str, Field]:
    """What each field of a kind's row is: state, and firms' parameters."""
    # What a parameter only starts is now what the market has made of it.
    found = {p.name: Field(p.name, p.unit, p.meaning.replace(" at month 0", "") if p.state else p.meaning)
             for p in REGISTRY.values() if p.kind == kind}  # fmt: skip
    state = NOW if kind == "now" else STATE_FIELDS[kind]
    return found | {known.name: known for known in state}


def _parts(market: Market, watch: _Watch, results: Any) -> Iterator[Part]:
    """The recorded figures as sums."""
    kind, slug = watch.kind, market.slug(watch.kind, watch.row)
    table = results.firms.to_pandas()
    month = market.month - 1
    mine = table[(table["month"] == month) & (table["kind"] == kind) & (table["slug"] == slug)]
    if mine.empty:
        return
    firm = mine.iloc[0]
    unit = UNITS_OF_GOODS.get((kind, "price"), "")
    price, cost = float(firm["price"]), float(firm["unit_cost"])
    if np.isfinite([price, cost]).all():
        yield Part("price", price, unit, tuple(_price(watch, price, cost)))
    paid = list(_payments(market, kind, watch.row))
    revenue, profit = float(firm["revenue"]), float(firm["gross_profit"])
    yield Part("gross_profit", profit, "M$", ((revenue, "revenue"), (profit - revenue, "cost of goods")))
    layer = float(table[(table["month"] == month) & (table["kind"] == kind)]["revenue"].sum())
    yield Part("share", float(firm["share"]), "", ((revenue, "revenue, M$"), (layer, f"revenue of all {kind}")), "/")
    yield Part("margin", float(firm["margin"]), "", ((profit, "gross profit, M$"), (revenue, "revenue")), "/")
    received = sum(p.amount for p in paid if p.amount > 0)
    spent = sum(p.amount for p in paid if p.amount < 0)
    yield Part("cash", float(firm["cash"]), "M$",
               ((watch.cash, "at the start"), (received, "received"), (spent, "paid"),
                *_rest(float(firm["cash"]) - watch.cash - received - spent)))  # fmt: skip
    if kind == "apps":
        before = float(watch.before["tourists"] + watch.before["committed"])
        joined, left = float(watch.recorded["joined"]), float(watch.recorded["left"])
        yield Part("customers", float(firm["customers"]), "M", ((before, "at the start"), (joined, "joined"),
                   (-left, "left"), *_rest(float(firm["customers"]) - before - joined + left)))  # fmt: skip


def _rest(amount: float) -> list[tuple[float, str]]:
    """What the other parts leave, where it is more than rounding."""
    return [(amount, "not yet recorded")] if abs(amount) > 1e-9 else []


def _price(watch: _Watch, price: float, cost: float) -> Iterator[tuple[float, str]]:
    yield cost, "marginal cost"
    if watch.kind == "clouds":
        reserve = float(watch.recorded["reserve"])
        yield reserve - cost, "markup"
        yield price - reserve, "scarcity rent"
    else:
        yield price - cost, "markup"


def _payments(market: Market, kind: str, row: int) -> Iterator[Payment]:
    """The firm's payments of the month, by kind and other party, the largest first."""
    from moatlab.results.payments import KINDS_OF_PAYMENT

    account = int(market.state.kind(kind)[row]["account"])
    sums: dict[tuple[str, str], float] = {}
    for posting in market.ledger.last_month():
        payer, payee = int(posting["payer"]), int(posting["payee"])
        if account in (payer, payee) and payer != payee:
            other, sign = (payee, -1.0) if account == payer else (payer, 1.0)
            key = (KINDS_OF_PAYMENT[int(posting["kind"])].name, market.account_name(other))
            sums[key] = sums.get(key, 0.0) + sign * float(posting["amount"])
    for (name, party), amount in sorted(sums.items(), key=lambda item: -abs(item[1])):
        yield Payment(name, party, amount)
