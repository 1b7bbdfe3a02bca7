"""What an experiment keeps of a run: the monthly paths of some metrics, and outcomes reduced from them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from moatlab.experiments.spec import Outcome
from moatlab.results.addresses import Slugs
from moatlab.results.outcomes import reduce_path
from moatlab.results.ratios import over_window


@dataclass(frozen=True)
class Record:
    """Names the paths in the order in which they are recorded, and the outcomes in the order of the file."""

    paths: tuple[str, ...]
    outcomes: dict[str, Outcome]
    months: int
    #: Rows of each kind of the market's scenario, by which its ratios are known; empty for a function.
    slugs: Slugs = field(default_factory=dict)

    def reduce(self, recorded: NDArray[np.float64]) -> tuple[float, ...]:
        """The outcomes of a run from its paths, an array (months, paths)."""
        values = []
        for outcome in self.outcomes.values():
            first, last = outcome.months or (0, self.months - 1)
            window = dict(zip(self.paths, recorded[first : last + 1].T, strict=True))
            ratio = over_window(outcome.metric, self.slugs, window.__getitem__) if outcome.reduce == "mean" else None
            values.append(
                reduce_path(window[outcome.metric], outcome.reduce, outcome.metric) if ratio is None else ratio
            )
        return tuple(values)
