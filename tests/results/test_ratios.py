"""Ratios over a window are sums over sums, and undefined below a floor."""

from __future__ import annotations

import numpy as np
import pytest

from moatlab import Market, Results, Scenario
from moatlab.experiments import Experiment
from moatlab.results.metrics import FLOORS, ratio
from moatlab.results.ratios import RATIOS, behind, floor, over_window

TINY = Scenario("tiny")
SLUGS = TINY.all_slugs
PLACES = {"firm": "labs.closed.{}", "layer": "labs.{}", "category": "users.copy.{}"}


def address(level: str, column: str) -> str:
    if level == "market":
        return column if "." in column else f"market.{column}"
    return PLACES[level].format(column)


ADDRESSES = [address(level, column) for level, column in RATIOS]


@pytest.fixture(scope="module")
def run() -> Results:
    return Market(TINY, rng=3).run(24)


@pytest.mark.parametrize("name", ADDRESSES)
def test_the_ratio_of_one_month_is_the_one_that_was_recorded(run: Results, name: str) -> None:
    path = run.path(name)
    for month in range(24):
        one = over_window(name, SLUGS, lambda other, at=month: run.path(other)[at : at + 1])  # type: ignore[misc]
        assert one == pytest.approx(path[month], nan_ok=True, rel=1e-9), month


@pytest.mark.parametrize("name", ADDRESSES)
def test_the_ratio_of_a_window_is_weighted_by_what_it_is_over(run: Results, name: str) -> None:
    """Between the least and the largest month, and not their mean unless all months weigh the same."""
    path = run.path(name)[6:]
    whole = over_window(name, SLUGS, lambda other: run.path(other)[6:])
    assert whole is not None and np.nanmin(path) - 1e-12 <= whole <= np.nanmax(path) + 1e-12
    assert all(run.path(other).shape == (24,) for other in behind(name, SLUGS))


def test_a_month_of_nearly_no_revenue_does_not_outweigh_the_others() -> None:
    paths = {
        "labs.closed.revenue": np.array([100.0, 100.0, 4e-15]),
        "labs.closed.gross_profit": np.array([40.0, 60.0, -65.0]),
    }
    margin = over_window("labs.closed.margin", SLUGS, paths.__getitem__)
    assert margin == pytest.approx(35.0 / 200.0)  # the month's loss counts, its ratio does not
    gone = {name: np.where(np.arange(3) < 2, path, np.nan) for name, path in paths.items()}
    assert over_window("labs.closed.margin", SLUGS, gone.__getitem__) == pytest.approx(0.5)


def test_below_the_floor_a_ratio_is_not_defined() -> None:
    small = FLOORS["M$"]
    assert floor("labs.closed.revenue", SLUGS) == small == 1e-3
    for revenue, defined in ((1.01 * small, True), (0.99 * small, False), (0.0, False)):
        paths = {"labs.closed.revenue": np.full(4, revenue), "labs.closed.gross_profit": np.ones(4)}
        margin = over_window("labs.closed.margin", SLUGS, paths.__getitem__)
        assert margin is not None and np.isfinite(margin) == defined
        assert np.isfinite(ratio(1.0, revenue, small)) == defined
    assert np.isfinite(ratio(1.0, 1e-300))  # without a floor only 0 is left out


def test_prices_and_rents_are_no_such_ratios() -> None:
    nothing: dict[str, np.ndarray] = {}
    for name in ("market.rent", "apps.price", "labs.closed.price", "labs.hhi", "nothing.known"):
        assert over_window(name, SLUGS, nothing.__getitem__) is None and behind(name, SLUGS) == ()


def test_outcomes_and_effects_reduce_ratios_so(run: Results) -> None:
    outcomes = {
        "margin": {"metric": "labs.closed.margin", "months": [6, 23]},
        "churn": {"metric": "users.copy.churn"},
        "last": {"metric": "labs.closed.margin", "reduce": "last"},
    }
    experiment = Experiment.from_dict({"scenario": TINY, "outcomes": outcomes, "replications": 1})
    assert {"labs.closed.revenue", "users.copy.left"} <= set(experiment.record.paths)
    batch = experiment.run("serial")
    found = batch.outcomes().set_index("outcome")["value"]
    again = Market(TINY, rng=int(batch.plan["seed"][0])).run(24)
    profit, revenue = (again.path(f"labs.closed.{name}")[6:].sum() for name in ("gross_profit", "revenue"))
    assert found["margin"] == pytest.approx(profit / revenue)
    assert found["last"] == pytest.approx(again.path("labs.closed.margin")[-1])
    e = TINY.compare(on={"events": ["month 6: scale foundry.fab.capacity 2"]}, seeds=2, months=18)
    margin = e.effect("margin", firm="labs.closed", months=(6, 17))
    sums = [e.paths(f"labs.closed.{name}")[:, :, 6:].sum(axis=2) for name in ("gross_profit", "revenue")]
    assert margin.effect.values[0] == pytest.approx((sums[0] / sums[1])[1] - (sums[0] / sums[1])[0])


def test_a_chipmaker_that_sells_next_to_nothing_has_no_margin_of_minus_billions() -> None:
    e = Scenario("essay-2023").compare(on={"set": {"chipmakers.nvidia.own_fab": 38}}, seeds=2)
    paths = e.paths("chipmakers.nvidia.margin")
    assert np.nanmin(paths) > -1e6
    assert abs(e.effect("margin", firm="chipmakers.nvidia").estimate) < 10.0
