"""Mechanisms: each switch exists and does something, values add up, the study is whole and repeatable."""

from __future__ import annotations

import numpy as np
import pytest

from moatlab import Scenario
from moatlab.evidence.drivers.factors import LUCK, OTHERS
from moatlab.evidence.drivers.mechanisms import MECHANISMS, switched, table_of, values_of
from moatlab.evidence.drivers.outcomes import names, run
from moatlab.evidence.drivers.study import Plan, run_drivers

ESSAY, TINY = Scenario("essay-2023"), Scenario("tiny")


@pytest.mark.parametrize("name", MECHANISMS)
def test_every_mechanism_acts_in_the_essays_scenario(name: str) -> None:
    """A parameter that was renamed, or that nothing reads any more, would leave a player that does nothing."""
    off = switched(ESSAY, frozenset(MECHANISMS) - {name}, tuple(MECHANISMS))
    assert off.digest() != ESSAY.digest()
    assert not np.array_equal(run(off, 1, (48,)), run(ESSAY, 1, (48,)))


def test_with_all_on_it_is_the_scenario() -> None:
    assert switched(ESSAY, frozenset(MECHANISMS), tuple(MECHANISMS)) is ESSAY


def test_values_add_up_to_what_all_bring_about() -> None:
    players = ("entry", "network effects", "hype")
    values, total = values_of(TINY, 3, (24,), players, 2)
    all_on = run(TINY, 3, (24,))
    all_off = run(switched(TINY, frozenset(), players), 3, (24,))
    assert values.sum(axis=0) == pytest.approx(all_on - all_off, abs=1e-12)
    assert total == pytest.approx(all_on - all_off, abs=1e-12)


def test_the_table_is_in_points_with_intervals_over_worlds() -> None:
    values = [np.full((2, 6), 0.1), np.full((2, 6), 0.3)]
    table = table_of(values, (24,), ("entry", "hype"))
    assert len(table) == 12 and table["points"].to_numpy() == pytest.approx(20.0)
    assert (table["low"] < 20.0).all() and (table["high"] > 20.0).all()


def test_a_study_has_every_layer_and_is_repeatable() -> None:
    plan = Plan(TINY, (24,), 2, 4, 3, 1, players=("entry", "hype"))
    told: list[tuple[int, int]] = []
    one, other = run_drivers(plan, 1, lambda done, total: told.append((done, total))), run_drivers(plan)
    assert one.sobol.equals(other.sobol) and one.shapley.equals(other.shapley)
    assert {OTHERS, LUCK} <= set(one.sobol["factor"]) and one.sobol["factor"].nunique() == 12
    assert len(one.shapley) == 2 * len(names((24,))) and told[-1] == (plan.runs, plan.runs)
    for layer in ("apps", "clouds"):
        assert one.sentence(layer, 24).startswith(f"The {layer}' share of economic profit in the year to month 24")
