"""What events do to a market: values that change and are restored, edges, grants of moats, labs that catch up."""

from __future__ import annotations

from typing import Any

import numpy as np

from moatlab.errors import InputError
from moatlab.market.grants import amount_worth, faded
from moatlab.market.names import Names
from moatlab.market.recorder import Recorder
from moatlab.market.start import size_own_models
from moatlab.market.state.edges import set_edge
from moatlab.market.state.posting import INVESTORS, PARENTS, pay_now
from moatlab.market.state.state import State
from moatlab.market.template import encode
from moatlab.results.payments import CODE
from moatlab.scenario.events import Event
from moatlab.scenario.moats import find_stock

#: How the money of a scale grant reaches a firm: kind of payment and payer.
EQUITY = {
    "apps": (CODE["app equity"], INVESTORS),
    "labs": (CODE["lab equity"], INVESTORS),
    "clouds": (CODE["cloud finance"], PARENTS),
}


class Events:
    """The events of one market: those to come, those to be undone, those that go on."""

    def __init__(self, events: tuple[Event, ...], state: State, names: Names, recorder: Recorder) -> None:
        self._state, self._names, self._recorder = state, names, recorder
        self._coming: dict[int, list[Event]] = {}
        for event in events:
            self._coming.setdefault(event.month, []).append(event)
        #: By month: home of the value, its name, row, value before, factor.
        self._restore: dict[int, list[tuple[str, str, int, float, float]]] = {}
        self._lasting: list[Event] = []
        #: What the money of a maintained grant has bought.
        self._bought: dict[Event, float] = {}
        self._payments: list[tuple[int, int, int, float]] = []

    def successor(self, events: tuple[Event, ...], state: State, names: Names, recorder: Recorder) -> Events:
        """Those of a copy of the market that goes on with other ``events``; what lasts or is to be undone stays so."""
        twin = Events(events, state, names, recorder)
        twin._restore = {month: list(values) for month, values in self._restore.items()}
        twin._lasting, twin._payments = list(self._lasting), list(self._payments)
        return twin

    def begin(self) -> None:
        """Undo what ended last month, keep up what lasts, and apply what is due; the month's ledger is open."""
        month = int(self._state.clock[0])
        if not (self._coming or self._restore or self._lasting):
            return
        for home, name, row, value, factor in self._restore.pop(month, []):
            # What was scaled is scaled back, so that what the market did to it meanwhile stays.
            rows = self._home(home)[name]
            rows[row] = value if factor == 0.0 else rows[row] / factor
        self._lasting = [event for event in self._lasting if event.last is not None and event.last >= month]
        for event in self._lasting:
            if event.action == "follow":
                self._follow(event)
            else:
                self._grant(event, first=False)
        for event in self._coming.get(month, []):
            self.apply(event)

    def pay(self) -> None:
        """Post the money that grants bring; the month's ledger is open."""
        for kind, payer, account, amount in self._payments:
            pay_now(self._state.arrays, kind, payer, account, amount)
        self._payments.clear()

    def apply(self, event: Event) -> None:
        """Apply an event now; a temporary one is undone, and a lasting one kept up, until its last month."""
        if event.edge is not None:
            self._trade(event)
        elif event.address is not None:
            self._change(event)
        elif event.action == "follow":
            self._follow(event)
        else:
            self._grant(event, first=True)
        if event.firm and event.last is not None:
            self._lasting.append(event)
        self._state.list_offers()

    def _home(self, name: str) -> Any:
        """Arrays are looked up by name when an event ends: those of apps move when they grow."""
        return getattr(self._state, name)

    def _trade(self, event: Event) -> None:
        assert event.edge is not None
        buyer, seller = (self._names.find_row(firm) for firm in event.edge)
        if not set_edge(self._state, buyer, seller, event.action == "link"):
            raise InputError(f"{event.edge[0]} cannot buy from {event.edge[1]}")

    def _change(self, event: Event) -> None:
        state = self._state
        address = event.address
        assert address is not None
        declared = address.declared
        if declared.scope == "kind":
            where = "now" if declared.address == "investors.hype" else "shared"
            name = declared.name if where == "now" else f"{declared.kind}_{declared.name}"
            targets = [0]
        else:
            where, name = declared.kind, declared.name
            if address.slug in (None, "*"):
                targets = list(range(state.count if where == "apps" else state.kind(where).shape[0]))
            else:
                targets = [self._names.find_row(f"{where}.{address.slug}")[1]]
        home = self._home(where)
        for row in targets:
            before = float(home[name][row])
            if event.action == "scale":
                value = declared.encode(float(declared.decode(before)) * float(event.value))
            else:
                value = encode(declared, event.value, self._names.slugs)
            if event.last is not None:
                factor = value / before if event.action == "scale" and before != 0.0 else 0.0
                self._restore.setdefault(event.last + 1, []).append((where, name, row, before, factor))
            home[name][row] = value
        if declared.address == "apps.own_model":
            # A model that an event gives is of the capability that the app has stated, and of the size that this takes.
            given = [row for row in targets if home["own_model"][row] == 1 and home["own_hours"][row] == 0.0]
            size_own_models(state, np.array(given, np.int64), float(state.now["expected_rent"][0]))

    def _grant(self, event: Event, first: bool) -> None:
        """Raise the stock of a moat, or add what a month took from a maintained grant.  A firm that has left gets none.

        Money of a scale grant is paid as equity; the stock rises by it relative to a year of the firm's costs.
        """
        kind, row = self._names.find_row(event.firm)
        firm = self._home(kind)[row]
        if firm["alive"] != 1:
            return
        stock = find_stock(event.moat, kind)
        amount = self._amount(event, row)
        if not first:
            amount *= faded(self._state, stock, firm)
        if stock.cash:
            code, payer = EQUITY[kind]
            self._payments.append((code, payer, int(firm["account"]), amount))
            amount /= 12.0 * max(monthly_costs(kind, firm), 1e-3)
        if stock.field == "committed":
            # A category holds no more customers than it has.
            user = self._state.users[int(firm["category"])]
            amount = min(amount, max(0.0, float(user["potential"] - user["customers"])))
        firm[stock.field] += amount

    def _amount(self, event: Event, row: int) -> float:
        """How much of the stock a grant raises it by (M$ where it is money); bought in its first month."""
        if not event.over:
            return float(event.value)
        if event not in self._bought:
            self._bought[event] = amount_worth(self._state, event, row)
        return self._bought[event]

    def _follow(self, event: Event) -> None:
        """Give a lab a model as good as the frontier was ``event.value`` months ago, if its own is not better.

        An open lab publishes it at once.
        """
        state = self._state
        _, row = self._names.find_row(event.firm)
        lab = state.labs[row]
        today = int(state.clock[0])
        month = today - int(event.value)
        if lab["alive"] != 1 or month < 0:
            return
        now = float(state.now["frontier"][0])
        target = now if month == today else self._recorder.value("market", "labs_capability", month)
        if target <= lab["capability"]:
            return
        lab["capability"] = lab["next_capability"] = target


def monthly_costs(kind: str, firm: Any) -> float:
    """What a firm spends in a month, M$: the scale of its access to capital."""
    if kind == "apps":
        return float(firm["outlay"] + firm["revenue"] - firm["gross_profit"])
    if kind == "labs":
        return float(firm["training"] + firm["staff"] + firm["cost_of_goods"])
    return float(firm["budget"])
