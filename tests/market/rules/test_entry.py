"""Entry by what a newcomer is worth, and exit of what is worth nothing."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.market.rules.entry import count_entrants, weigh_entry, worth_of_flow
from moatlab.market.rules.turnover import leave
from tests.textbook.demand import scenario

ESSAY = Scenario("essay-2023")


def value(name: str) -> float:
    return float(ESSAY.kind_value("apps", name))


def test_the_worth_of_a_flow_is_its_sum() -> None:
    rate, growth, months = 0.02, 0.03, 24.0
    t = np.linspace(0.0, months, 200_001)
    first = np.trapezoid(np.exp((growth - rate) * t), t)
    whole = first + np.exp((growth - rate) * months) / rate
    assert worth_of_flow(rate, growth, months) == pytest.approx(whole, rel=1e-9)
    assert worth_of_flow(rate, rate, months) == pytest.approx(months + 1.0 / rate)
    assert worth_of_flow(rate, 0.0, months) == pytest.approx(1.0 / rate)


def test_entry_is_poisson_in_hype_and_value() -> None:
    market = Market(ESSAY.set({"apps.entry_rate": 5.0}), rng=1)
    market.run(6)
    state = market.state
    users = state.users
    state.now["hype"] = 0.7
    users["entry_pull"] = np.linspace(-2.0, 1.0, len(users))
    rate = 5.0 * np.exp(value("entry_hype") * 0.7) / len(users) * np.exp(users["entry_pull"])
    months, counts = 4000, []
    for month in range(months):
        state.now["month"] = month
        count_entrants(state.arrays)
        counts.append(state.entrants.copy())
    found = np.array(counts)
    np.testing.assert_allclose(found.mean(axis=0), rate, atol=5 * np.sqrt(rate.max() / months))
    np.testing.assert_allclose(found.var(axis=0), rate, rtol=0.2, atol=0.05)


def test_entry_follows_a_newcomer_s_value_over_its_cost_part_of_the_way() -> None:
    market = Market(ESSAY, rng=1)
    market.run(18)
    state = market.state
    users = state.users
    before = users["entry_pull"].copy()
    weigh_entry(state.arrays)
    over = users["entrant_value"] / (value("entry_cost") + value("startup_cash"))
    wanted = value("entry_response") * np.log(np.clip(over, value("entry_floor"), value("entry_ceiling")))
    np.testing.assert_allclose(users["entry_pull"], before + value("entry_speed") * (wanted - before), rtol=1e-9)
    assert (users["entrant_value"] > 0.0).any()


def test_a_newcomer_is_worth_more_where_demand_is_larger_and_less_where_many_are_young() -> None:
    market = Market(ESSAY, rng=1)
    market.run(30)

    def worth(market: Market) -> float:
        weigh_entry(market.state.arrays)
        return float(market.state.users["entrant_value"].sum())

    base = worth(copy.deepcopy(market))
    larger = copy.deepcopy(market)
    larger.state.users["pull"] *= 1.5
    assert worth(larger) > base
    young = copy.deepcopy(market)
    rows = young.state.live[young.state.apps["birth"][young.state.live] > 12]
    assert len(rows) > 5
    young.state.apps["attraction"][rows] *= 5.0
    assert worth(young) < base


def test_what_earns_nothing_closes_once_it_is_grown_and_who_is_covered_does_not() -> None:
    market = Market(ESSAY.set({"apps.exit_hazard": 0.0}), rng=1)
    market.run(24)
    state = market.state
    apps, cash = state.apps, state.cash
    state.apps["birth"][state.live] = 0
    covered = (apps["incumbent"][state.live] == 1) | (apps["owner"][state.live] >= 0)
    poor = [int(r) for r in state.live[~covered][:3]]
    kept = int(state.live[covered][0])
    for row in (*poor, kept):
        apps["gross_profit"][row] = 0.01 * value("overhead")
        cash[apps["account"][row]] = 5.0
    apps["birth"][poor[0]] = 20
    investors = float(cash.sum())
    leave(state.arrays)
    assert [int(apps["alive"][row]) for row in (*poor, kept)] == [1, 0, 0, 1]
    # What is left goes to the investors, and nothing is lost.
    assert cash[apps["account"][poor[1]]] == 0.0 and cash.sum() == pytest.approx(investors)


def test_apps_end_for_other_reasons_at_the_rate_declared() -> None:
    """Random exit: survival is exponential in age."""
    rate = 0.03
    still = {"apps.exit_hazard": rate, "apps.startups": 400, "apps.entry_rate": 0.0, "apps.exit_age": 1e5,
             "apps.overhead": 0.0, "apps.spending": "shares", "apps.rnd_share": 0.0,
             "apps.marketing_share": 0.0}  # fmt: skip
    run = Market(scenario("free-entry").set(still), rng=1).run(24)
    firms = run.series("apps.firms").to_numpy()
    assert firms[-1] == pytest.approx(firms[0] * (1 - rate) ** 23, abs=4 * np.sqrt(100))


@pytest.mark.slow
def test_entrants_are_worth_about_what_founding_costs_in_the_long_run() -> None:
    """Free entry in the textbook market at rest: realised present value over cost, over all entrants of 48 runs."""
    from benchmarks.entry import entrants

    found = [entrants(scenario("free-entry"), seed) for seed in range(1, 49)]
    values = [table[(table["birth"] >= 48) & (table["birth"] < 150)] for table in found]
    worth = sum(float(table["value"].sum()) for table in values) / sum(float(table["cost"].sum()) for table in values)
    assert 0.75 < worth < 1.25
