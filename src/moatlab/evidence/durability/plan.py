"""What is compared: moats by layer and holder, the arms, and the size of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moatlab.errors import InputError
from moatlab.market.market import Market
from moatlab.scenario.addresses import nearest
from moatlab.scenario.moats import MOATS, STOCKS, Stock
from moatlab.scenario.scenario import Scenario

#: Who gets the grant: the largest firm of the layer, the one in the middle, one that is new or the smallest.
HOLDERS = ("leader", "middle", "entrant")
#: Youngest age at which an entrant has prices and customers of its own, months.
SETTLED = 3
#: Monthly revenue below which a firm is none that a grant would be made to, M$.
LEAST_REVENUE = 1e-3

#: Arms of every comparison.  A clamped world differs from the control by the grant alone: what feeds stocks is on the
#: control world's path.  In a frozen one, rivals do what they do in the control world.
ARMS = ("free", "clamped", "frozen")
#: Arms of a whole study beside: the stock kept up, and the same clamped.
MAINTAINED = ("maintained", "maintained clamped")

#: Feedbacks by kind of firm, and the stocks and flows through which each runs.  ``cash`` is money at hand, which says
#: who has to leave, and ``losing`` the months for which a lab has had no prospect.
FEEDBACKS: dict[str, dict[str, tuple[str, ...]]] = {
    "apps": {
        "revenue to R&D and marketing": ("rnd", "marketing", "feature", "awareness", "access", "cash"),
        "use to data": ("data",),
        "users to users": ("network",),
        "tenure to depth": ("depth",),
    },
    "labs": {
        "revenue to training": ("training_budget", "staff", "private_lead", "talent", "access", "cash", "losing"),
        "use to data": ("data", "crawled"),
        "customers to ecosystem": ("ecosystem",),
    },
    "hosts": {"tokens to hub": ("hub",), "revenue to survival": ("cash",)},
    "clouds": {
        "profit to fleet": ("cash_flow", "access"),
        "hours to gravity": ("gravity",),
        "prepayment to priority": ("priority",),
    },
    "chipmakers": {
        "revenue to software": ("software", "research", "designed"),
        "installed base to ecosystem": ("ecosystem",),
    },
}
#: Rivals' answers, by kind: prices, spending, and what they learn from the holder.
ANSWERS: dict[str, dict[str, tuple[str, ...]]] = {
    "apps": {
        "prices": ("price", "token_price"),
        "spending": ("rnd", "marketing"),
        "imitation": ("feature",),
        "exit": ("cash",),
    },
    "labs": {
        "prices": ("price",),
        "spending": ("training_budget", "staff", "talent"),
        "imitation": ("private_lead", "capability", "upgrade"),
        "exit": ("cash", "losing"),
    },
    "clouds": {"prices": ("reserve",), "spending": ("next_order",)},
    "chipmakers": {"prices": ("price",), "spending": ("research", "software", "designed")},
}


@dataclass(frozen=True, slots=True)
class Case:
    """A moat of a kind of firm with a holder: a row of the table."""

    moat: str
    kind: str
    holder: str

    @property
    def name(self) -> str:
        """In words, as in "data, apps, leader"."""
        return f"{self.moat}, {self.kind}, {self.holder}"

    @property
    def stock(self) -> Stock:
        """The stock behind the moat."""
        return next(s for s in STOCKS if (s.moat, s.kind) == (self.moat, self.kind))

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms of an impulse.  Money acts only through what it feeds, so that a clamp would leave nothing of it."""
        return ("free", "frozen") if self.stock.cash else ARMS


@dataclass(frozen=True)
class Plan:
    """A study: ``worth`` M$ at ``month``, over a horizon of ``after`` months, in ``draws`` x ``seeds`` worlds.

    The unit is the draw; every draw has seeds of its own, so that units are independent.  ``whole`` adds the maintained
    arms and one arm for every feedback and answer that is switched off by itself.
    """

    scenario: Scenario
    cases: tuple[Case, ...]
    month: int = 24
    after: int = 95
    worth: float = 50.0
    over: int = 12
    draws: int = 16
    seeds: int = 1
    seed: int = 1
    whole: bool = True

    @property
    def months(self) -> int:
        """Length of every run: the month of the grant and the horizon after it."""
        return self.month + self.after + 1

    def arms(self, case: Case) -> tuple[str, ...]:
        """All arms of a case: ``off ...`` switches one feedback off, ``rivals ...`` freezes one kind of answer."""
        if not self.whole:
            return case.arms
        held = () if case.stock.cash else MAINTAINED
        off = () if case.stock.cash else tuple(f"off {name}" for name in FEEDBACKS.get(case.kind, {}))
        return (*case.arms, *held, *off, *(f"rivals {name}" for name in ANSWERS.get(case.kind, {})))

    @property
    def runs(self) -> int:
        """Runs of the study, controls included."""
        return self.draws * self.seeds * (1 + sum(len(self.arms(case)) for case in self.cases))


def cases_of(moats: Sequence[str] = ()) -> tuple[Case, ...]:
    """All cases of the named moats, by default of all eight; `InputError` for a moat that there is not."""
    for moat in moats:
        if moat not in MOATS:
            raise InputError(f"there is no moat {moat!r}; {nearest(moat, MOATS)}")
    wanted = moats or tuple(MOATS)
    return tuple(
        Case(stock.moat, stock.kind, holder)
        for moat in dict.fromkeys(wanted) for stock in STOCKS if stock.moat == moat for holder in HOLDERS
    )  # fmt: skip


def holders(market: Market, kind: str) -> dict[str, int]:
    """The rows of leader, middle and entrant of a kind, of those with sales; fewer where there are fewer firms.

    An entrant came after month 0 and has settled; in a layer that nobody has entered it is the smallest firm.
    """
    state = market.state
    table = state.kind(kind)
    rows = np.asarray(state.live) if kind == "apps" else np.flatnonzero(table["alive"] == 1)
    rows = rows[table["revenue"][rows] > LEAST_REVENUE]
    rows = rows[np.argsort(-table["revenue"][rows], kind="stable")]
    if not len(rows):
        return {}
    born = table["birth"][rows] if "birth" in (table.dtype.names or ()) else np.zeros(len(rows))
    new = rows[(born > 0) & (born <= market.month - SETTLED)]
    old = rows[born == 0]
    found = {"leader": int(rows[0])}
    others = [int(row) for row in old if row != rows[0]]
    if others:
        found["middle"] = others[(len(others) - 1) // 2]
    if len(new):
        found["entrant"] = int(new[len(new) // 2])
    elif len(rows) > 2:
        found["entrant"] = int(rows[-1])
    return found
