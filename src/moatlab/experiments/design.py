"""Designs of points over the uncertain parameters: grids, chosen combinations, and samples.

A sample is laid out in the unit cube and each coordinate is mapped to its parameter's range, so that scales, whole
numbers and lists of values work in every design.  Latin hypercubes are scipy's; the designs of Sobol (Saltelli's
extension, 2010) and Morris (1991) are SALib's, whose analyses read the points in the order made here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moatlab.errors import InputError
from moatlab.experiments.spec import MOST_RUNS, Design, Spec, Uncertainty

Point = dict[str, Any]
#: Whether a parameter, by its name, takes whole numbers only.
IsWhole = Callable[[str], bool]


def points(spec: Spec, is_whole: IsWhole = lambda name: False, where: str = "") -> list[Point]:
    """The points of an experiment: a value for every uncertain parameter, one empty point without any.

    Raises `InputError` for more points than can be run.
    """
    design, uncertain = spec.design, spec.uncertainties
    count = size(spec)
    runs = count * spec.replications * len(spec.all_arms)
    if runs > MOST_RUNS:
        raise InputError(f"{runs} runs are more than the {MOST_RUNS} that one experiment may have", where)
    if design.kind == "replications":
        return [{}]
    if design.kind == "chosen":
        return _chosen(design, where)
    if design.kind == "grid":
        return [
            dict(zip(uncertain, levels, strict=True))
            for levels in itertools.product(*(u.values for u in uncertain.values()))
        ]
    cube = unit_sample(design, tuple(uncertain))
    columns = []
    for index, (name, u) in enumerate(uncertain.items()):
        whole = is_whole(name)
        columns.append([level(u, at, whole) for at in cube[:, index].tolist()])
    return [dict(zip(uncertain, row, strict=True)) for row in zip(*columns, strict=True)]


def size(spec: Spec) -> int:
    """The number of points, without laying them out."""
    design, k = spec.design, len(spec.uncertainties)
    n = design.samples or 0
    if design.kind == "grid":
        return math.prod(len(u.values) for u in spec.uncertainties.values())
    by_kind: Mapping[str, int] = {
        "replications": 1,
        "chosen": len(design.points),
        "latin": n,
        "random": n,
        "sobol": n * ((2 * k if design.second_order else k) + 2),
        "morris": n * (k + 1),
    }
    return by_kind[design.kind]


def unit_sample(design: Design, names: tuple[str, ...]) -> NDArray[np.float64]:
    """The sample of a design in the unit cube, (points, parameters); the same for the same seed."""
    n, k = design.samples or 0, len(names)
    cube: NDArray[np.float64]
    if design.kind == "random":
        cube = np.random.Generator(np.random.PCG64(design.seed)).random((n, k))
    elif design.kind == "latin":
        from scipy.stats import qmc

        cube = qmc.LatinHypercube(d=k, rng=np.random.Generator(np.random.PCG64(design.seed))).random(n)
    else:
        cube = _salib(design, problem(names))
    return cube


def problem(names: tuple[str, ...]) -> dict[str, Any]:
    """SALib's description of a design: its parameters, in the unit cube."""
    return {"num_vars": len(names), "names": list(names), "bounds": [[0.0, 1.0]] * len(names)}


def _salib(design: Design, described: dict[str, Any]) -> NDArray[np.float64]:
    try:
        from SALib.sample import morris, sobol
    except ImportError:
        raise InputError(f"a {design.kind} design needs SALib: pip install 'moatlab[analysis]'") from None
    if design.kind == "sobol":
        return np.asarray(
            sobol.sample(described, design.samples, calc_second_order=design.second_order, seed=design.seed)
        )
    # SALib's Morris sampler draws from Python's and numpy's global generators: both are put back as they were.
    import random

    states = random.getstate(), np.random.get_state()
    try:
        return np.asarray(morris.sample(described, design.samples, num_levels=design.levels, seed=design.seed))
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def level(uncertain: Uncertainty, at: float, whole: bool = False) -> Any:
    """The parameter's value at a coordinate from 0 to 1; lists and whole numbers are cut into equal parts."""
    if uncertain.values:
        return uncertain.values[min(int(at * len(uncertain.values)), len(uncertain.values) - 1)]
    assert uncertain.low is not None and uncertain.high is not None
    low, high = float(uncertain.low), float(uncertain.high)
    if whole:
        return min(math.ceil(low) + int(at * (math.floor(high) - math.ceil(low) + 1)), math.floor(high))
    if uncertain.scale == "log":
        return min(max(math.exp(math.log(low) + at * (math.log(high) - math.log(low))), low), high)
    return min(max(low + at * (high - low), low), high)


def _chosen(design: Design, where: str) -> list[Point]:
    first = set(design.points[0])
    for index, point in enumerate(design.points):
        if set(point) != first or not point:
            raise InputError(
                f"design.points: point {index} sets {sorted(point) or 'nothing'}, the first one {sorted(first)}; "
                "chosen combinations all set the same parameters",
                where,
            )
    if len({repr(sorted(point.items())) for point in design.points}) < len(design.points):
        raise InputError("design.points: two chosen combinations are alike", where)
    return [dict(point) for point in design.points]
