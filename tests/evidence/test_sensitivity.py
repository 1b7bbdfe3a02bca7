"""Sensitivity through the experiments' own driver: analytic values, refusals, and the market itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from moatlab.errors import InputError
from moatlab.evidence.sensitivity import analyse, sensitivity
from moatlab.experiments import Batch, Experiment

from . import functions

pytest.importorskip("SALib")
SOBOL = {"kind": "sobol", "samples": 1024, "seed": 3}


def run(made: Experiment) -> Batch:
    return made.run("serial")


def test_ishigami() -> None:
    """Homma and Saltelli (1996): V = a^2/8 + b pi^4/5 + b^2 pi^8/18 + 1/2."""
    a, b, pi = 7.0, 0.1, np.pi
    variance = a**2 / 8 + b * pi**4 / 5 + b**2 * pi**8 / 18 + 0.5
    first = np.array([0.5 * (1 + b * pi**4 / 5) ** 2, a**2 / 8, 0.0]) / variance
    both = (1 / 18 - 1 / 50) * b**2 * pi**8 / variance
    total = first + np.array([both, 0.0, both])
    batch = run(functions.experiment(functions.ishigami, 3, (-pi, pi), {**SOBOL, "second_order": True}))
    found = sensitivity(batch, "y")
    assert found.variance == pytest.approx(variance, rel=0.02)
    for name, known in (("first", first), ("total", total)):
        assert found.table[name].to_numpy() == pytest.approx(known, abs=0.03)
        assert ((found.table[f"{name}_low"] <= known) & (known <= found.table[f"{name}_high"])).all()
        assert (found.table[f"{name}_high"] - found.table[f"{name}_low"] < 0.25).all()
    pairs = found.pairs.set_index(["one", "other"])
    assert pairs.loc[("x1", "x3"), "second"] == pytest.approx(both, abs=0.04)
    assert pairs.loc[("x1", "x2"), "second"] == pytest.approx(0.0, abs=0.04)
    assert list(found.ranked()["parameter"]) == ["x1", "x2", "x3"]


def test_sobol_g() -> None:
    """Saltelli and Sobol (1995): each factor's variance is 1 / (3 (1 + a)^2), and the whole is their product."""
    parts = 1.0 / (3.0 * (1.0 + np.array(functions.G)) ** 2)
    variance = np.prod(1.0 + parts) - 1.0
    first, total = parts / variance, parts * np.prod(1.0 + parts) / (1.0 + parts) / variance
    found = sensitivity(run(functions.experiment(functions.g_function, 6, (0.0, 1.0), SOBOL)), "y")
    assert found.table["first"].to_numpy() == pytest.approx(first, abs=0.02)
    assert found.table["total"].to_numpy() == pytest.approx(total, abs=0.02)
    assert ((found.table["total_low"] - 0.005 <= total) & (total <= found.table["total_high"] + 0.005)).all()
    assert found.pairs.empty


def test_morris() -> None:
    """Four levels, steps of 2/3: linear effects are exact; a square has 2/3 and 4/3; a product the other's level."""
    design = {"kind": "morris", "samples": 200, "levels": 4, "seed": 5}
    batch = run(functions.experiment(functions.bends, 6, (0.0, 1.0), design, replications=2))
    table: Any = sensitivity(batch, "y").table.set_index("parameter")
    assert table.loc[["x1", "x2", "x6"], "mu"].to_numpy() == pytest.approx([3.0, -2.0, 0.0], abs=1e-9)
    assert table.loc[["x1", "x2", "x6"], "mu_star"].to_numpy() == pytest.approx([3.0, 2.0, 0.0], abs=1e-9)
    assert table.loc[["x1", "x2", "x6"], "sigma"].to_numpy() == pytest.approx(0.0, abs=1e-9)
    assert table.loc["x3", "mu_star"] == pytest.approx(5.0, abs=0.35)
    assert table.loc["x3", "sigma"] == pytest.approx(5.0 / 3.0, rel=0.03)
    levels = np.array([0.0, 1 / 3, 2 / 3, 1.0])
    for name in ("x4", "x5"):
        assert table.loc[name, "mu_star"] == pytest.approx(4.0 * levels.mean(), abs=0.35)
        assert table.loc[name, "sigma"] == pytest.approx(4.0 * levels.std(), rel=0.1)
        reach = table.loc[name, "mu_star_high"] - table.loc[name, "mu_star"]
        assert reach == pytest.approx(1.96 * 4.0 * levels.std() / np.sqrt(200), rel=0.15)


def test_a_range_is_one_whatever_its_unit() -> None:
    """Elementary effects are per range: a parameter of a thousand times the range has a thousand times the effect."""
    design = {"kind": "morris", "samples": 4, "seed": 1}
    batch = run(functions.experiment(functions.bends, 6, (0.0, 1000.0), design))
    assert sensitivity(batch, "y").table["mu"][0] == pytest.approx(3000.0)


def test_arms_and_their_difference() -> None:
    arms = {"control": {}, "steeper": {"set": {"shift": 2.0}}}
    batch = run(functions.experiment(functions.bends, 6, (0.0, 1.0), {"kind": "morris", "samples": 4}, arms=arms))
    first = [sensitivity(batch, "y", *which).table["mu"][0] for which in ((), ("steeper",), ("steeper", "control"))]
    assert first == pytest.approx([3.0, 5.0, 2.0])
    assert sensitivity(batch, "y", "steeper", "control").arm == "steeper - control"


def test_analyses_are_repeatable() -> None:
    made = functions.experiment(functions.g_function, 6, (0.0, 1.0), {**SOBOL, "samples": 64})
    batch = run(made)
    assert sensitivity(batch, "y").table.equals(sensitivity(batch, "y").table)


def test_an_outcome_that_never_moves_has_no_shares() -> None:
    made = functions.experiment(functions.ishigami, 3, (0.0, 1.0), {**SOBOL, "samples": 8})
    found = analyse(made.design, np.full(40, 2.5))
    assert (found.table[["first", "total", "total_high"]] == 0.0).all().all()


def test_an_incomplete_design_is_refused_with_what_is_missing() -> None:
    design = {"kind": "morris", "samples": 4, "seed": 2}
    made = functions.experiment(functions.fails, 2, (0.0, 1.0), design, replications=2)
    batch = run(made)
    points = [i for i, point in enumerate(made.plan.points) if point["x1"] > 0.6]
    with pytest.raises(InputError) as told:
        sensitivity(batch, "y")
    assert f"{2 * len(points)} of 24 runs" in str(told.value)
    assert f"point {points[0]}, replication 0 (failed)" in str(told.value)
    undefined = functions.experiment(functions.fails, 2, (0.0, 1.0), design, set={"raise": False})
    with pytest.raises(InputError, match="its value is not defined"):
        sensitivity(run(undefined), "y")


@pytest.mark.parametrize(
    ("arguments", "clue"),
    [(("why",), "'y'|valid: y"), (("y", "treatment"), "no arm"), (("y", None, "other"), "no arm")],
)
def test_mistakes_are_named(arguments: tuple[str, ...], clue: str) -> None:
    batch = run(functions.experiment(functions.ishigami, 3, (0.0, 1.0), {"kind": "morris", "samples": 2}))
    with pytest.raises(InputError, match=clue):
        sensitivity(batch, *arguments)
    latin = run(functions.experiment(functions.ishigami, 3, (0.0, 1.0), {"kind": "latin", "samples": 4}))
    with pytest.raises(InputError, match="morris or sobol"):
        sensitivity(latin, "y")


def test_the_market_goes_through_the_same_driver() -> None:
    """Foundry capacity moves the lead time of the small market, and a host's staff does not."""
    batch = run(Experiment.from_dict({
        "name": "market", "scenario": "tiny", "months": 12,
        "uncertainties": {"foundry.fab.capacity": [3.0, 12.0], "hosts.*.staff": [0.1, 0.5]},
        "design": {"kind": "morris", "samples": 4}, "outcomes": {"lead": {"metric": "market.lead_time"}},
    }))  # fmt: skip
    table: Any = sensitivity(batch, "lead").table.set_index("parameter")
    assert table.loc["foundry.fab.capacity", "mu"] < 0.0
    assert table.loc["foundry.fab.capacity", "mu_star_low"] > 20 * table.loc["hosts.*.staff", "mu_star"]
