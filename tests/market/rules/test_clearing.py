"""The clearing of the market for GPU-hours, on random markets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.errors import ClearingError
from moatlab.market.month import MONTH, NOT_CLEARED
from moatlab.market.rules import clearing
from moatlab.market.rules.clearing import TOLERANCE
from tests.market.rules.random_markets import Case, draw


def hours(case: Case, rents: Any) -> Any:
    """Hours wanted of each cloud at those rents, straight from the equations (docs/notation.md)."""
    total = np.zeros(len(rents))
    open_ = case.capacity > 0
    for b, buyer in enumerate(case.buyers):
        reached = open_ & (case.affinity[b] > 0)
        if not reached.any():
            continue
        cheapest = rents[reached].min()
        pull = np.where(
            reached, case.affinity[b] * (np.where(reached, rents, cheapest) / cheapest) ** -case.sharpness, 0
        )
        held = np.where(reached, case.lag[b], 0.0)
        share = pull / pull.sum()
        if held.sum() > 0:
            held = held / held.sum()
            leaving = case.rate * np.exp(-case.gravity)
            share = (1 - leaving) * held + (leaving * held).sum() * share
        served = 1 / (1 + np.exp(np.minimum(case.steepness * np.log(rents / buyer["choke"]), 700.0)))
        each = buyer["inference"] * served + buyer["budget"] / rents
        total += share * (each + buyer["elastic"] * (rents / 4.0) ** -case.elasticity)
    return total


def check(seed: int) -> None:
    case = draw(np.random.default_rng(seed))
    rents, _, violation = case.solve()
    assert violation <= TOLERANCE, f"market {seed} did not clear: {violation}"
    open_ = case.capacity > 0
    excess = (hours(case, rents) - case.capacity)[open_] / case.capacity[open_]
    above = np.log(rents / case.reserve)[open_]
    assert (excess <= 1e-9).all() and (above >= -1e-12).all(), seed
    assert (np.abs(np.minimum(above, -excess)) <= 1e-9).all(), seed
    assert (rents[~open_] == case.start[~open_]).all(), "a closed cloud keeps its rent"


def test_two_thousand_random_markets_clear() -> None:
    for seed in range(2_000):
        check(seed)


@pytest.mark.slow
def test_ten_thousand_random_markets_clear() -> None:
    for seed in range(2_000, 12_000):
        check(seed)


def test_the_solution_does_not_depend_on_the_start() -> None:
    for seed in range(300):
        case = draw(np.random.default_rng(seed))
        other = np.exp(np.random.default_rng(seed + 10**6).normal(1.0, 1.5, len(case.capacity)))
        one, two = case.solve()[0], case.solve(other)[0]
        open_ = case.capacity > 0
        wanted = hours(case, one)
        # Nobody reaches some clouds, or wants nothing there: their rent is the reserve from any start.
        np.testing.assert_allclose(one[open_ & (wanted > 0)], two[open_ & (wanted > 0)], rtol=1e-7)


def test_what_does_not_clear_is_an_error_with_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    market = Market(Scenario("tiny"), rng=1)
    monkeypatch.setattr(MONTH, "_chain", NeverClears())
    with pytest.raises(ClearingError, match="capacity"):
        market.step()


class NeverClears:
    """A chain of phases that stops in the market for GPU-hours."""

    def run(self, arrays: Any, first: int, last: int) -> tuple[int, int]:
        arrays.now["residual"] = 1.0
        return MONTH.names.index("compute"), NOT_CLEARED


def test_capacity_that_is_not_there_is_not_sold() -> None:
    """A month in which every fleet is gone: nothing is sold, calls are unserved, and the market goes on."""
    market = Market(Scenario("tiny"), rng=1)
    market.run(2)
    market.state.fleet[:] = 0.0
    market.state.clouds["capacity"] = 0.0
    market.step()
    assert market.state.clouds["hours"].sum() == 0.0
    assert clearing.TOLERANCE == 1e-12
    market.run(3)
