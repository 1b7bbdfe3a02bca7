"""The ledger: every dollar paid is received, and the layers' accounts are its sums."""

from __future__ import annotations

import numpy as np
import pytest

from moatlab import Market
from moatlab.results.payments import KINDS_OF_PAYMENT, LAYERS
from moatlab.results.results import Results


@pytest.fixture(scope="module")
def run() -> Results:
    return Market("essay-2023", rng=3).run(40)


def test_cash_of_every_account_moves_by_its_postings_only() -> None:
    market = Market("essay-2023", rng=2)
    for _ in range(30):
        before = market.state.cash.copy()
        market.step()
        turnover = sum(abs(p) for p in market.ledger.last_month()["amount"])
        assert market.ledger.imbalance(before, market.state.cash) < 1e-9 * turnover
        # Double entry: what all accounts hold together never changes.
        assert abs(market.state.cash.sum() - before.sum()) < 1e-9 * turnover


def test_final_demand_is_the_value_added_of_all_layers(run: Results) -> None:
    layers, payments = run.layers.to_pandas(), run.payments.to_pandas()
    final = {k.name for k in KINDS_OF_PAYMENT if k.use == "final demand"}
    demand = payments[payments["kind"].isin(final)].groupby("month")["amount"].sum()
    added = layers.groupby("month")["value_added"].sum()
    np.testing.assert_allclose(added, demand, rtol=1e-9)


def test_sources_are_uses(run: Results) -> None:
    """Final demand and outside capital pay suppliers, owners, and what firms add to their cash."""
    payments = run.payments.to_pandas()
    outer = {"users", "outside", "investors", "parents", "suppliers"}
    sources = payments[payments["payer"].isin(outer)].groupby("month")["amount"].sum()
    uses = payments[payments["payee"].isin(outer)].groupby("month")["amount"].sum()
    cash = run.layers.to_pandas().groupby("month")["cash"].sum()
    # Layers' cash is read before firms leave and enter; write-offs, last payouts and seeds come after.
    late = payments[payments["kind"].isin(["app write-off", "lab write-off"])].groupby("month")["amount"].sum()
    seeds = run.ledger.to_pandas()
    seeds = seeds[seeds["kind"] == "app equity"]
    assert np.isfinite(cash).all()
    kept = sources.cumsum() - uses.cumsum()
    drift = (kept - cash) - (kept - cash).iloc[0]
    bound = late.cumsum() + seeds.groupby("month")["amount"].sum().reindex(late.index).fillna(0.0).cumsum()
    assert (drift.abs() <= bound + 1e-6 * cash.abs()).all()


def test_revenue_of_firms_is_what_the_ledger_paid_them(run: Results) -> None:
    firms, ledger = run.firms.to_pandas(), run.ledger.to_pandas()
    sales = {k.name for k in KINDS_OF_PAYMENT if k.sale}
    paid = ledger[ledger["kind"].isin(sales)].groupby(["month", "payee"])["amount"].sum()
    firms["payee"] = firms["kind"] + "." + firms["slug"]
    booked = firms.set_index(["month", "payee"])["revenue"]
    booked = booked[booked > 0]
    np.testing.assert_allclose(booked, paid.reindex(booked.index), rtol=1e-9)
    assert set(paid.index) == set(booked.index)


def test_layer_accounts_are_sums_of_the_ledger(run: Results) -> None:
    layers, ledger = run.layers.to_pandas(), run.ledger.to_pandas()
    for layer in LAYERS:
        bought = {k.name for k in KINDS_OF_PAYMENT if k.payer == layer and k.use == "cost of goods"}
        mine = ledger[ledger["kind"].isin(bought)].groupby("month")["amount"].sum()
        told = layers[layers["layer"] == layer].set_index("month")["cost_of_goods"]
        np.testing.assert_allclose(told, mine.reindex(told.index).fillna(0.0), rtol=1e-9, atol=1e-9)
