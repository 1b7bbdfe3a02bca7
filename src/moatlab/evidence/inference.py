"""Inference on the mean of what was drawn independently: intervals, tests beyond and within a bound, Holm's correction.

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
#: Most numbers drawn at once.
BLOCK = 2_000_000


def precision(values: Array) -> tuple[Array, Array]:
    """Variance of the mean of ``values`` [..., draws, seeds] and its degrees of freedom, over the last two axes.

    With one draw or one seed, the other axis holds independent units.  With several of both they are *crossed*: every
    draw is run with the same seeds, so that two of its values share either the draw or the seed, and the variance of
    the mean has a part of each,

        (MS_draws + MS_seeds - MS_rest) / (draws x seeds),

    the mean squares of the two-way analysis of variance, with Satterthwaite's degrees of freedom (Searle, Casella and
    McCulloch 1992, chapter 4).  Taking draws alone as units would leave out the seeds that they have in common.
    """
    draws, seeds = values.shape[-2:]
    by_draw, by_seed = values.mean(axis=-1), values.mean(axis=-2)
    if draws == 1 or seeds == 1:
        units = by_seed if draws == 1 else by_draw
        count = units.shape[-1]
        return units.var(axis=-1, ddof=1) / count, np.full(units.shape[:-1], count - 1.0)
    middle = values.mean(axis=(-2, -1))
    rest = values - by_draw[..., :, None] - by_seed[..., None, :] + middle[..., None, None]
    squares = (
        seeds * by_draw.var(axis=-1, ddof=1),
        draws * by_seed.var(axis=-1, ddof=1),
        (rest**2).sum(axis=(-2, -1)) / ((draws - 1) * (seeds - 1)),
    )
    # The sum can come out below either part by chance, even negative.
    total = np.maximum(squares[0] + squares[1] - squares[2], np.minimum(squares[0], squares[1]))
    parts = (
        squares[0] ** 2 / (draws - 1) + squares[1] ** 2 / (seeds - 1) + squares[2] ** 2 / ((draws - 1) * (seeds - 1))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = total**2 / parts
    return total / (draws * seeds), np.clip(np.nan_to_num(freedom), min(draws, seeds) - 1, draws * seeds - 1)


@dataclass(frozen=True, eq=False)
class Mean:
    """The mean of ``values`` and what can be said of its expectation.

    ``values`` are [units], each independent of the others, or [draws, seeds] as in `precision`.  A sample without
    spread (identical arms give differences of exactly zero) has an interval of no width; a single value has an interval
    without bounds.
    """

    values: Array
    method: Method = "t"

    @cached_property
    def _grid(self) -> Array:
        """The values as [draws, seeds]."""
        return np.atleast_2d(self.values)

    @property
    def count(self) -> int:
        """Values."""
        return int(self.values.size)

    @cached_property
    def estimate(self) -> float:
        """The sample mean; that of equal values is their value, without rounding."""
        if not self.count:
            return float("nan")
        return float(self._grid[0, 0] if self._all_equal else self.values.mean())

    @cached_property
    def _all_equal(self) -> bool:
        return bool(np.ptp(self.values) == 0.0)

    @cached_property
    def _precision(self) -> tuple[float, float]:
        variance, freedom = precision(self._grid)
        return float(np.sqrt(variance)), float(freedom)

    @property
    def error(self) -> float:
        """Standard error of the mean, exactly 0 where all values are equal."""
        if self.count < 2:
            return float("nan")
        return 0.0 if self._all_equal else self._precision[0]

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the standard error."""
        return self._precision[1]

    @cached_property
    def spread(self) -> float:
        """Standard deviation of the values (n - 1), exactly 0 where all are equal."""
        if self.count < 2:
            return float("nan")
        return 0.0 if self._all_equal else float(self.values.std(ddof=1))

    def expected(self, count: int, of: Literal["draw", "seed"] | None = None) -> tuple[float, float]:
        """Standard error, and its degrees of freedom, to expect with ``count`` draws and as many seeds as now.

        ``of`` "seed" has it the other way round; by default it is draws where there are several, else seeds.  What the
        seeds add to all draws alike stays, however many draws there are, as do the differences between few draws.
        """
        draws, seeds = self._grid.shape
        of = of or ("draw" if draws > 1 else "seed")
        if self._all_equal or draws == 1 or seeds == 1:
            if (draws if of == "draw" else seeds) == 1:
                return self.error, self.freedom  # one draw, or one seed, cannot say what more of them would do
            return self.error * float(np.sqrt(self.count / count)), count - 1.0
        by_draw, by_seed = self._grid.mean(axis=1), self._grid.mean(axis=0)
        rest = self._grid - by_draw[:, None] - by_seed + self.estimate
        noise = float((rest**2).sum()) / ((draws - 1) * (seeds - 1))
        between = max(0.0, float(by_draw.var(ddof=1)) - noise / seeds)
        luck = max(0.0, float(by_seed.var(ddof=1)) - noise / draws)
        many, few = (count, seeds) if of == "draw" else (draws, count)
        parts = between / many, luck / few, noise / (many * few)
        # The mean squares of draws and of seeds hold the noise too.
        of_draws, of_seeds = parts[0] + parts[2], parts[1] + parts[2]
        squares = of_draws**2 / (many - 1) + of_seeds**2 / (few - 1) + parts[2] ** 2 / ((many - 1) * (few - 1))
        return float(np.sqrt(sum(parts))), sum(parts) ** 2 / squares

    def error_with(self, count: int) -> float:
        """Standard error to expect with ``count`` units, as `expected` has it."""
        return self.expected(count)[0]

    @cached_property
    def _resampled(self) -> Array:
        """Sorted values of the statistic in resamples (Efron and Tibshirani 1993, section 12.5).

        Crossed draws and seeds are resampled each by themselves, rows and columns (Owen 2007, pigeonhole bootstrap).
        """
        rng = np.random.default_rng(BOOTSTRAP_SEED)
        (draws, seeds), found = self._grid.shape, []
        block = max(1, min(RESAMPLES, BLOCK // self.count))
        for first in range(0, RESAMPLES, block):
            size = min(block, RESAMPLES - first)
            rows = rng.integers(draws, size=(size, draws, 1)) if draws > 1 else np.zeros((size, 1, 1), int)
            columns = rng.integers(seeds, size=(size, 1, seeds)) if seeds > 1 else np.zeros((size, 1, 1), int)
            drawn = self._grid[rows, columns]
            above = drawn.mean(axis=(1, 2)) - self.estimate
            below = np.sqrt(precision(drawn)[0])
            with np.errstate(divide="ignore", invalid="ignore"):
                # A resample of one unit repeated has no spread: its statistic is infinite, and counts as such.
                found.append(np.where(below > 0.0, above / below, np.sign(above) * np.inf))
        return np.sort(np.concatenate(found))

    def _upper_tail(self, statistic: float) -> float:
        """P(statistic or more) under the reference distribution."""
        if self.method == "t":
            return float(stats.t.sf(statistic, self.freedom))
        beyond = RESAMPLES - int(np.searchsorted(self._resampled, statistic, side="left"))
        return (beyond + 1) / (RESAMPLES + 1)

    def _lower_tail(self, statistic: float) -> float:
        if self.method == "t":
            return float(stats.t.cdf(statistic, self.freedom))
        beyond = int(np.searchsorted(self._resampled, statistic, side="right"))
        return (beyond + 1) / (RESAMPLES + 1)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Two-sided interval of the expectation."""
        if self.count < 2:
            return -float("inf"), float("inf")
        if self._all_equal:
            return self.estimate, self.estimate
        tail = (1.0 - level) / 2.0
        if self.method == "t":
            reach = float(stats.t.ppf(1.0 - tail, self.freedom)) * self.error
            return self.estimate - reach, self.estimate + reach
        low, high = np.quantile(self._resampled, (tail, 1.0 - tail), method="inverted_cdf")
        # The bounds swap: a resampled mean far above the sample's says that the sample's may be far below the truth.
        return self.estimate - float(high) * self.error, self.estimate - float(low) * self.error

    def p_above(self, bound: float) -> float:
        """P value against "the expectation is ``bound`` at most": small says that it is above."""
        if self.count < 2:
            return 1.0
        if self._all_equal:
            return float(self.estimate <= bound)
        return self._upper_tail((self.estimate - bound) / self.error)

    def p_below(self, bound: float) -> float:
        """P value against "the expectation is ``bound`` at least": small says that it is below."""
        if self.count < 2:
            return 1.0
        if self._all_equal:
            return float(self.estimate >= bound)
        return self._lower_tail((self.estimate - bound) / self.error)

    @property
    def p(self) -> float:
        """Two-sided P value against an expectation of zero."""
        return min(1.0, 2.0 * min(self.p_above(0.0), self.p_below(0.0)))

    def p_within(self, bound: float) -> float:
        """P value against "the expectation is ``bound`` or more away from zero": two one-sided tests.

        Small says equivalence; at 0.025 it is the 95 % interval inside (-bound, bound) (Schuirmann 1987).
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
