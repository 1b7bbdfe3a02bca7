"""Rounds of apps: investors buy a share of what a firm's revenue is worth, and no more."""

from __future__ import annotations

import numpy as np

from moatlab import Market, Scenario

ESSAY = Scenario("essay-2023")


def test_a_round_is_at_most_a_share_of_what_revenue_is_worth() -> None:
    years = 1.0
    results = Market(ESSAY.set({"investors.largest_round": years}), rng=1).run(36)
    firms = results.firms.to_pandas().query("kind == 'apps'")
    firms["payee"] = "apps." + firms["slug"]
    rounds = results.ledger.to_pandas().query("kind == 'app equity'").merge(firms, on=["month", "payee"])
    # Who enters in a month is not yet in its table of firms, so that seed rounds are not among these.
    worth = years * 12.0 * rounds["revenue"].to_numpy()
    ratio = rounds["amount"].to_numpy() / worth
    assert (ratio <= 1.0 + 1e-9).all()
    assert 0.05 < np.isclose(ratio, 1.0).mean() < 0.95


def test_without_worth_there_is_no_round_but_the_seed() -> None:
    results = Market(ESSAY.set({"investors.largest_round": 0.0}), rng=1).run(48)
    seed = sum(float(ESSAY.kind_value("apps", name)) for name in ("startup_cash", "entry_cost"))
    paid = results.payments.to_pandas().query("kind == 'app equity'")["amount"].sum()
    assert np.isclose(paid, results.path("apps.entries").sum() * seed)


def test_who_leaves_owes_money_and_leaves_the_debt_to_suppliers() -> None:
    results = Market(ESSAY.set({"investors.largest_round": 0.0}), rng=1).run(36)
    lost = results.ledger.to_pandas().query("kind == 'app write-off'")
    # Who closes without debts pays out what is left.
    assert 5 < len(lost) < results.path("apps.exits").sum()
    assert (lost["payer"] == "suppliers").all() and (lost["amount"] > 0.0).all()
