"""What an experiment keeps of a run: the monthly paths of some metrics, from which outcomes are reduced when read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moatlab.experiments.spec import Outcome
from moatlab.results.addresses import Slugs
from moatlab.results.outcomes import reduce_path
from moatlab.results.ratios import behind, over_window


@dataclass(frozen=True)
class Record:
    """The names of the paths, in the order in which they are recorded, and the number of months."""

    paths: tuple[str, ...]
    months: int


def needed(outcome: Outcome, slugs: Slugs) -> tuple[str, ...]:
    """The metrics whose paths an outcome is reduced from; ``slugs`` are the rows of each kind, none for a function."""
    return (outcome.metric, *(behind(outcome.metric, slugs) if outcome.reduce == "mean" else ()))


def reduce(outcome: Outcome, paths: Mapping[str, NDArray[np.float64]], slugs: Slugs) -> float:
    """An outcome of a run from the `needed` paths, a number a month; the mean of a ratio is one of sums."""
    first, last = outcome.months or (0, len(paths[outcome.metric]) - 1)
    window = {metric: path[first : last + 1] for metric, path in paths.items()}
    ratio = over_window(outcome.metric, slugs, window.__getitem__) if outcome.reduce == "mean" else None
    return reduce_path(window[outcome.metric], outcome.reduce, outcome.metric) if ratio is None else ratio
