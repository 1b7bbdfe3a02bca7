"""Tipping: customers shared out again, thresholds and hysteresis on planted shares, and the market's own direction."""

from __future__ import annotations

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.evidence.tipping import DOMINANT, EVEN, GIVEN, Plan, Tipping, bimodality, run_seed, share_out

ESSAY = Scenario("essay-2023")


def test_customers_are_shared_out_and_none_is_lost() -> None:
    market = Market(ESSAY, rng=1)
    market.run(12)
    state = market.state
    before = {name: np.bincount(state.apps["category"][state.live], state.apps[name][state.live])
              for name in ("tourists", "committed")}  # fmt: skip
    for how in (EVEN, DOMINANT):
        first = share_out(market, how)
        for name, total in before.items():
            now = np.bincount(state.apps["category"][state.live], state.apps[name][state.live])
            assert now == pytest.approx(total)
        for k, identity in enumerate(first):
            rows = state.live[state.apps["category"][state.live] == k]
            held = state.apps["tourists"][rows] + state.apps["committed"][rows]
            if identity is None:
                assert len(rows) < 2
            elif how == EVEN:
                assert held == pytest.approx(held[0])
            else:
                assert float(held.max() / held.sum()) == pytest.approx(GIVEN)
                assert int(state.apps["identity"][rows[held.argmax()]]) == identity


def planted(below: list[float], above: list[float], seeds: int = 8) -> Tipping:
    """The leader's share by strength from either start, with a little noise over seeds."""
    scenario = Scenario("tiny")
    categories = len(scenario.slugs("users"))
    plan = Plan(scenario, tuple(float(s) for s in range(len(below))), seeds=seeds)
    rng = np.random.default_rng(1)
    shares = np.ones((seeds, len(below), 2, categories, 2))
    for j, paths in enumerate((below, above)):
        shares[:, :, j, :, 0] = np.array(paths)[None, :, None] + 0.005 * rng.standard_normal(
            (seeds, len(below), categories)
        )
    return Tipping(plan, shares)


def test_thresholds_from_either_side() -> None:
    found = planted([0.3, 0.3, 0.32, 0.34, 0.9, 0.95], [0.3, 0.31, 0.8, 0.85, 0.9, 0.95]).thresholds().iloc[0]
    assert found["from_below"] == 4.0 and found["from_above"] == 2.0
    assert found["hysteresis"] and (found["apart_from"], found["apart_to"]) == (2.0, 3.0)


def test_without_network_effects_that_matter_nothing_tips() -> None:
    tipping = planted([0.6] * 4, [0.6] * 4)
    found = tipping.thresholds().iloc[0]
    assert np.isinf(found["from_below"]) and np.isinf(found["from_above"]) and not found["hysteresis"]
    assert "0 tip from an even start" in tipping.sentence()


def test_a_leader_that_was_large_anyhow_has_not_tipped() -> None:
    """Tipped is what goes half-way from the share without network effects to all."""
    assert np.isinf(planted([0.6, 0.7, 0.78], [0.6, 0.7, 0.78]).thresholds().iloc[0]["from_below"])
    assert planted([0.6, 0.7, 0.83], [0.6, 0.7, 0.83]).thresholds().iloc[0]["from_below"] == 2.0


def test_bimodality_of_known_distributions() -> None:
    rng = np.random.default_rng(2)
    assert bimodality(rng.random(20_000)) == pytest.approx(5 / 9, abs=0.01)
    assert bimodality(rng.standard_normal(20_000)) == pytest.approx(1 / 3, abs=0.02)
    assert bimodality(np.r_[np.zeros(500), np.ones(500)] + 0.001 * rng.random(1000)) > 0.95
    assert np.isnan(bimodality(np.ones(9))) and np.isnan(bimodality(np.array([1.0, 2.0])))


def test_strong_network_effects_concentrate_and_keep_who_led() -> None:
    plan = Plan(ESSAY, (0.0, 20.0), month=24, after=48, seeds=1)
    found = run_seed(plan, 1)
    assert found.shape == (2, 2, len(ESSAY.slugs("users")), 2)
    share = np.nanmean(found[..., 0], axis=2)
    assert share[1, 0] > share[0, 0] + 0.02
    assert np.nanmean(found[1, 1, :, 1]) >= np.nanmean(found[1, 0, :, 1])
