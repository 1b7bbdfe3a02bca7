"""What an experiment keeps of a run: the monthly paths of some metrics, from which outcomes are reduced when read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moatlab.experiments.spec import Outcome
from moatlab.results.addresses import Slugs
from moatlab.results.outcomes import reduce_path
from moatlab.results.ratios import behind, floor, over_window


@dataclass(frozen=True)
class Record:
    """The names of the paths, in the order in which they are recorded, and the number of months."""

    paths: tuple[str, ...]
    months: int


def needed(outcome: Outcome, slugs: Slugs) -> tuple[str, ...]:
    """The metrics whose paths an outcome is reduced from; ``slugs`` are the rows of each kind, none for a function."""
    found: list[str] = []
    for metric in (outcome.metric, *outcome.plus, *outcome.per):
        found += [metric, *(behind(metric, slugs) if outcome.reduce == "mean" else ())]
    return tuple(dict.fromkeys(found))


def reduce(outcome: Outcome, paths: Mapping[str, NDArray[np.float64]], slugs: Slugs) -> float:
    """An outcome of a run from the `needed` paths, a number a month; the mean of a ratio is one of sums.

    Not-a-number where it is divided by less than the floor of what is below, or is no positive number of which a
    logarithm is wanted.
    """

    def one(metric: str) -> float:
        first, last = outcome.months or (0, len(paths[metric]) - 1)

        def window(name: str) -> NDArray[np.float64]:
            return paths[name][first : last + 1]

        ratio = over_window(metric, slugs, window) if outcome.reduce == "mean" else None
        return reduce_path(window(metric), outcome.reduce, metric) if ratio is None else ratio

    value = sum(one(metric) for metric in (outcome.metric, *outcome.plus))
    if outcome.per:
        below = sum(one(metric) for metric in outcome.per)
        value = value / below if abs(below) > floor(outcome.per[0], slugs) else math.nan
    if outcome.log:
        value = math.log(value) if value > 0.0 else math.nan
    return value
