"""Inference on the mean of independent units: intervals, tests beyond and within a bound, Holm's correction.

All tests are read off one statistic, (mean - bound) / standard error, against one reference distribution: Student's t,
or the distribution of the same statistic in resamples (the studentised bootstrap).  So an interval and the test at the
same level can never disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Array = NDArray[np.float64]
Method = Literal["t", "bootstrap"]
#: Resamples of the bootstrap, and the seed that makes its intervals repeatable.
RESAMPLES, BOOTSTRAP_SEED = 4999, 20230119


@dataclass(frozen=True, eq=False)
class Mean:
    """The mean of ``values`` [units], each independent of the others, and what can be said of its expectation.

    A sample without spread (identical arms give differences of exactly zero) has an interval of no width; a single
    unit has an interval without bounds.
    """

    values: Array
    method: Method = "t"

    @property
    def count(self) -> int:
        """Units."""
        return int(self.values.size)

    @cached_property
    def estimate(self) -> float:
        """The sample mean; that of equal values is their value, without rounding."""
        if not self.count:
            return float("nan")
        return float(self.values[0] if self._all_equal else self.values.mean())

    @cached_property
    def _all_equal(self) -> bool:
        return bool(np.ptp(self.values) == 0.0)

    @cached_property
    def spread(self) -> float:
        """Standard deviation between units (n - 1), exactly 0 where all are equal."""
        if self.count < 2:
            return float("nan")
        return 0.0 if self._all_equal else float(self.values.std(ddof=1))

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return self.spread / float(np.sqrt(self.count)) if self.count else float("nan")

    @cached_property
    def _resampled(self) -> Array:
        """Sorted values of the statistic in resamples of the units (Efron and Tibshirani 1993, section 12.5)."""
        rng = np.random.default_rng(BOOTSTRAP_SEED)
        drawn = self.values[rng.integers(self.count, size=(RESAMPLES, self.count))]
        above = drawn.mean(axis=1) - self.estimate
        below = drawn.std(axis=1, ddof=1) / np.sqrt(self.count)
        with np.errstate(divide="ignore", invalid="ignore"):
            # A resample of one unit repeated has no spread: its statistic is infinite, and counts as such.
            return np.sort(np.where(below > 0.0, above / below, np.sign(above) * np.inf))

    def _upper_tail(self, statistic: float) -> float:
        """P(statistic or more) under the reference distribution."""
        if self.method == "t":
            return float(stats.t.sf(statistic, self.count - 1))
        beyond = RESAMPLES - int(np.searchsorted(self._resampled, statistic, side="left"))
        return (beyond + 1) / (RESAMPLES + 1)

    def _lower_tail(self, statistic: float) -> float:
        if self.method == "t":
            return float(stats.t.cdf(statistic, self.count - 1))
        beyond = int(np.searchsorted(self._resampled, statistic, side="right"))
        return (beyond + 1) / (RESAMPLES + 1)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Two-sided interval of the expectation."""
        if self.count < 2:
            return -float("inf"), float("inf")
        if self.spread == 0.0:
            return self.estimate, self.estimate
        tail = (1.0 - level) / 2.0
        if self.method == "t":
            reach = float(stats.t.ppf(1.0 - tail, self.count - 1)) * self.error
            return self.estimate - reach, self.estimate + reach
        low, high = np.quantile(self._resampled, (tail, 1.0 - tail), method="inverted_cdf")
        # The bounds swap: a resampled mean far above the sample's says that the sample's may be far below the truth.
        return self.estimate - float(high) * self.error, self.estimate - float(low) * self.error

    def p_above(self, bound: float) -> float:
        """P value against "the expectation is ``bound`` at most": small says that it is above."""
        if self.count < 2:
            return 1.0
        if self.spread == 0.0:
            return float(self.estimate <= bound)
        return self._upper_tail((self.estimate - bound) / self.error)

    def p_below(self, bound: float) -> float:
        """P value against "the expectation is ``bound`` at least": small says that it is below."""
        if self.count < 2:
            return 1.0
        if self.spread == 0.0:
            return float(self.estimate >= bound)
        return self._lower_tail((self.estimate - bound) / self.error)

    @property
    def p(self) -> float:
        """Two-sided P value against an expectation of zero."""
        return min(1.0, 2.0 * min(self.p_above(0.0), self.p_below(0.0)))

    def p_within(self, bound: float) -> float:
        """P value against "the expectation is ``bound`` or more away from zero": two one-sided tests.

        Small says equivalence; at 0.05 it is the 90 % interval inside (-bound, bound) (Schuirmann 1987).
        """
        return max(self.p_below(bound), self.p_above(-bound))


def holm(p: ArrayLike) -> Array:
    """P values corrected for their number by Holm's step-down method (Holm 1979).

    The family is what ``p`` [tests] holds; a test that could not be made (not a number) stays so and does not count.
    """
    values = np.asarray(p, np.float64)
    adjusted = np.full(values.shape, np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    steps = values[order] * np.arange(order.size, 0, -1)
    # Once a step fails, no later one may pass: the running maximum.
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def binomial_excludes(hits: int, trials: int, rate: float, level: float = 0.99) -> bool:
    """Whether the exact interval of a proportion excludes ``rate`` (Clopper and Pearson 1934)."""
    interval = stats.binomtest(hits, trials).proportion_ci(level, method="exact")
    return not interval.low <= rate <= interval.high


def mean_of(values: Sequence[float] | Array, method: Method = "t") -> Mean:
    """The `Mean` of a sequence of units."""
    return Mean(np.asarray(values, np.float64), method)
