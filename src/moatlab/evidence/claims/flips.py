"""How far a verdict is from another one: which parameter, moved alone, would overturn it, and by how much.

Over the draws the effect is regressed on where each parameter lies, one at a time.  A parameter counts if its slope is
one that the best of so many unrelated ones would have in fewer than one sample of twenty (Bonferroni over all of them).
From the mean effect to the nearest border between two verdicts it is then so many standard deviations of the parameter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
#: Chance that a parameter is named although none matters.
CHANCE = 0.05


@dataclass(frozen=True)
class Flip:
    """The nearest flip: ``distance`` in standard deviations of ``parameter`` upwards, negative downwards.

    ``explained`` is the share of the effect's variance over draws that goes with the parameter.  Without a parameter
    that can be told from chance ``parameter`` is empty and the distance infinite.
    """

    parameter: str = ""
    distance: float = float("inf")
    explained: float = 0.0


def slopes(values: Array, z: Array) -> tuple[Array, Array, Array]:
    """Slope, share of variance explained and P value of the effect on each parameter: arrays [parameters]."""
    count = len(values)
    centred, middle = z - z.mean(axis=0), values - values.mean()
    squares = (centred**2).sum(axis=0)
    safe = np.where(squares > 0.0, squares, 1.0)
    slope = (centred * middle[:, None]).sum(axis=0) / safe
    total = float((middle**2).sum())
    explained = slope**2 * squares / total if total > 0.0 else np.zeros_like(slope)
    explained = np.clip(explained, 0.0, 1.0 - 1e-12)
    t = np.sqrt(explained * (count - 2) / (1.0 - explained))
    return slope, explained, 2.0 * stats.t.sf(t, count - 2)


def nearest(values: Array, z: Array, names: tuple[str, ...], border: float) -> Flip:
    """The nearest flip of a verdict whose mean effect would change its meaning at ``border``.

    ``values`` [draws] is the effect of each draw, ``z`` [draws, parameters] where the draws lie.
    """
    known = np.isfinite(values)
    if known.sum() < 8 or not np.isfinite(border):
        return Flip()
    slope, explained, p = slopes(values[known], z[known])
    sure = p * len(names) <= CHANCE
    if not sure.any():
        return Flip()
    way = (border - values[known].mean()) / np.where(slope == 0.0, np.nan, slope)
    best = int(np.nanargmin(np.where(sure, np.abs(way), np.inf)))
    return Flip(names[best], float(way[best]), float(explained[best]))


def border(mean: float, smallest: float) -> float:
    """The end of the region of verdicts in which an effect lies that is nearest to it."""
    return smallest if mean >= 0.0 else -smallest
