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
    rents, _, violation, part = case.solve_all()
    assert violation <= TOLERANCE, f"market {seed} did not clear: {violation}"
    open_ = case.capacity > 0
    # Beyond a million dollars an hour, and nowhere else, hours are rationed.
    assert (part[open_][rents[open_] < np.exp(clearing.HIGHEST)] == 1.0).all(), seed
    excess = (part * hours(case, rents) - case.capacity)[open_] / case.capacity[open_]
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


def test_demand_that_is_nearly_a_step_or_never_shrinks_is_rationed() -> None:
    """However steep the cut-off, however inelastic and however short of capacity: no cloud gives more than it has."""
    rationed = 0
    for seed in range(1_500):
        rng = np.random.default_rng(seed)
        case = draw(rng)
        case = case._replace(
            steepness=float(rng.choice([8.0, 100.0])),
            elasticity=float(rng.choice([0.0, 0.01, 1.0])),
            sharpness=float(rng.choice([0.5, 10.0, 100.0])),
            capacity=case.capacity * 10.0 ** rng.choice([0.0, -3.0, -9.0]),
        )
        rents, _, _, part = case.solve_all()
        open_ = case.capacity > 0
        wanted, short = hours(case, rents)[open_], part[open_] < 1.0
        assert np.isfinite(rents).all() and (np.log(rents / case.reserve)[open_] >= -1e-12).all(), seed
        given = wanted * part[open_]
        assert (given <= case.capacity[open_] * (1 + 1e-9)).all(), seed
        # Who rations sells all that there is, at the highest rent or at a step.
        np.testing.assert_allclose(given[short], case.capacity[open_][short], rtol=1e-9, err_msg=str(seed))
        # Rents above the reserve leave nothing unsold.
        above = np.log(rents / case.reserve)[open_] > 1e-9
        assert (given[above] >= case.capacity[open_][above] * (1 - 1e-9)).all(), seed
        # Below the highest rent only a rounding is rationed.
        below = rents[open_] < 0.99 * np.exp(clearing.HIGHEST)
        assert (part[open_][below] > 1 - 1e-9).all(), seed
        rationed += int(short.any())
    assert rationed > 100
