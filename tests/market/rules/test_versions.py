"""Models in service: what they cost to serve, and how customers move from version to version."""

from __future__ import annotations

import numpy as np
import pytest

from moatlab import Market, Scenario

ESSAY = Scenario("essay-2023")
STILL = {
    "labs.specialisation": 0.0, "labs.run_luck": 0.0, "labs.algorithm_growth": 1.0, "labs.serving_efficiency": 1.0,
}  # fmt: skip


def test_who_learns_from_a_leader_serves_at_the_leader_s_cost() -> None:
    """However labs have come to what their models can do, the same capability takes the same hours a token."""
    market = Market(ESSAY, rng=1)
    market.run(60)
    points = market.state.labs["capability"].copy()
    market.step()
    alive = market.state.labs["alive"] == 1
    hours_per_token = market.state.labs["hours_per_token"][alive]
    slope, _ = np.polyfit(points[alive], np.log10(hours_per_token), 1)
    exponent = float(market.state.shared["labs_serving_exponent"][0])
    assert slope == pytest.approx(exponent, rel=1e-9) and np.ptp(points[alive]) > 0.3
    # A capability that an event gives costs what it takes from that month on.
    before, after = (
        Market(ESSAY.set(STILL).with_events(*events), rng=1)
        for events in ((), ("month 6: set labs.cohere.capability 2.3",))
    )
    hours, points = [], []
    for one in (before, after):
        one.run(6)
        row = one.find_row("labs.cohere")[1]
        points.append(float(one.state.labs["capability"][row]))
        one.step()
        hours.append(float(one.state.labs["hours_per_token"][row]))
    assert hours[1] / hours[0] == pytest.approx(10.0 ** (exponent * (2.3 - points[0])), rel=1e-9)


def test_customers_move_to_a_new_version_over_months() -> None:
    """What is in service follows the newest model by a share of the distance a month, and never jumps."""
    speed = 0.15
    market = Market(ESSAY.set({"labs.version_speed": speed, "labs.run_luck": 0.0}), rng=1)
    largest, lagging = 0.0, 0
    for _ in range(36):
        labs = market.state.labs.copy()
        market.step()
        moved = market.state.labs["capability"] - labs["capability"]
        newest = market.state.labs["capability"] + market.state.labs["upgrade"]
        np.testing.assert_allclose(moved, speed * (newest - labs["capability"]), atol=1e-12)
        largest = max(largest, float(moved.max()))
        lagging += int((market.state.labs["upgrade"] > 0.05).any())
    assert lagging > 12 and largest < 0.3
