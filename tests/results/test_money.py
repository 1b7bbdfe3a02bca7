"""Tagged cash: whose money each layer's revenue and profit are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csc_array

from moatlab import Market, Scenario
from moatlab.results.metrics import MONEY
from moatlab.results.money import POOLS, Tracer, mixes
from moatlab.results.payments import CODE, LAYERS, OUTSIDE_PARTIES

ESSAY = Scenario("essay-2023")


@pytest.fixture(scope="module")
def run() -> Any:
    return Market(ESSAY, rng=2).run(48)


def test_pools_add_up_to_every_layer(run: Any) -> None:
    money, layers = run.money.to_pandas(), run.layers.to_pandas().set_index(["month", "layer"])
    summed = money.groupby(["month", "layer"]).sum(numeric_only=True)
    scale = layers["revenue"].groupby("month").sum().max()
    for name in ("revenue", "cost_of_goods", "gross_profit", "gross_profit_after_depreciation"):
        gap = (summed[name] - layers[name].reindex(summed.index)).abs()
        assert gap.max() < 1e-9 * scale, name
    assert set(money.columns) == {"month", "layer", "pool", *(m.name for m in MONEY)}
    assert summed["share"].dropna().to_numpy() == pytest.approx(1.0)


def test_money_is_conserved_pool_by_pool(run: Any) -> None:
    """What a pool put in is what firms hold of it and what they paid to the world outside."""
    money, payments = run.money.to_pandas(), run.payments.to_pandas()
    held = money[money["month"] == 47].groupby("pool")["cash"].sum()
    assert set(held.index) == set(POOLS)
    first = pd.Series(0.0, list(POOLS))
    cash = run.about["first_cash"]
    clouds = run.about["first_account"]["clouds"]
    apps = run.about["first_account"]["apps"]
    first["owners"] = cash[clouds:apps].sum()
    first["funding"] = cash[:clouds].sum() + cash[apps:].sum()
    # What customers no longer pay the owners of labs passes no firm of the stack.
    payments = payments[payments["kind"] != "income lost"]
    entered = payments[payments["payer"].isin(["users", "outside"])].groupby("payer")["amount"].sum()
    left = payments[payments["payee"].isin(["investors", "parents", "suppliers"])]["amount"].sum()
    brought = payments[payments["payer"].isin(["investors", "parents", "suppliers"])]["amount"].sum()
    assert held.sum() == pytest.approx(first.sum() + entered.sum() + brought - left, rel=1e-9)
    assert held["users"] < entered["users"] and held["outside"] < entered["outside"]


def test_no_outside_demand_none_of_its_money() -> None:
    money = Market(ESSAY.set({"outside.initial_hours": 0.0}), rng=2).run(24).money.to_pandas()
    outside = money[money["pool"] == "outside"]
    assert (outside[["received", "revenue", "gross_profit", "cash"]] == 0.0).all().all()
    assert (money[money["pool"] == "users"]["revenue"] > 0).any()


def test_outside_demand_alone_pays_for_everything_below() -> None:
    """Nobody uses, funds or owns: all revenue of clouds, and in the end of chips, is outside demand's."""
    nothing = {"users.*.market_size": 0.0, "apps.startups": 0, "apps.entry_rate": 0.0, "investors.commitments": 0.0,
               "labs.*.cash": 0.0, "apps.*.cash": 0.0, "labs.*.cash_flow": 0.0, "labs.*.first_budget": 0.0,
               "labs.*.pledge": 0.0, "labs.pool": 0.0,
               "labs.*.parent_budget": 0.0, "clouds.*.finance": 0.0,
               "chipmakers.*.cash": 0.0, "foundry.*.cash": 0.0}  # fmt: skip
    nothing |= {f"apps.{slug}.customers": 0.0 for slug in ESSAY.slugs("apps")}
    nothing |= {f"apps.{slug}.own_model": False for slug in ESSAY.slugs("apps")}
    money = Market(ESSAY.set(nothing), rng=2).run(36).money.to_pandas()
    clouds = money[(money["layer"] == "clouds") & (money["pool"] != "outside")]
    assert clouds["revenue"].abs().max() < 1e-9
    last = money[(money["layer"] == "chipmakers") & (money["month"] == 35)].set_index("pool")["revenue"]
    assert last["outside"] > 0.9 * last.sum()


def test_layers_alone_tell_nearly_the_same() -> None:
    """A run without firms follows money between layers: additive too, and near the finer account of infrastructure."""
    fine, coarse = (Market(ESSAY, rng=2, detail=d).run(24).money.to_pandas() for d in ("firm", "layer"))
    one, other = (
        f[f["layer"].isin(["clouds", "chipmakers"])].groupby("pool")["gross_profit"].sum() for f in (fine, coarse)
    )
    assert one.sum() == pytest.approx(other.sum(), rel=1e-9)
    assert ((one - other).abs() / one.sum()).max() < 0.05


def test_what_stayed_is_what_each_pool_brought(run: Any) -> None:
    """By month and pool, over the layers: the payments from outside the stack that are the pool's, and nothing else."""
    stayed = run.money.to_pandas().groupby(["pool", "month"])["stayed"].sum().unstack("pool")
    payments = run.payments.to_pandas()
    scale = payments.groupby("month")["amount"].sum().max()

    def paid(chosen: Any) -> Any:
        return payments[chosen].groupby("month")["amount"].sum().reindex(range(48), fill_value=0.0)

    upper = payments["payee"].isin(["apps", "labs", "hosts"])
    capital = payments["payer"].isin(["investors", "parents"])
    assert (stayed["users"] - paid(payments["payer"] == "users")).abs().max() < 1e-9 * scale
    assert (stayed["outside"] - paid(payments["payer"] == "outside")).abs().max() < 1e-9 * scale
    assert (stayed["funding"] - paid(capital & upper)).abs().max() < 1e-9 * scale
    assert (stayed["owners"] - paid(capital & payments["payee"].isin(["clouds", "chipmakers", "foundry"]))
            ).abs().max() < 1e-9 * scale  # fmt: skip


def test_origins_are_shares_of_income_and_of_a_dollar(run: Any) -> None:
    table, money = run.origins(12, 23), run.money.to_pandas()
    year = money[money["month"].between(12, 23)]
    assert list(table.index) == list(LAYERS)
    assert table["income"].to_numpy() == pytest.approx(year.groupby("layer")["received"].sum()[list(LAYERS)].to_numpy())
    assert table[list(POOLS)].sum(axis=1).to_numpy() == pytest.approx(1.0)
    for pool in ("users", "outside", "funding"):
        assert table[f"stayed of {pool}"].sum() == pytest.approx(1.0)
    clouds = year[(year["layer"] == "clouds") & (year["pool"] == "funding")]
    brought = year[year["pool"] == "funding"]["stayed"].sum()
    assert table.loc["clouds", "stayed of funding"] == pytest.approx(clouds["stayed"].sum() / brought)


def test_nothing_brought_has_no_parts() -> None:
    table = Market(ESSAY.set({"outside.initial_hours": 0.0}), rng=2).run(6).origins()
    assert table["stayed of outside"].isna().all() and (table["outside"].fillna(0.0) == 0.0).all()


def test_a_negative_payment_comes_back_and_lowers_the_sale() -> None:
    """A lab returns 5 of the 20 that an app paid it."""
    apps, labs = LAYERS.index("apps"), LAYERS.index("labs")
    tracer = Tracer(np.array([0.0, 100.0, 100.0]), np.array([-1, apps, labs]))
    flows = tracer.month(*(np.array(x) for x in ([CODE["api"]] * 2, [1, 1], [2, 2], [20.0, -5.0])))
    funding = POOLS.index("funding")
    assert flows["revenue"][labs, funding] == pytest.approx(15.0) and flows["revenue"][apps].sum() == 0.0
    assert flows["cost_of_goods"][apps, funding] == pytest.approx(15.0)
    assert flows["received"][apps, funding] == pytest.approx(5.0)
    assert flows["stayed"][apps, funding] == pytest.approx(-15.0)
    assert flows["stayed"][labs, funding] == pytest.approx(15.0)


def test_mixes_by_hand() -> None:
    """An app with 30 of users' money and 10 of funding pays a lab 20; the lab holds 20 of funding and pays 5 back.

    m_app (40 + 5) = (30 users, 10 funding) + 5 m_lab; m_lab (20 + 20) = 20 funding + 20 m_app.
    """
    held = np.zeros((2, len(POOLS)))
    sources = np.zeros_like(held)
    held[0, POOLS.index("funding")] = 10.0
    held[1, POOLS.index("funding")] = 20.0
    sources[0, POOLS.index("users")] = 30.0
    paid = csc_array(np.array([[0.0, 5.0], [20.0, 0.0]]))
    mix = mixes(held, sources, paid)
    users = np.linalg.solve([[45.0, -5.0], [-20.0, 40.0]], [30.0, 0.0])
    assert mix[:, POOLS.index("users")] == pytest.approx(users)
    assert mix.sum(axis=1) == pytest.approx(1.0)


def test_what_is_held_is_spent_with_what_comes_in() -> None:
    """An app with 30 of funding takes 10 from users and pays a lab 20: three quarters of each dollar are funding."""
    app, lab = len(OUTSIDE_PARTIES), len(OUTSIDE_PARTIES) + 1
    layers = np.array([-1] * app + [LAYERS.index("apps"), LAYERS.index("labs")])
    tracer = Tracer(np.array([0.0] * app + [30.0, 0.0]), layers)
    kind = np.array([CODE["subscription"], CODE["api"]])
    month = tracer.month(kind, np.array([OUTSIDE_PARTIES.index("users"), app]), np.array([app, lab]),
                         np.array([10.0, 20.0]))  # fmt: skip
    pools = [POOLS.index("funding"), POOLS.index("users")]
    assert month["revenue"][LAYERS.index("labs"), pools] == pytest.approx([15.0, 5.0])
    assert tracer.held[app, pools] == pytest.approx([15.0, 5.0])
    assert tracer.held[lab, pools] == pytest.approx([15.0, 5.0])


def test_who_has_nothing_pays_on_credit() -> None:
    mix = mixes(np.zeros((1, len(POOLS))), np.zeros((1, len(POOLS))), csc_array(np.zeros((1, 1))))
    assert mix[0, POOLS.index("credit")] == 1.0
