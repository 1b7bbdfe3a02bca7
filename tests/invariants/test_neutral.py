"""A driver at its neutral value: its phenomenon is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from moatlab import Market, Scenario
from moatlab.results.results import Results

Look = Callable[[Results], float]


def largest(address: str) -> Look:
    return lambda run: float(run.series(address).abs().max())


#: What is set, months, what is seen of it, and whether it is there at the default.
NEUTRAL: dict[str, tuple[dict[str, Any], int, Look]] = {
    "no graduation": ({"apps.graduation": "off"}, 60, largest("apps.graduations")),
    "ample supply, no scarcity": ({"clouds.*.fleet": 50_000.0}, 6, largest("market.scarcity_rent")),
    "nobody reconsiders": (
        {"users.*.hazard_tourist": 0.0, "users.*.hazard_committed": 0.0}, 12, largest("apps.churn"),
    ),
    "no tourists": (
        {"users.*.tourist_share": 0.0}, 24, lambda run: float(run.categories["joined_tourists"].max()),
    ),
    "no entry": ({"apps.entry_rate": 0.0}, 24, largest("apps.entries")),
    "no outside demand": (
        {"outside.initial_hours": 0.0}, 3,
        lambda run: 1.0 - float(run.series("market.generative_share").min()),
    ),
    "no stakes sold, no rounds of labs": (
        {"investors.lab_stake": 0.0}, 24,
        lambda run: float(run.payments["amount"][run.payments["kind"] == "lab equity"].max()),
    ),
    "hype that never moves": (
        {"investors.hype": 0.0, "investors.hype_volatility": 0.0, "investors.hype_feedback": 0.0}, 24,
        largest("market.hype"),
    ),
    "no spread of prices": (
        {"labs.*.price_rule": "frozen", "labs.*.price": 20.0}, 12,
        lambda run: float((run.firms["price"][run.firms["kind"] == "labs"] - 20.0).abs().max()),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NEUTRAL)
def test_a_neutral_driver_has_no_effect(name: str) -> None:
    changes, months, look = NEUTRAL[name]
    base = Scenario("essay-2023")
    assert look(Market(base, rng=1).run(months)) > 1e-6
    assert look(Market(base.set(changes), rng=1).run(months)) < 1e-9


def test_without_tourists_and_rivals_churn_is_the_hazard_of_the_committed() -> None:
    """With no outside option to go to either, only those leave whom a rival draws: with one app, nobody."""
    only = {"category": "all", "source": "lab", "customers": 0.5, "price": 20.0, "price_rule": "frozen"}
    alone = Scenario.from_dict({
        "name": "alone", "users": {"all": {"market_size": 5.0, "tourist_share": 0.0, "hazard_committed": 0.06}},
        "apps": {"only": only, "startups": 0, "entry_rate": 0.0}, "labs": {"lab": {"capability": 0.5}},
        "clouds": {"cloud": {}}, "chipmakers": {"maker": {}}, "foundry": {"fab": {}},
    })  # fmt: skip
    run = Market(alone, rng=1).run(12)
    assert 0 < run.series("apps.churn").max() <= 0.06
    kept = Market(alone.set({"users.outside_value": -200.0, "users.outside_catchup": 0.0}), rng=1).run(12)
    assert kept.series("apps.churn").max() < 1e-12
