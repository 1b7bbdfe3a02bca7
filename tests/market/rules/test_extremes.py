"""Values at the ends of their ranges: formulas give numbers, and what must follow in the limit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from moatlab import Market, Scenario
from tests.invariants.checks import Watch

TINY = Scenario("tiny")
NO_ROWS_OF_THEIR_OWN = {"apps.startups": 0, "apps.entry_rate": 0.0}


def watched(scenario: Scenario, months: int = 12) -> Market:
    """A market whose invariants were checked every month."""
    market = Market(scenario, rng=1)
    watch = Watch(market)
    for _ in range(months):
        watch.step()
    watch.tables()
    return market


@pytest.mark.parametrize("nests", [0.0, 0.6])
def test_differences_of_utility_count_and_not_its_level(nests: float) -> None:
    """All alternatives better by 700 taste scales: the same market, beyond the range of an exponential."""
    plain = TINY.set({"users.*.taste_scale": 0.1, "users.*.nest_correlation": nests} | NO_ROWS_OF_THEIR_OWN)
    risen = plain.set({"apps.*.brand": 70.0, "users.outside_value": 70.0, "apps.brand_half_life": 1e6})
    one, other = (watched(scenario, 2).results.firms.to_pandas() for scenario in (plain, risen))
    np.testing.assert_allclose(other["customers"], one["customers"], rtol=0.01)


@pytest.mark.parametrize("nests", [0.0, 0.95])
@pytest.mark.parametrize("outside", [0.0, -1000.0])
def test_nobody_leaves_when_leaving_costs_thousands_of_taste_scales(nests: float, outside: float) -> None:
    bound = {"users.*.switching_cost": 100.0, "users.*.taste_scale": 0.02, "users.*.nest_correlation": nests,
             "users.outside_value": outside, "users.outside_catchup": 0.0, "users.*.market_growth": 1.0}  # fmt: skip
    market = watched(TINY.set(bound))
    # Who has nobody to be bound to, an app that hardly attracts, may lose its customers all the same.
    apps = market.state.apps[market.state.live]
    assert (apps["left"][apps["attraction"] > 0.0] < 1e-12).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"users.*.taste_scale": 1e-6},
        {"users.*.taste_scale": 0.01, "users.*.depth_gain": 10.0, "users.*.portability": 0.0},
        {"users.outside_value": 1000.0},
        {"chipmakers.*.ecosystem": 100.0, "chipmakers.ecosystem_taste": 100.0},
        {"chipmakers.*.price": 1e6, "chipmakers.vendor_sharpness": 100.0},
        {"chipmakers.volume_discount": 1.0, "clouds.small.fleet": 0.0},
        {"clouds.*.gravity": -5.0, "compute.switching_rate": 1.0},
        {"clouds.running_cost": 1e-3, "foundry.fab.price": 1e-3, "chipmakers.*.unit_cost": 0.0},
    ],
    ids=lambda changes: ", ".join(changes),
)
def test_extremes_stay_numbers(changes: dict[str, Any]) -> None:
    watched(TINY.set(changes))


def test_a_chip_without_a_price_goes_to_that_of_its_maker_s_own_rule() -> None:
    market = watched(TINY.with_events("month 3: set chipmakers.leader.price 0"))
    prices = market.results.series("chipmakers.leader.price")
    assert 0.5 < prices[4] / prices[2] < 2.0


def test_a_cloud_without_a_whole_gpu_rents_out_nothing() -> None:
    """Else a sliver of a fleet would clear at any rent, and contracts would be priced by it."""
    market = watched(TINY.set({"clouds.small.fleet": 1e-100}), 1)
    small = market.find_row("clouds.small")[1]
    assert market.state.clouds["hours"][small] == 0.0
    assert market.state.clouds["rent"].max() < 1e3


def test_a_model_that_an_event_gives_is_of_the_size_that_its_capability_takes() -> None:
    market = watched(TINY.with_events("months 3-8: set apps.writer.own_model true"), 4)
    state = market.state
    app, growth = state.apps[market.find_row("apps.writer")[1]], float(state.shared["labs_algorithm_growth"][0])
    points = app["own_capability"] - 3 * growth
    assert app["own_hours"] == pytest.approx(state.shared["labs_reference_hours"][0] * 10.0**points, rel=0.2)
    assert app["own_unit_cost"] > 0.0
    watched(TINY.with_events("months 3-8: set apps.*.own_model true"))


def test_concentration_of_revenues_whose_squares_are_no_numbers() -> None:
    still = {"users.*.adoption_p": 0.0, "users.*.adoption_q": 0.0} | NO_ROWS_OF_THEIR_OWN
    watched_hhi = watched(TINY.set({"apps.*.customers": 1e-170} | still), 2).state.users["hhi"]
    assert (watched_hhi > 0.0).all() and (watched_hhi <= 1.0 + 1e-12).all()


def test_tokens_that_become_worthless() -> None:
    worthless = TINY.with_events("month 1: set users.*.usage_value 5e-324")
    assert (np.abs(watched(worthless, 3).state.apps["use_value"]) < 1e-300).all()
