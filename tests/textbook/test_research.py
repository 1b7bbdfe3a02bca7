"""Capability from compute, half-lives of leads and of special access, how talent moves and what it carries."""

from __future__ import annotations

from math import log10

import numpy as np
import pytest

from moatlab import Market
from tests.textbook.tokens import of_labs, rejects, run, scenario

LEADER, FOLLOWER = 0, 1


def test_capability_is_the_log_of_effective_compute() -> None:
    """The run's GPU-hours, from what was paid over the rent of the month; public progress and the lead of its end."""
    market = Market(scenario("research"), rng=1)
    released: list[tuple[float, float]] = []
    hours = float(market.state.labs["run_hours"][LEADER])
    for month in range(40):
        before = market.state.labs[LEADER].copy()
        now = market.state.now[0].copy()
        market.step()
        lab = market.state.labs[LEADER]
        ledger = market.results.ledger.to_pandas()
        spent = ledger[(ledger["kind"] == "lab training") & (ledger["month"] == month)]
        paid = spent[spent["payer"] == "labs.leader"]["amount"].sum()
        hours += paid / float(market.state.clouds["rent"][0])
        if lab["released"]:
            effective = hours * 10 ** float(now["algorithms"]) * 10 ** float(before["private_lead"])
            rejects(lab["capability"], log10(effective / 45.0), np.log(effective / 45.0), tolerance=1e-9)
            released.append((month, float(lab["capability"])))
        if lab["run_age"] == 0.0:
            hours = 0.0
    assert len(released) >= 3


def test_a_private_lead_halves_in_its_half_life() -> None:
    market = run(scenario("research", {"labs.leak_half_life": 7.0}), 21)
    # Wrong: a share of 1/7 a month, or the mean life taken for the half-life.
    rejects(of_labs(market, "private_lead")[LEADER], 1.0 / 8.0, (1 - 1 / 7) ** 21, np.exp(-3.0), tolerance=1e-9)


def test_the_gap_to_the_frontier_closes_by_what_can_leak() -> None:
    """gap(t) = gap(0) [1 - share (1 - 2^(-1/h))]^t while the leader stands still."""
    still = {"labs.leader.parent_budget": 0.0, "labs.leak_share": 0.6, "labs.leak_half_life": 5.0}
    market = run(scenario("research", still), 24)
    found = np.diff(of_labs(market, "capability")[::-1])[0]
    rejects(found, 2.0 * (1 - 0.6 * (1 - 2**-0.2)) ** 24, 2.0 * 2 ** (-0.6 * 24 / 5), tolerance=1e-9)


def test_talent_goes_where_it_is_bid_for_and_brings_what_it_knows() -> None:
    """Stocks: t' = (1 - m) t + m T bid.  A lab that knows less learns the share of newcomers of the difference."""
    mobile = {
        "labs.talent_mobility": 0.1,
        "labs.talent_carry": 0.5,
        "labs.compute_share": 0.0,
        "labs.leak_half_life": 1e6,
        "labs.leader.parent_budget": 30.0,
        "labs.follower.parent_budget": 10.0,
        "labs.leader.talent": 1.0,
        "labs.follower.talent": 3.0,
    }
    market = Market(scenario("research", mobile), rng=1)
    talent, lead = np.array([1.0, 3.0]), np.array([1.0, 0.0])
    for _ in range(12):
        staff = of_labs(market, "staff")
        coming = 0.1 * talent.sum() * staff / staff.sum()
        pool = (talent * lead).sum() / talent.sum()
        after = 0.9 * talent + coming
        lead = (lead + 0.5 * coming / after * np.maximum(0.0, pool - lead)) * 2 ** (-1 / 1e6)
        talent = after
        market.step()
        np.testing.assert_allclose(of_labs(market, "talent"), talent, rtol=1e-12)
        np.testing.assert_allclose(of_labs(market, "private_lead"), lead, rtol=1e-9, atol=1e-12)
    assert talent[LEADER] > 2.0 and lead[FOLLOWER] > 0.1
    still = run(scenario("research", {**mobile, "labs.talent_mobility": 0.0}), 12)
    assert of_labs(still, "talent").tolist() == [1.0, 3.0] and of_labs(still, "private_lead")[FOLLOWER] == 0.0


def test_a_capped_profit_lab_spends_on_training_what_its_owners_may_not_have() -> None:
    """Without a cap the surplus is paid out; at a cap of 0 none is, and the money goes to training."""
    rich = {"labs.leader.cash": 1000.0, "labs.payout_months": 1.0, "labs.spending_horizon": 20.0}
    arms = [run(scenario("research", {**rich, "labs.leader.profit_cap": cap}), 24) for cap in (1e6, 0.3, 0.0)]
    paid, trained = [], []
    for market in arms:
        ledger = market.results.ledger.to_pandas()
        mine = ledger[ledger["payer"] == "labs.leader"]
        paid.append(mine[mine["kind"] == "lab payout"]["amount"].sum())
        trained.append(mine[mine["kind"] == "lab training"]["amount"].sum())
    assert paid[0] > paid[1] == pytest.approx(300.0) and paid[2] == 0.0
    assert trained[0] < trained[1] < trained[2]


def test_special_access_and_developers_fade_to_their_neutral_value() -> None:
    """Nothing feeds special access; developers leave a lab that sells nothing (no API)."""
    closed = {
        "labs.follower.access": 2.0,
        "investors.access_decay": 0.1,
        "labs.follower.ecosystem": 2.0,
        "labs.ecosystem_half_life": 6.0,
        "labs.follower.api": False,
    }
    market = run(scenario("research", closed), 18)
    rejects(of_labs(market, "access")[FOLLOWER], 2.0 * 0.9**18, 2.0 * np.exp(-1.8), tolerance=1e-9)
    rejects(of_labs(market, "ecosystem")[FOLLOWER], 2.0 / 8.0, 2.0 * np.exp(-3.0), tolerance=1e-9)
