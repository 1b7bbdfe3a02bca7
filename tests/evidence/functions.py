"""Functions whose sensitivities are known, run in the market's place through the same driver."""

from __future__ import annotations

from typing import Any

import numpy as np

from moatlab.experiments import Experiment, FunctionModel

#: The coefficients of Sobol's g-function: from important to irrelevant.
G = (0.0, 1.0, 4.5, 9.0, 99.0, 99.0)


def ishigami(values: dict[str, Any], seed: int, months: int) -> dict[str, Any]:
    """Ishigami and Homma (1990) with a = 7, b = 0.1."""
    one, two, three = (values[f"x{i}"] for i in (1, 2, 3))
    return {"y": np.sin(one) + 7.0 * np.sin(two) ** 2 + 0.1 * three**4 * np.sin(one)}


def g_function(values: dict[str, Any], seed: int, months: int) -> dict[str, Any]:
    """Sobol's g-function: a product of |4 x - 2| and constants."""
    return {"y": np.prod([(abs(4.0 * values[f"x{i}"] - 2.0) + a) / (1.0 + a) for i, a in enumerate(G, 1)])}


def bends(values: dict[str, Any], seed: int, months: int) -> dict[str, Any]:
    """Linear in x1 and x2, bent in x3, x4 and x5 only together, x6 nothing; and luck that all points share."""
    x1, x2, x3, x4, x5 = (values[f"x{i}"] for i in (1, 2, 3, 4, 5))
    luck = np.random.default_rng(seed).normal(0.0, 50.0)
    return {"y": 3.0 * x1 - 2.0 * x2 + 5.0 * x3**2 + 4.0 * x4 * x5 + values["shift"] * x1 + luck}


def fails(values: dict[str, Any], seed: int, months: int) -> dict[str, Any]:
    """The same, but it raises where x1 is at its end, and is undefined where x2 is."""
    if values["x1"] > 0.6 and values["raise"]:
        raise RuntimeError("no equilibrium")
    return {"y": np.nan if values["x2"] > 0.9 and not values["raise"] else values["x1"] + values["x2"]}


def experiment(function: Any, count: int, ends: tuple[float, float], design: dict[str, Any], **more: Any) -> Experiment:
    """An experiment over ``count`` parameters x1, x2, ... of a function."""
    names = [f"x{i}" for i in range(1, count + 1)]
    values = {**dict.fromkeys(names, 0.5), "shift": 0.0, "raise": True}
    tables = {
        "name": "known", "uncertainties": {name: list(ends) for name in names}, "design": design,
        "outcomes": {"y": {"metric": "y"}}, **more,
    }  # fmt: skip
    return Experiment.from_dict(tables, model=FunctionModel(function, values, ("y",)))
