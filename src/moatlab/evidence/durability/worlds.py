"""One unit of a study: a control world, and worlds that differ from it by a grant and by what is held to its path.

The control world is walked month by month, and the stocks and flows of all firms are noted at the head of each month.
Every other world begins as a copy of it in the month of the grant.  In a *clamped* world the stocks and the flows that
feed them are written back to the control world's values at the head of each month; the granted stock is that value and
what is left of the grant, which fades at the stock's own decay.  What then differs from the control world is what the
grant does by itself.  In a *frozen* world the same is done with rivals' prices, spending and features: what differs is
what the holder makes of the grant while nobody answers.

Direct network effects act on the very share of customers that is the outcome; they are clamped by what they would add
to the app's brand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moatlab.evidence.durability.accounts import branch, profit
from moatlab.evidence.durability.plan import ANSWERS, FEEDBACKS, Case, Plan, holders
from moatlab.evidence.fit.loops import loop_gains
from moatlab.evidence.inference import Array
from moatlab.market.grants import NotComparableError, bought, faded
from moatlab.market.market import Market
from moatlab.scenario.events import Event
from moatlab.scenario.moats import Stock
from moatlab.scenario.scenario import Scenario

#: Decisions that are read in the month in which they are made: they are written after it has decided.
AFTER_DECISIONS = "next_"
#: The clamp of customers' own presence, and of money at hand, in place of a field.
NETWORK, CASH = "network", "cash"
#: Months in which a layer sells less than this part of the most that it has sold say nothing of shares in it.
LEAST_SALES = 0.02
#: Fields that the granted stock of customers stands in.
CUSTOMERS = ("tourists", "committed")


def _held() -> dict[str, tuple[str, ...]]:
    """Every field that some arm may write, by kind."""
    found: dict[str, dict[str, None]] = {}
    for table in (FEEDBACKS, ANSWERS):
        for kind, groups in table.items():
            for names in groups.values():
                found.setdefault(kind, {}).update(dict.fromkeys(names))
    found["apps"].update(dict.fromkeys((*CUSTOMERS, "brand")))
    return {kind: tuple(name for name in names if name != NETWORK) for kind, names in found.items()}


HELD = _held()
Fields = dict[str, tuple[str, ...]]


@dataclass
class _Snapshot:
    """Fields of the firms alive of one kind, in a month of the control world."""

    identity: NDArray[np.int64]
    values: dict[str, Array]


@dataclass
class Control:
    """The control world: what stood where at the head of each month from the grant's on, and who holds what."""

    market: Market
    gains: dict[str, float]
    holders: dict[str, dict[str, int]]
    heads: list[dict[str, _Snapshot]] = field(default_factory=list)
    decided: list[dict[str, _Snapshot]] = field(default_factory=list)
    #: Paths [months of the run] of profit, share and life of each holder.
    paths: dict[tuple[str, int], dict[str, Array]] = field(default_factory=dict)


@dataclass
class Response:
    """What a grant did in one arm: treated less control by month after it, [after + 1]."""

    profit: Array
    share: Array
    #: Whether the holder was alive at the end, in this world and in the control world.
    alive: tuple[bool, bool]


@dataclass
class Unit:
    """One draw with one seed: responses by case and arm, why cases could not be compared, loop gains by layer."""

    draw: int
    seed: int
    responses: dict[tuple[Case, str], Response]
    bought: dict[Case, float]
    firms: dict[Case, str]
    #: Profit of the holder in the control world, mean of the year before the grant, M$ a month.
    base: dict[Case, float]
    reasons: dict[Case, str]
    gains: dict[str, float]


def run_unit(plan: Plan, scenario: Scenario, draw: int, seed: int) -> Unit:
    """All arms of all cases in one world."""
    start = Market(scenario, rng=seed)
    if plan.month:
        start.run(plan.month)
    control = run_control(plan, start)
    unit = Unit(draw, seed, {}, {}, {}, {}, {}, control.gains)
    for case in plan.cases:
        row = control.holders.get(case.kind, {}).get(case.holder)
        if row is None:
            unit.reasons[case] = f"there is no {case.holder} among {case.kind}"
            continue
        unit.firms[case] = start.slug(case.kind, row)
        before = control.paths[case.kind, row]["profit"][: plan.month]
        unit.base[case] = float(before[-12:].mean()) if len(before) else float("nan")
        try:
            unit.bought[case] = bought(start.state, case.stock, row, plan.worth, plan.over)
        except NotComparableError as problem:
            unit.reasons[case] = problem.reason
            continue
        for arm in plan.arms(case):
            unit.responses[case, arm] = run_arm(plan, start, control, case, row, arm)
    return unit


def run_control(plan: Plan, start: Market) -> Control:
    """The control world from the month of the grant on."""
    kinds = sorted({case.kind for case in plan.cases})
    sums: Any = loop_gains(start).groupby("layer")["gain"].sum() if start.month else {}
    gains = {str(layer): float(gain) for layer, gain in sums.items()}
    market = branch(start)
    control = Control(market, gains, {kind: holders(start, kind) for kind in kinds})
    watch = _Watch(plan, market, {(kind, row) for kind in kinds for row in control.holders[kind].values()})
    for _ in range(plan.after + 1):
        for place, (name, run) in enumerate(market.walk()):
            if place == 0:
                control.heads.append(_snapshot(market, HELD))
            run()
            if name == "decisions":
                control.decided.append(_snapshot(market, _only(HELD, decided=True)))
        watch.note()
    control.paths = watch.paths()
    return control


def run_arm(
    plan: Plan, start: Market, control: Control, case: Case, row: int, arm: str, worth: float | None = None
) -> Response:
    """One arm of a case.  ``worth`` 0 makes no grant: the world then has to be the control world, whatever is held."""
    market = branch(start)
    amount = plan.worth if worth is None else worth
    held = arm.startswith("maintained")
    last = plan.months - 1 if held else None
    firm = f"{case.kind}.{market.slug(case.kind, row)}"
    event = Event(start.month, "maintain" if held else "grant", value=amount, last=last, firm=firm, moat=case.moat,
                  over=plan.over)  # fmt: skip
    if not held and amount > 0.0:
        # Before the month opens, so that the money of a grant of scale is paid in it.
        market.apply(event)
    clamp = _Clamp(control, case, row, arm)
    watch = _Watch(plan, market, {(case.kind, row)})
    for month in range(plan.after + 1):
        for place, (name, run) in enumerate(market.walk()):
            if place == 0:
                if month == 0 and held and amount > 0.0:
                    market.apply(event)
                clamp.at_head(market, month)
            run()
            if name == "decisions":
                clamp.after_decisions(market, month)
        watch.note()
    mine, theirs = watch.paths()[case.kind, row], control.paths[case.kind, row]
    gap = {name: (mine[name] - theirs[name])[plan.month :] for name in ("profit", "share")}
    # Where either world's shares say nothing, no difference is counted.
    return Response(gap["profit"], np.nan_to_num(gap["share"]), (bool(mine["alive"][-1]), bool(theirs["alive"][-1])))


class _Watch:
    """Notes what becomes of some firms, month by month."""

    def __init__(self, plan: Plan, market: Market, firms: set[tuple[str, int]]) -> None:
        self.market, self.firms = market, sorted(firms)
        self.first = market.month
        shape = (len(self.firms), plan.months)
        self.sales, self.total, self.alive = np.zeros(shape), np.zeros(shape), np.zeros(shape)

    def note(self) -> None:
        """Note the month that has just been walked."""
        state, month = self.market.state, self.market.month - 1
        for place, (kind, row) in enumerate(self.firms):
            table = state.kind(kind)
            firm = table[row]
            rows = np.asarray(state.live) if kind == "apps" else np.flatnonzero(table["alive"] == 1)
            if kind == "apps":
                rows = rows[table["category"][rows] == firm["category"]]
            self.total[place, month] = float(table["revenue"][rows].sum())
            if firm["alive"] == 1:
                self.alive[place, month], self.sales[place, month] = 1.0, float(firm["revenue"])

    def paths(self) -> dict[tuple[str, int], dict[str, Array]]:
        """Profit, share of sales and life [months] of each firm, from the first month noted on.

        A share is not-a-number in months in which the layer, of an app its category, sells next to nothing.
        """
        least = LEAST_SALES * np.maximum.accumulate(self.total, axis=1)
        known = (self.total > 0.0) & (self.total >= least)
        share = np.divide(self.sales, self.total, out=np.full(self.sales.shape, np.nan), where=known)
        return {
            (kind, row): {
                "profit": profit(self.market, kind, row),
                "share": share[place],
                "alive": self.alive[place],
            }
            for place, (kind, row) in enumerate(self.firms)
        }


class _Clamp:
    """Writes what an arm holds to the control world's path."""

    def __init__(self, control: Control, case: Case, row: int, arm: str) -> None:
        self.control, self.case, self.row, self.arm = control, case, row, arm
        clamped = arm.endswith("clamped")
        self.own, self.network = _clamped(case, arm)
        self.rivals = _frozen(case, arm)
        self.stock: Stock | None = case.stock if clamped or case.stock.field in self.own.get(case.kind, ()) else None
        self.customers = clamped and case.stock.field in CUSTOMERS
        self.left = 0.0

    def at_head(self, market: Market, month: int) -> None:
        """Stocks, flows and prices, at the head of a month after the grant."""
        if not (self.own or self.rivals or self.network):
            return
        then = self.control.heads[month]
        if self.stock is not None:
            self._fade(market, then, month)
        share = self._shares(market) if self.network else None
        for kind, names in _only(self.own, decided=False).items():
            _write(market, kind, then[kind], names)
        for kind, names in _only(self.rivals, decided=False).items():
            _write(market, kind, then[kind], names, but=self.row)
        if self.stock is not None:
            market.state.kind(self.case.kind)[self.stock.field][self.row] += self.left
        if share is not None:
            self._offset(market, then["apps"], share)

    def after_decisions(self, market: Market, month: int) -> None:
        """Decisions that are read before the month is over."""
        for kind, names in _only(self.rivals, decided=True).items():
            _write(market, kind, self.control.decided[month][kind], names, but=self.row)

    def _fade(self, market: Market, then: dict[str, _Snapshot], month: int) -> None:
        """What is left of the grant: at first all, then less by the stock's own decay."""
        assert self.stock is not None
        firm = market.state.kind(self.case.kind)[self.row]
        if month == 0:
            at = np.flatnonzero(then[self.case.kind].identity == firm["identity"])
            before = float(then[self.case.kind].values[self.stock.field][at[0]])
            self.left = float(firm[self.stock.field]) - before
        elif not self.arm.startswith("maintained"):
            self.left *= 1.0 - faded(market.state, self.stock, firm)

    def _shares(self, market: Market) -> Array:
        """Shares of the potential, by row of apps, before anything is written."""
        state = market.state
        potential = state.users["potential"][state.apps["category"].astype(int)]
        held = state.apps["tourists"] + state.apps["committed"]
        return np.asarray(np.divide(held, potential, out=np.zeros(len(held)), where=potential > 0.0))

    def _offset(self, market: Market, then: _Snapshot, share: Array) -> None:
        """Brand that makes up for what the share of customers adds beside the control world's."""
        state = market.state
        here, there = _match(market, "apps", then)
        category = state.apps["category"][here].astype(int)
        potential = state.users["potential"][category]
        held = sum(then.values[name][there] for name in CUSTOMERS)
        before = np.divide(held, potential, out=np.zeros(len(here)), where=potential > 0.0)
        state.apps["brand"][here] = then.values["brand"][there]
        state.apps["brand"][here] += state.users["network_taste"][category] * (before - share[here])


def _clamped(case: Case, arm: str) -> tuple[Fields, bool]:
    """Fields of all firms that an arm holds, by kind, and whether it holds direct network effects."""
    if arm.endswith("clamped"):
        fields = {kind: tuple(n for names in groups.values() for n in names) for kind, groups in FEEDBACKS.items()}
        if case.stock.field in CUSTOMERS:
            fields["apps"] = (*fields["apps"], *CUSTOMERS)
    elif arm.startswith("off "):
        fields = {case.kind: FEEDBACKS[case.kind][arm.removeprefix("off ")]}
    else:
        return {}, False
    network = NETWORK in fields.get("apps", ())
    return {kind: tuple(n for n in names if n != NETWORK) for kind, names in fields.items()}, network


def _frozen(case: Case, arm: str) -> Fields:
    """Fields of the holder's rivals that an arm holds."""
    answers = ANSWERS.get(case.kind, {})
    if arm == "frozen":
        return {case.kind: tuple(n for names in answers.values() for n in names)}
    if arm.startswith("rivals "):
        return {case.kind: answers[arm.removeprefix("rivals ")]}
    return {}


def _only(fields: Fields, decided: bool) -> Fields:
    """Of ``fields``, those that are written after the decisions, or at the head of the month."""
    found = {k: tuple(n for n in names if n.startswith(AFTER_DECISIONS) == decided) for k, names in fields.items()}
    return {kind: names for kind, names in found.items() if names}


def _alive(market: Market, kind: str) -> NDArray[np.int64]:
    if kind == "apps":
        return np.asarray(market.state.live, np.int64)
    return np.flatnonzero(market.state.kind(kind)["alive"] == 1)


def _snapshot(market: Market, fields: Fields) -> dict[str, _Snapshot]:
    found = {}
    for kind, names in fields.items():
        table, rows = market.state.kind(kind), _alive(market, kind)
        known = table.dtype.names or ()
        values = {n: np.asarray(table[n][rows], float) for n in names if n in known}
        if CASH in names:
            values[CASH] = market.state.cash[table["account"][rows]]
        found[kind] = _Snapshot(table["identity"][rows], values)
    return found


def _match(market: Market, kind: str, then: _Snapshot) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of firms alive in both worlds, and their places in the snapshot."""
    rows = _alive(market, kind)
    identity = market.state.kind(kind)["identity"][rows]
    if len(identity) == len(then.identity) and (identity == then.identity).all():
        return rows, np.arange(len(rows))
    _, here, there = np.intersect1d(identity, then.identity, assume_unique=True, return_indices=True)
    return rows[here], there


def _write(market: Market, kind: str, then: _Snapshot, names: Iterable[str], but: int = -1) -> None:
    """Give firms alive in both worlds the control world's values; those of row ``but`` stay."""
    here, there = _match(market, kind, then)
    if but >= 0:
        others = here != but
        here, there = here[others], there[others]
    table: Any = market.state.kind(kind)
    for name in names:
        if name == CASH:
            market.state.cash[table["account"][here]] = then.values[name][there]
        elif name in then.values:
            table[name][here] = then.values[name][there]
