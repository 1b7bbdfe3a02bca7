"""How many seeds or draws an experiment needs, from a pilot or from what a batch has by now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special, stats

from moatlab.errors import InputError
from moatlab.evidence.effects import Effect

#: More units than this are not searched for.
MOST_UNITS = 10_000_000
#: A pilot's standard deviation is a guess; the plan takes its upper bound at this level (Browne 1995).
CAUTION = 0.8


#: Power of what is planned, and units from which on Student's t is taken for normal.
POWER = 0.9
MANY = 2_000


def _fails(level: float, count: float, shift: float) -> float:
    """Probability that a t statistic with expectation ``shift`` stays below the upper end of a two-sided ``level``."""
    if count > MANY:
        return float(special.ndtr(special.ndtri((1.0 + level) / 2.0) - shift))
    return float(special.nctdtr(count - 1, shift, special.stdtrit(count - 1, (1.0 + level) / 2.0)))


def power_to_detect(count: float, spread: float, effect: float, bound: float = 0.0, level: float = 0.95) -> float:
    """Probability that the two-sided interval of ``count`` paired units lies wholly beyond ``bound``.

    ``effect`` > ``bound`` is the true mean and ``spread`` the standard deviation of the paired differences: the
    non-central t distribution with n - 1 degrees of freedom.  With ``bound`` 0 it is the power of the paired t test in
    the direction of the effect.
    """
    return 1.0 - _fails(level, count, (effect - bound) * np.sqrt(count) / spread)


def power_of_equivalence(count: float, spread: float, effect: float, bound: float, level: float = 0.95) -> float:
    """Probability that the two-sided interval of ``count`` units lies within ``bound`` (a lower limit).

    Each side fails with a probability of the non-central t distribution; both cannot fail at once unless the interval
    is wider than the bounds, so one less both failures is the power or a little less (Schuirmann 1987).
    """
    fails = sum(_fails(level, count, (bound - side * effect) * np.sqrt(count) / spread) for side in (1, -1))
    return max(0.0, 1.0 - fails)


def least(enough: Callable[[int], bool]) -> int | None:
    """The smallest count of units from 2 on that is ``enough`` (which must stay so beyond); None if there is none."""
    high = 2
    while not enough(high):
        high *= 2
        if high > MOST_UNITS:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if middle >= 2 and enough(middle) else (middle, high)
    return high


@dataclass(frozen=True)
class Plan:
    """Units (seeds, or draws of the parameters with the pilot's seeds) needed; None where no number would do.

    ``detect``: to tell an effect of the smallest size of interest from zero; ``support``: for an interval wholly beyond
    it, if the effect is as large as ``expected``; ``equivalence``: for an interval within it, if there is no effect.
    More draws do not help against having few seeds: then it is seeds that are to be added.  ``spread`` is the
    pilot's standard deviation of paired differences, ``cautious`` the upper bound that the plan uses.
    """

    unit: str
    spread: float
    cautious: float
    smallest: float
    expected: float
    power: float
    detect: int | None
    support: int | None
    equivalence: int | None

    def __str__(self) -> str:
        told = {"detect": self.detect, "support": self.support, "equivalence": self.equivalence}
        parts = [f"{what} {'never' if count is None else f'{count:,}'}" for what, count in told.items()]
        return f"{self.unit}s for power {self.power:g}: " + ", ".join(parts)


def plan(
    pilot: Effect, smallest: float, expected: float | None = None, power: float = POWER,
    alpha: Callable[[float], float] = lambda more: 0.05,
) -> Plan:  # fmt: skip
    """The units that a verdict needs, from the spread of a pilot's paired differences.

    ``smallest`` is the smallest effect of interest; ``expected`` the size hoped for (by default the pilot's own
    estimate, which is a guess as well); ``alpha(more)`` the level of error of a test with ``more`` times the pilot's
    runs.  Raises `InputError` for a pilot of one unit or a size that is not positive.
    """
    if not smallest > 0.0:
        raise InputError(f"the smallest effect of interest is a number above 0, not {smallest!r}")
    if not 0.0 < power < 1.0:
        raise InputError(f"power is a number between 0 and 1, not {power!r}")
    count = int(pilot.units.size)
    if count < 2:
        raise InputError(f"a plan needs a pilot of two {pilot.unit}s at least, not {count}")
    # The spread that n units have, seen from their mean: constant, unless all draws share a few seeds.
    caution = float(np.sqrt((count - 1) / stats.chi2.ppf(1.0 - CAUTION, count - 1)))

    def level(n: int) -> float:
        return 1.0 - alpha(n / count)

    def spread(n: int) -> float:
        return caution * pilot.mean.error_with(n) * float(np.sqrt(n))

    size = abs(pilot.estimate if expected is None else expected)
    if pilot.mean.error == 0.0:
        return Plan(pilot.unit, 0.0, 0.0, smallest, size, power, 2, 2 if size > smallest else None, 2)
    return Plan(
        pilot.unit, spread(count) / caution, spread(count), smallest, size, power,
        least(lambda n: power_to_detect(n, spread(n), smallest, 0.0, level(n)) >= power),
        least(lambda n: power_to_detect(n, spread(n), size, smallest, level(n)) >= power) if size > smallest else None,
        least(lambda n: power_of_equivalence(n, spread(n), 0.0, smallest, level(n)) >= power),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Needed:
    """So many units of a kind in all."""

    count: int
    unit: Literal["draw", "seed"]

    def __str__(self) -> str:
        return f"{self.count:,} {self.unit}s"


def to_decide(
    effect: Effect, smallest: float, alpha: Callable[[float], float] = lambda more: 0.05, power: float = POWER
) -> Needed | None:
    """Units with which the effect would be decided with ``power``, were the estimate and its spread the truth.

    ``alpha(more)`` is the level of error of its next test with ``more`` times the runs.  More of the effect's own unit
    if that can do it; where it cannot, as more draws cannot average over few seeds, more of the other; None
    where neither can.
    """
    mean, size = effect.mean, abs(effect.estimate)
    if not mean.error > 0.0 or size == smallest:
        return None
    draws, seeds = effect.values.shape
    units: tuple[Literal["draw", "seed"], ...] = ("draw", "seed") if draws > 1 else ("seed",)
    for unit in units:
        now = draws if unit == "draw" else seeds

        def enough(n: int, unit: Literal["draw", "seed"] = unit, now: int = now) -> bool:
            level = alpha(n / now)
            if level <= 0.0:
                return False
            error, freedom = mean.expected(n, unit)
            count, spread = freedom + 1.0, error * float(np.sqrt(freedom + 1.0))
            if size > smallest:
                return power_to_detect(count, spread, size, smallest, 1.0 - level) >= power
            return power_of_equivalence(count, spread, size, smallest, 1.0 - level) >= power

        if now > 1 and (found := least(enough)) is not None:
            return Needed(found, unit)
    return None
