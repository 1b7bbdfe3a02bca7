"""The units of each kind of design: which points are one draw, gaps, and the coverage of the 95 % interval.

Coverage is counted over 2,000 samples of each design, on functions whose mean is known: a rate fails where its exact
binomial interval (99 %) excludes 95 %.  Latin hypercubes and scrambled Sobol sequences spread their rows more evenly
than independent draws do, so on smooth functions they may cover more than they say, and never less.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from moatlab.evidence import report
from moatlab.evidence.effects import contrast, of_arms
from moatlab.evidence.inference import Array, binomial_excludes, precision
from moatlab.evidence.units import Draws, of_design
from moatlab.experiments import Experiment, FunctionModel
from moatlab.experiments.design import unit_sample
from moatlab.experiments.spec import Design

TRIALS = 2000
#: Kind of design and its samples.
DESIGNS = {"morris": 10, "sobol": 16, "latin": 16, "random": 16}
PARAMETERS = 12


def cube(kind: str, seed: int, second_order: bool = False) -> Array:
    """The points of one sample of a design, [points, parameters]."""
    names = tuple(f"x{i}" for i in range(PARAMETERS))
    return unit_sample(Design(kind=kind, samples=DESIGNS[kind], seed=seed, second_order=second_order), names)  # type: ignore[arg-type]


@cache
def cubes(kind: str) -> Array:
    """The same of 2,000 samples, [samples, points, parameters]."""
    return np.stack([cube(kind, seed) for seed in range(TRIALS)])


def product(x: Array) -> Array:
    """An effect of two parameters together: the mean is 0, on a grid of levels too."""
    value: Array = (x[..., 0] - 0.5) * (x[..., 1] - 0.5)
    return value


def rough(x: Array) -> Array:
    """As good as noise at every point, which no even spreading of points helps; one parameter decides half of it."""
    value: Array = np.sin(2e5 * x[..., 0]) + np.sin(3e5 * (x[..., 1] + x[..., 2]))
    return value


def additive(x: Array) -> Array:
    """Every parameter adds its own."""
    value: Array = (x - 0.5) @ np.arange(1.0, PARAMETERS + 1.0)
    return value


def covered(values: Array, truth: float) -> int:
    """How many intervals of ``values`` [samples, draws, seeds] hold the truth: as `Mean` has them, all at once."""
    variance, freedom = precision(values)
    reach = stats.t.ppf(0.975, freedom) * np.sqrt(variance)
    return int((np.abs(values.mean(axis=(1, 2)) - truth) <= reach).sum())


def of_units(kind: str, values: Array, second_order: bool = False) -> Array:
    """The values [samples, points] of each unit, [samples, draws, 1]."""
    layout = of_design(kind, values.shape[1], PARAMETERS, second_order)
    assert isinstance(layout, Draws)
    means: Array = values[:, layout.members].mean(axis=2)[..., None]
    return means


@pytest.mark.parametrize("second_order", [False, True])
def test_members_are_trajectories_and_rows_a_and_b(second_order: bool) -> None:
    pytest.importorskip("SALib")
    one = cube("morris", 0)
    layout = of_design("morris", len(one), PARAMETERS)
    assert isinstance(layout, Draws) and layout.members.shape == (10, PARAMETERS + 1)
    steps = np.diff(one[layout.members], axis=1)
    assert (np.count_nonzero(steps, axis=2) == 1).all()  # within a trajectory one parameter moves at a time
    one = cube("sobol", 0, second_order)
    layout = of_design("sobol", len(one), PARAMETERS, second_order)
    assert isinstance(layout, Draws) and layout.members.shape == (16, 2)
    a, b = one[layout.members[:, 0]], one[layout.members[:, 1]]
    mixed = one[layout.members[:, 0] + 1]
    assert (mixed[:, 0] == b[:, 0]).all() and (mixed[:, 1:] == a[:, 1:]).all() and (a != b).all()


@pytest.mark.parametrize("function", [product, rough, additive])
@pytest.mark.parametrize("kind", DESIGNS)
def test_intervals_over_drawn_points_cover_their_mean(kind: str, function: Callable[[Array], Array]) -> None:
    pytest.importorskip("SALib")
    values = function(cubes(kind))
    truth = 0.0
    if kind == "morris":  # the mean over the grid of levels, every point of which is as likely
        levels = np.stack(np.meshgrid(*[np.linspace(0.0, 1.0, 4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        grid = np.concatenate([levels, np.full((len(levels), PARAMETERS - 3), 0.5)], axis=1)
        truth = float(function(grid).mean()) if function is rough else 0.0
    hits = covered(of_units(kind, values), truth)
    even = kind in ("latin", "sobol") and function is not rough
    if even:
        assert hits / TRIALS > 0.95 or not binomial_excludes(hits, TRIALS, 0.95), hits / TRIALS
    else:
        assert not binomial_excludes(hits, TRIALS, 0.95), hits / TRIALS
    if kind in ("morris", "sobol") and function is rough:
        assert covered(values[..., None], truth) / TRIALS < 0.85  # every point as a unit of its own


@pytest.mark.parametrize("kind", ["morris", "sobol"])
def test_trajectories_are_crossed_with_the_seeds_that_they_share(kind: str) -> None:
    """Luck of four seeds adds to every point: the interval is of the units and the seeds together."""
    pytest.importorskip("SALib")
    units = of_units(kind, rough(cubes(kind)))
    rng = np.random.default_rng(3)
    luck = rng.normal(0.0, 0.5, (TRIALS, 1, 4)) + rng.normal(0.0, 0.3, (TRIALS, units.shape[1], 4))
    truth = float(units.mean())  # of 2,000 samples: as good as known
    hits = covered(units + luck, truth)
    assert not binomial_excludes(hits, TRIALS, 0.95), hits / TRIALS
    assert covered(units + luck.mean(axis=2, keepdims=True), truth) / TRIALS < 0.9  # seeds left out


def test_chosen_points_and_replications_cover_over_seeds() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(0.0, 1.0, (TRIALS, 1, 8)) + rng.normal(0.0, 0.5, (TRIALS, 5, 8)) + np.arange(5.0)[:, None]
    weights = of_design("grid", 5, 2)
    assert weights == (0.2,) * 5
    hits = covered(np.tensordot(values, weights, (1, 0))[:, None], 2.0)
    assert not binomial_excludes(hits, TRIALS, 0.95), hits / TRIALS


def test_a_gap_costs_its_trajectory_and_does_not_shift_the_others() -> None:
    values = np.stack([np.arange(9.0)[:, None] + np.zeros((9, 2)), np.zeros((9, 2))])
    values[0, 4] = np.nan
    effect = of_arms("y", {"t": 1.0, "c": -1.0}, values, of_design("morris", 9, 2))
    assert effect.units.tolist() == [1.0, 7.0] and effect.pairs == 12
    assert effect.lost == tuple((point, seed) for point in (3, 4, 5) for seed in (0, 1))
    # The same where the point left no row at all.
    rows = pd.DataFrame([(arm, point, seed, "y", values[at, point, seed]) for at, arm in enumerate(("t", "c"))
                         for point in range(9) for seed in range(2) if point != 4],
                        columns=["arm", "point", "replication", "outcome", "value"])  # fmt: skip
    again = contrast(rows, "y", {"t": 1.0, "c": -1.0}, of_design("morris", 9, 2))
    assert again.units.tolist() == [1.0, 7.0] and again.lost == effect.lost


def pushed(values: dict[str, Any], seed: int, months: int) -> dict[str, Any]:
    """A treatment whose effect is a product of two parameters, with luck of its own."""
    luck = np.random.default_rng(seed).normal()
    return {"y": luck + values["push"] * (values["x1"] - 0.5) * (values["x2"] - 0.5)}


@pytest.mark.parametrize(("kind", "samples", "units"), [("morris", 6, 6), ("sobol", 8, 8), ("latin", 8, 8)])
def test_a_batch_is_judged_by_its_design(kind: str, samples: int, units: int) -> None:
    pytest.importorskip("SALib")
    tables = {
        "name": "units", "replications": 2, "design": {"kind": kind, "samples": samples},
        "uncertainties": {"x1": [0.0, 1.0], "x2": [0.0, 1.0]},
        "arms": {"control": {}, "push": {"set": {"push": 1.0}}}, "outcomes": {"y": {"metric": "y"}},
    }  # fmt: skip
    model = FunctionModel(pushed, {"push": 0.0, "x1": 0.5, "x2": 0.5}, ("y",), 2)
    batch = Experiment.from_dict(tables, model=model).run("serial")
    (verdict,) = report.judged(batch)
    assert verdict.effect.values.shape == (units, 2) and f"{units} draws x 2 seeds" in "\n".join(
        report.tell(batch, [verdict])
    )
    paths: Any = report.path_differences(batch, "y").set_index("month")
    assert paths.loc[1, ["low", "high"]].tolist() == pytest.approx(verdict.interval)
