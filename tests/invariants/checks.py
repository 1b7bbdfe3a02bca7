"""The invariants of a market, checked after every month.

`Watch(market)` remembers what a month starts from; `watch.step()` simulates the month and checks it; `watch.tables()`
checks the records of the run.  A violation is an `AssertionError` that names the invariant, the month and the place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moatlab import Market
from moatlab.market.state.edges import edge_cell
from moatlab.results.payments import KINDS_OF_PAYMENT, LAYERS, OUTSIDE_PARTIES

#: Relative room for rounding.
ROUNDING = 1e-9
#: What may be left of a subtraction of equals.
DUST = 1e-12
#: Paid by contract and not along an edge: a partner's share, and the agreement for weights that anyone may take.
CONTRACTS = ("revenue share", "enterprise agreement")
#: What cannot be negative, by kind.
POSITIVE = {
    "users": ("potential", "customers", "tourists", "new_users", "joined", "left", "considering"),
    "apps": ("tourists", "committed", "price", "quota", "tokens", "data", "awareness", "attraction", "joined", "left",
             "revenue", "inference", "api_spend", "rnd", "marketing", "own_hours", "own_unit_cost", "own_budget",
             "token_cost", "unit_cost"),
    "labs": ("price", "tokens", "revenue", "api_revenue", "model_hours", "training", "training_budget", "staff",
             "run_hours", "claim", "data", "unit_cost", "inference_cost"),
    "hosts": ("price", "margin", "tokens", "revenue", "unit_cost"),
    "offers": ("price", "unit_cost", "tokens"),
    "clouds": ("capacity", "hours", "running", "reserve", "rent", "contract_rent", "fleet_now", "book", "capex",
               "full_cost"),
    "chipmakers": ("price", "cost", "backlog", "supply", "delivered", "starts", "ecosystem", "performance",
                   "software", "research", "designed", "generation", "ramp_left"),
    "foundry": ("capacity", "starts", "price", "building", "book", "capex"),
}  # fmt: skip
SHARES = {
    "users": ("tourist_odds", "hhi", "top1"),
    "apps": ("choice_share", "service", "own_service"),
    "labs": ("service",),
    "hosts": ("service", "hub"),
    "offers": ("service",),
    "clouds": ("contracted",),
}
KINDS = ("users", "apps", "labs", "hosts", "clouds", "chipmakers", "foundry", "offers", "now")


class Watch:
    """Steps a market and checks every month."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.everything()

    def step(self) -> None:
        """Simulate a month and check it."""
        state = self.market.state
        self.cash = state.cash.copy()
        self.living = {kind: np.flatnonzero(state.kind(kind)["alive"] == 1) for kind in LAYERS}
        self.living["apps"] = state.live.copy()
        self.made = state.pipeline[:, self.market.month % state.pipeline.shape[1]] + state.chipmakers["inventory"]
        self.capacity = state.foundry["capacity"].copy()
        self.market.step()
        self.everything()
        self.trades()
        self.money()
        self.hardware()

    def everything(self) -> None:
        """Numbers that are numbers, quantities that are quantities, shares that are shares."""
        self.numbers()
        self.customers()
        self.routing()

    def fail(self, what: str, where: Any) -> str:
        """The message of a violation."""
        return f"{what} after {self.market.month} months: {where}"

    def numbers(self) -> None:
        """Everything is finite, and within its bounds."""
        state = self.market.state
        for kind in KINDS:
            table = self._alive(kind)
            for name in table.dtype.names or ():
                values = np.asarray(table[name], float)
                assert np.isfinite(values).all(), self.fail("not a number", f"{kind}.{name} {values}")
            for name in POSITIVE.get(kind, ()):
                assert (table[name] >= -DUST).all(), self.fail("negative", f"{kind}.{name} {table[name]}")
            for name in SHARES.get(kind, ()):
                values = table[name]
                sound = (values >= -DUST) & (values <= 1 + ROUNDING)
                assert sound.all(), self.fail("no share", f"{kind}.{name} {values}")
        for name in ("cash", "fleet", "backlog", "pipeline", "construction", "specialisation", "grades"):
            values = getattr(state, name)
            assert np.isfinite(values).all(), self.fail("not a number", name)
            if name in ("fleet", "backlog", "pipeline", "construction"):
                assert (values >= 0).all(), self.fail("negative", f"{name} {values}")

    def customers(self) -> None:
        """Users and non-users are the potential; the apps' customers are the category's; choices add up to one."""
        state = self.market.state
        apps, users = self._alive("apps"), state.users
        room = ROUNDING * np.maximum(users["potential"], 1e-6)
        assert (users["customers"] <= users["potential"] + room).all(), self.fail("more users than potential", users)
        by_category = np.bincount(apps["category"], apps["tourists"] + apps["committed"], len(users))
        # Customers of apps that have left are non-users again.
        assert (by_category <= users["customers"] + room).all(), self.fail("customers", by_category)
        # Without an outside option the level of utility means nothing, and neither does the sign of the surplus.
        assert (users["consumer_surplus"][users["outside"] > 0.0] >= 0).all(), self.fail("surplus", users)
        chosen = np.bincount(apps["category"], apps["choice_share"], len(users))
        assert (chosen <= 1 + ROUNDING).all(), self.fail("choices add up to more than 1", chosen)

    def routing(self) -> None:
        """Shares of tokens and of hours add up to one, or to nothing where there is nobody to buy from."""
        state = self.market.state
        rows = {"routing": state.routing[state.live], "places": state.places, "app_places": state.app_places}
        for name, shares in rows.items():
            assert (shares >= 0).all() and (shares <= 1 + ROUNDING).all(), self.fail("no share", name)
            if name != "routing":
                total = shares.sum(axis=1)
                whole = (np.abs(total - 1) < ROUNDING) | (total == 0)
                assert whole.all(), self.fail(f"{name} do not add up to 1", total)

    def trades(self) -> None:
        """What was sold went along an edge, between firms that lived."""
        state = self.market.state
        first = state.first_account
        for posting in self.market.ledger.last_month():
            kind = KINDS_OF_PAYMENT[int(posting["kind"])]
            assert np.isfinite(posting["amount"]) and posting["amount"] >= 0, self.fail("payment", (kind, posting))
            for party, account in ((kind.payer, posting["payer"]), (kind.payee, posting["payee"])):
                if party in OUTSIDE_PARTIES:
                    assert account == OUTSIDE_PARTIES.index(party), self.fail("account", kind)
                elif kind.sale:
                    alive = int(account) - first[party] in self.living[party]
                    assert alive, self.fail("trade of the dead", (kind.name, self.market.account_name(int(account))))
            if kind.sale and kind.payer not in ("users", "outside") and kind.name not in CONTRACTS:
                buyer, seller = int(posting["payer"]) - first[kind.payer], int(posting["payee"]) - first[kind.payee]
                linked = self._edge(kind.payer, buyer, kind.payee, seller)
                assert linked, self.fail("trade without an edge", (kind.name, buyer, seller, posting["amount"]))

    def money(self) -> None:
        """Every dollar paid is received, account by account and in all."""
        ledger, after = self.market.ledger, self.market.state.cash
        turnover = float(ledger.last_month()["amount"].sum())
        scale = max(turnover, float(np.abs(self.cash).max(initial=0.0)) * 1e-6)
        gap = ledger.imbalance(self.cash, after)
        assert gap <= ROUNDING * scale, self.fail("an account moved by other than its postings", gap)
        drift = abs(float(after.sum() - self.cash.sum()))
        assert drift <= ROUNDING * max(scale, float(np.abs(after).max()) * 1e-3), self.fail("money made", drift)

    def hardware(self) -> None:
        """Hours sold are within capacity, chips delivered within those made, wafers started within the fabs."""
        state = self.market.state
        clouds, makers = state.clouds, state.chipmakers
        assert (clouds["hours"] <= clouds["capacity"] * (1 + ROUNDING)).all(), self.fail("hours", clouds["hours"])
        delivered = makers["delivered"]
        assert (delivered <= self.made * (1 + ROUNDING) + 1e-12).all(), self.fail("chips", (delivered, self.made))
        started = state.foundry["starts"]
        capacity = np.maximum(self.capacity, state.foundry["capacity"])  # an event may have raised it
        assert (started <= capacity * (1 + ROUNDING)).all(), self.fail("wafers", (started, capacity))

    def tables(self) -> None:
        """The records: shares of layers and firms add up, sources are uses, prices are numbers where there is trade."""
        results = self.market.results
        layers, payments, firms = (t.to_pandas() for t in (results.layers, results.payments, results.firms))
        final = {k.name for k in KINDS_OF_PAYMENT if k.use == "final demand"}
        demand = payments[payments["kind"].isin(final)].groupby("month")["amount"].sum()
        added = layers.groupby("month")["value_added"].sum()
        turnover = layers.groupby("month")[["revenue", "purchases"]].sum().sum(axis=1)
        assert (abs(added - demand) <= ROUNDING * (turnover + 1e-12)).all(), self.fail("value added", added - demand)
        for name in ("revenue_share", "profit_share"):
            total = layers.groupby("month")[name].sum(min_count=len(LAYERS)).dropna()
            assert np.allclose(total, 1.0), self.fail(name, total)
        shares = firms.groupby(["month", "kind"])["share"].sum()
        assert ((abs(shares - 1) < 1e-6) | (shares == 0)).all(), self.fail("market shares", shares)
        counted = layers[["hhi", "top1", "top3", "top5"]]
        assert ((counted >= 0) & (counted <= 1 + ROUNDING)).all(axis=None), self.fail("concentration", counted)
        assert (layers["gini"].between(-ROUNDING, 1 + ROUNDING)).all(), self.fail("gini", layers["gini"])
        for name in ("cash", "revenue", "price", "gross_profit"):
            assert np.isfinite(firms[name]).all(), self.fail("not a number", f"firms.{name}")
        kept = results.retention.to_pandas()["retention"].dropna()
        assert kept.between(0, 1 + ROUNDING).all(), self.fail("retention", kept)

    def _alive(self, kind: str) -> Any:
        state = self.market.state
        table = getattr(state, kind)
        return table[state.live] if kind == "apps" else table

    def _edge(self, buys: str, buyer: int, sells: str, seller: int) -> bool:
        """Whether the edge is there: edges change at the beginning of a month only."""
        cell = edge_cell(self.market.state, (buys, buyer), (sells, seller))
        return cell is not None and bool(cell[0][cell[1], cell[2]])
