"""What a response says: present value, half-life, amplification as a ratio of areas, and whether it lasts.

A response is the paired difference that a grant makes, month by month after it, in several units [units, months].
Nothing here knows of a market, and `tests/evidence/durability/test_response.py` gives it responses that were planted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats

from moatlab.evidence.inference import Array, Mean

#: Months after the grant from which the decay is fitted: by then the grant has reached customers.
FIT_FROM = 12
#: Months at the end of the horizon over which it is asked whether an advantage has lasted.
LAST = 24
#: Return of a dollar a year, at the end of the horizon, below which an advantage has gone: less than half of the cost
#: of capital, 12 % a year (`moatlab.results.measure`).
LEAST_RETURN = 0.05
LEVEL = 0.95
#: Rates of decay that are looked at, 1 / months: growth doubling in three years to all gone within months.
_RATES = np.concatenate([np.linspace(-math.log(2) / 36, 0.1, 480), np.geomspace(0.1003, 1.4, 120)])


@dataclass(frozen=True)
class HalfLife:
    """Months in which a response halves, with its 95 % interval; ``math.inf`` for none within the horizon.

    ``censored`` says that the estimate itself is beyond the ``horizon``: no decay was seen by then.  All are
    not-a-number where the response cannot be told from nothing.
    """

    estimate: float
    low: float
    high: float
    horizon: float

    @property
    def defined(self) -> bool:
        """Whether there is a response whose decay can be spoken of."""
        return not math.isnan(self.estimate)

    @property
    def censored(self) -> bool:
        """Whether the estimate lies beyond the horizon."""
        return self.estimate >= self.horizon

    def __str__(self) -> str:
        if not self.defined:
            return "-"
        ends = [
            f"> {self.horizon:.0f}" if x >= self.horizon else f"{x:.3g}" for x in (self.estimate, self.low, self.high)
        ]
        return f"{ends[0]} [{ends[1]}, {ends[2]}]"


def present_value(response: Array, yearly: float) -> Array:
    """Sum of each unit's response [units, months], discounted from the month of the grant on at ``yearly``."""
    months = np.arange(response.shape[1])
    return np.asarray(response @ (1.0 + yearly) ** (-months / 12.0))


def half_life(response: Array, start: int = FIT_FROM) -> HalfLife:
    """Half-life of the mean response from month ``start`` on: a exp(-k (t - start)), by least squares.

    The units are pooled first, so that each counts by its size and none by its noise, and the month is fixed, so that
    no noisy peak begins the decay.  The interval of k is a jackknife over units with Student's t.  A rate whose
    half-life is longer than the months fitted cannot be told from none: it is right-censored at the horizon.
    """
    known = response[np.isfinite(response).all(axis=1)][:, start:]
    units, months = known.shape
    horizon = float(start + months)
    nothing = HalfLife(math.nan, math.nan, math.nan, horizon)
    if units < 2 or months < 3 or not known.any():
        return nothing
    low, high = Mean(known.mean(axis=1)).interval()
    if low <= 0.0 <= high:
        return nothing
    total = known.sum(axis=0)
    rate = float(_rates(total[None])[0])
    without = _rates(total - known)
    # Pseudo-values of the jackknife.
    apart = units * rate - (units - 1) * without
    error = float(apart.std(ddof=1)) / math.sqrt(units)
    reach = float(stats.t.ppf(0.5 + LEVEL / 2, units - 1)) * error
    ends = (_months(rate, horizon), _months(rate + reach, horizon), _months(rate - reach, horizon))
    return HalfLife(*ends, horizon)


def _months(rate: float, horizon: float) -> float:
    """The half-life of a rate of decay, infinite from the horizon on."""
    months = math.log(2.0) / rate if rate > 0.0 else math.inf
    return months if months < horizon else math.inf


@lru_cache(maxsize=8)
def _shapes(months: int) -> Array:
    """The decays that are looked at [months, rates], each of length 1."""
    shapes = np.exp(-_RATES * np.arange(months)[:, None])
    return np.asarray(shapes / np.sqrt((shapes**2).sum(axis=0)))


def _rates(curves: Array) -> Array:
    """The rate of decay of each curve [curves, months], by least squares with the best amplitude for each rate."""
    fit = (curves @ _shapes(curves.shape[1])) ** 2
    best = fit.argmax(axis=1)
    inside = np.clip(best, 1, len(_RATES) - 2)
    at = np.arange(len(curves))
    # A parabola through the best and its neighbours, which are not evenly apart.
    left, middle, right = (_RATES[inside + step] for step in (-1, 0, 1))
    lower, top, upper = (fit[at, inside + step] for step in (-1, 0, 1))
    slopes = (top - lower) / (middle - left), (upper - top) / (right - middle)
    bend = (slopes[1] - slopes[0]) / (right - left)
    with np.errstate(invalid="ignore", divide="ignore"):
        peak = 0.5 * (left + middle) - slopes[0] / (2.0 * bend)
    sound = (best == inside) & (bend < 0.0)
    return np.asarray(np.where(sound, np.clip(peak, left, right), _RATES[best]))


@dataclass(frozen=True)
class Ratio:
    """A ratio of two means over the same units, with Fieller's 95 % interval; infinite ends where it has none."""

    estimate: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.estimate:.3g} [{self.low:.3g}, {self.high:.3g}]"


def ratio_of_areas(above: Array, below: Array) -> Ratio:
    """Sum over units and months of ``above`` over that of ``below``, both [units, months].

    Pooled, not a mean of ratios, which a unit with hardly any response would decide.  The interval is Fieller's (1954):
    where the area below may be nothing, it has no ends.
    """
    known = np.isfinite(above).all(axis=1) & np.isfinite(below).all(axis=1)
    x, y = above[known].sum(axis=1), below[known].sum(axis=1)
    units = len(x)
    if units < 1 or y.mean() == 0.0:
        return Ratio(math.nan, math.nan, math.nan)
    ratio = float(x.mean() / y.mean())
    if units < 2:
        return Ratio(ratio, -math.inf, math.inf)
    t = float(stats.t.ppf(0.5 + LEVEL / 2, units - 1))
    spread = np.cov(x, y) / units
    # The values r for which the mean of x - r y is not told from 0: a quadratic in r.
    a = float(y.mean()) ** 2 - t**2 * spread[1, 1]
    b = float(x.mean() * y.mean()) - t**2 * spread[0, 1]
    c = float(x.mean()) ** 2 - t**2 * spread[0, 0]
    inside = b * b - a * c
    if a <= 0.0 or inside < -1e-9 * b * b:
        return Ratio(ratio, -math.inf, math.inf)
    # Units in strict proportion leave nothing but rounding.
    reach = math.sqrt(max(inside, 0.0))
    return Ratio(ratio, (b - reach) / a, (b + reach) / a)


@dataclass(frozen=True)
class Lasting:
    """What a dollar returns a year at the end of the horizon, against a smallest return of interest.

    ``verdict`` is "fades" where the 95 % interval lies within plus and minus ``least``, "lasts" above, "costs" below,
    else "undecided".  ``p_fades`` is the P value of equivalence (two one-sided tests), ``p_lasts`` of lasting.
    """

    mean: Mean
    least: float

    @property
    def estimate(self) -> float:
        """$ a year per $ granted."""
        return self.mean.estimate

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval."""
        return self.mean.interval(LEVEL)

    @property
    def p_fades(self) -> float:
        """P value against an advantage, or a loss, that has lasted."""
        return self.mean.p_within(self.least)

    @property
    def p_lasts(self) -> float:
        """P value against an advantage that has gone."""
        return self.mean.p_above(self.least)

    @property
    def verdict(self) -> str:
        """What the interval says."""
        low, high = self.interval
        if low > self.least:
            return "lasts"
        if high < -self.least:
            return "costs"
        return "fades" if -self.least < low and high < self.least else "undecided"


def lasting(response: Array, worth: float, least: float = LEAST_RETURN, last: int = LAST) -> Lasting:
    """Whether a response of profit [units, months] has lasted: its yearly mean over the last months, per dollar."""
    known = response[np.isfinite(response).all(axis=1)][:, -last:]
    return Lasting(Mean(12.0 * known.mean(axis=1) / worth if known.size else np.zeros(0)), least)


def none_lasts(judged: list[Lasting]) -> float:
    """P value of "none lasts": an intersection-union test, each has to be shown to have faded (Berger 1982).

    The largest of the P values, without a correction for their number; 1 where there is nothing to judge.
    """
    return max((one.p_fades for one in judged), default=1.0)
