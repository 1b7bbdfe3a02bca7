"""Invariants of random markets.  ``make invariants SCENARIOS=10000`` runs as many as that."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from moatlab import Market, Scenario
from tests.invariants.checks import Watch
from tests.invariants.strategies import MONTHS, scenarios

SOME, MANY = 60, int(os.environ.get("MOATLAB_SCENARIOS", "10000"))
#: Parts of the many, each with a seed of its own, so that several processes share them and a failure comes again.
SHARDS = 10
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def hold(scenario: Scenario, rng: int) -> None:
    watch = Watch(Market(scenario, rng=rng))
    for _ in range(MONTHS):
        watch.step()
    watch.tables()


@settings(max_examples=SOME, deadline=None, derandomize=True, database=None, suppress_health_check=SLOW)
@given(scenarios(), st.integers(0, 2**32))
def test_invariants_hold_on_some_markets(scenario: Scenario, rng: int) -> None:
    hold(scenario, rng)


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_invariants_hold_on_many_markets(shard: int) -> None:
    @seed(shard)
    @settings(max_examples=-(-MANY // SHARDS), deadline=None, database=None, suppress_health_check=SLOW)
    @given(scenarios(), st.integers(0, 2**32))
    def shards(scenario: Scenario, rng: int) -> None:
        hold(scenario, rng)

    shards()


@pytest.mark.parametrize("name", ["essay-2023", "tiny"])
def test_invariants_hold_on_the_packaged_scenarios(name: str) -> None:
    watch = Watch(Market(name, rng=7))
    for _ in range(60):
        watch.step()
    watch.tables()
