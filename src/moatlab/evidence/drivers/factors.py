"""Parameters: all that the scenario assumes, varied over the prior, and the random draws as one more factor.

First every parameter by itself (Morris 1991), to find those that matter most.  Then the variance of each outcome is
shared out (Sobol 2001; Saltelli and others 2010) between these, all other parameters together, and the random draws:
nothing is held at its value.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from moatlab.errors import InputError
from moatlab.evidence.drivers.outcomes import names, run
from moatlab.evidence.fit.prior import assumed, at
from moatlab.evidence.inference import Array
from moatlab.scenario.scenario import Scenario

#: How many parameters are factors of their own, and what the others are called.
TOP, OTHERS, LUCK = 10, "all other parameters", "random draws"
#: Levels of Morris's grid; resamples of the intervals, their level and seed.
LEVELS, RESAMPLES, LEVEL, SEED = 4, 200, 0.95, 20230119
#: An index whose interval reaches further than this either way is not told: the outcome hardly varies.
WIDEST = 1.0
#: Draws of the random numbers that the factor of luck chooses from.
SEEDS = 1 << 31
#: Works out some rows (points of the cube and seeds) into outcomes.
Work = Callable[[Sequence[tuple[Array, int]]], Array]


@dataclass(frozen=True)
class Screening:
    """Morris: the mean size of the effect of each parameter's range on each outcome [parameters, outcomes]."""

    parameters: tuple[str, ...]
    sizes: Array

    def top(self, count: int = TOP) -> list[int]:
        """Places of the parameters that matter most, over all outcomes: each outcome's effects are added up to one."""
        total = self.sizes.sum(axis=0, keepdims=True)
        weight = np.divide(self.sizes, total, out=np.zeros_like(self.sizes), where=total > 0.0).sum(axis=1)
        return [int(place) for place in np.argsort(-weight, kind="stable")[:count]]


def parameters_of(scenario: Scenario) -> tuple[str, ...]:
    """Addresses of what the prior varies, one of all rows of a kind."""
    return tuple(f"{p.kind}.{p.name}" for p, _ in assumed(scenario))


def point_of(scenario: Scenario, point: Array) -> Scenario:
    """The scenario at a point of the cube; one that contradicts itself is moved half-way to the middle.

    As often as it takes, so that a design, which has no place for gaps, stays whole.
    """
    for _ in range(30):
        try:
            return at(scenario, point)
        except InputError:
            point = 0.5 + 0.5 * (point - 0.5)
    return scenario


def run_rows(scenario: Scenario, months: Sequence[int], rows: Sequence[tuple[Array, int]]) -> Array:
    """Outcomes [rows, outcomes] of points and seeds."""
    return np.array([run(point_of(scenario, point), seed, months) for point, seed in rows])


def screening_rows(scenario: Scenario, trajectories: int, seed: int) -> list[tuple[Array, int]]:
    """The points of Morris's design, all with the same seed."""
    from SALib.sample import morris

    count = len(parameters_of(scenario))
    points = morris.sample(_problem(count), trajectories, num_levels=LEVELS, seed=seed)
    return [(point, seed) for point in points]


def screen(scenario: Scenario, rows: Sequence[tuple[Array, int]], values: Array) -> Screening:
    """The analysis of those points, whose outcomes are ``values`` [rows, outcomes]."""
    from SALib.analyze import morris

    parameters = parameters_of(scenario)
    points = np.array([point for point, _ in rows])
    sizes = np.zeros((len(parameters), values.shape[1]))
    for outcome in range(values.shape[1]):
        if np.ptp(values[:, outcome]) > 0.0:
            found = morris.analyze(_problem(len(parameters)), points, values[:, outcome], num_resamples=10,
                                   num_levels=LEVELS, seed=np.random.default_rng(SEED))  # fmt: skip
            sizes[:, outcome] = found["mu_star"]
    return Screening(parameters, sizes)


def groups_of(scenario: Scenario, top: Sequence[int]) -> list[str]:
    """The factor that each coordinate belongs to, the last for the random draws."""
    parameters = parameters_of(scenario)
    return [*(name if place in top else OTHERS for place, name in enumerate(parameters)), LUCK]


def sobol_rows(scenario: Scenario, top: Sequence[int], size: int, seed: int) -> list[tuple[Array, int]]:
    """Saltelli's design of ``size`` x (factors + 2) rows: points of the prior, each with a seed."""
    from SALib.sample import sobol

    groups = groups_of(scenario, top)
    points = sobol.sample(_problem(len(groups), groups), size, calc_second_order=False, seed=seed)
    return [(point[:-1], int(point[-1] * (SEEDS - 1))) for point in points]


def indices(scenario: Scenario, top: Sequence[int], values: Array, months: Sequence[int]) -> pd.DataFrame:
    """First-order and total indices, a row an outcome and factor, with 95 % intervals; ``sd`` is the outcome's.

    Not-a-number where the interval is so wide that the design says nothing of the index.
    """
    from SALib.analyze import sobol

    groups = groups_of(scenario, top)
    problem = _problem(len(groups), groups)
    factors = list(dict.fromkeys(groups))
    tables = []
    for (layer, month), outcome in zip(names(months), values.T, strict=True):
        spread = float(outcome.std())
        zeros = np.zeros(len(factors))
        found: dict[str, Any] = {"S1": zeros, "S1_conf": zeros, "ST": zeros, "ST_conf": zeros}
        if spread > 0.0:
            # Centred values have the same variance and less rounding (Saltelli and others 2010).  SALib warns of
            # resamples in which an outcome is always the same.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                found = sobol.analyze(problem, outcome - outcome.mean(), calc_second_order=False,
                                      num_resamples=RESAMPLES, conf_level=LEVEL, seed=SEED)  # fmt: skip
        tables.append(pd.DataFrame({
            "layer": layer, "month": month, "factor": factors, "sd": spread,
            **_bounds("first", found["S1"], found["S1_conf"]), **_bounds("total", found["ST"], found["ST_conf"]),
        }))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def _bounds(name: str, value: Any, half: Any) -> dict[str, Array]:
    middle, reach = np.asarray(value, float), np.asarray(half, float)
    middle = np.where(reach <= WIDEST, middle, np.nan)
    return {name: middle, f"{name}_low": middle - reach, f"{name}_high": middle + reach}


def _problem(count: int, groups: Sequence[str] | None = None) -> dict[str, Any]:
    problem: dict[str, Any] = {"num_vars": count, "names": [f"x{i}" for i in range(count)],
                               "bounds": [[0.0, 1.0]] * count}  # fmt: skip
    return problem if groups is None else problem | {"groups": list(groups)}
