"""Effects: contrasts between arms that share their random draws, pair by pair.

Arms of a replication share the random draws of all that they have in common, and arms of a point its sampled
parameters, so what is compared is never two groups of runs but the same run twice.  What was drawn independently is
the unit: seeds (the replications) in an experiment of one point; draws of the parameters and seeds, crossed, in one
over many points, since the replications of all points share their seeds.  Which points make up one draw is the
design's to say (`moatlab.evidence.units`).  Points that were chosen, as on a grid, are no draws: their mean is what is
asked for.  Counting every pair as a unit of its own would shrink intervals with every seed spent on the same draws
(Hurlbert 1984, pseudoreplication).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from moatlab.errors import InputError
from moatlab.evidence.inference import Array, Mean, Method, holm
from moatlab.evidence.units import Draws
from moatlab.scenario.addresses import nearest

#: Whether every point is a draw from a distribution, or all were chosen; which points make up each draw; or how much
#: each point counts.
Points = Literal["drawn", "chosen"] | Draws | Sequence[float]
#: Columns of the tables of outcomes that are read here.
COLUMNS = ("arm", "point", "replication", "outcome", "value")
UNIT = ["point", "replication"]


@dataclass(frozen=True, eq=False)
class Effect:
    """The expected contrast of one outcome between arms, such as treatment less control.

    ``weights`` say how much each arm counts (+1 and -1 of a difference; +1, -1, -1, +1 of an interaction), ``values``
    [draws, seeds] holds the contrast of each pair, ``arms`` [arms, draws, seeds] the arms' own values in the order of
    ``weights``, and ``lost`` the pairs (point, replication) that are left out, most of them for want of a value.
    ``pairs`` are those that count, over all points; ``label`` is what the contrast is called, if it has a name.
    """

    outcome: str
    weights: Mapping[str, float]
    values: Array
    arms: Array
    lost: tuple[tuple[int, int], ...] = ()
    label: str = ""
    pairs: int = 0

    @cached_property
    def mean(self) -> Mean:
        """Inference by Student's t."""
        return Mean(self.values)

    @cached_property
    def resampled(self) -> Mean:
        """Inference by the studentised bootstrap."""
        return Mean(self.values, "bootstrap")

    def by(self, method: Method) -> Mean:
        """Inference by either method."""
        return self.mean if method == "t" else self.resampled

    @property
    def unit(self) -> str:
        """What further runs would add to: "draw" of the parameters, or "seed"."""
        return "draw" if self.values.shape[0] > 1 else "seed"

    @property
    def units(self) -> Array:
        """The contrast of each draw (its mean over seeds), or of each seed."""
        units: Array = self.values.mean(axis=1) if self.unit == "draw" else self.values[0]
        return units

    @property
    def name(self) -> str:
        """The contrast in words: its label, or ``treatment - control``."""
        if self.label:
            return self.label
        parts: list[str] = []
        for arm, weight in sorted(self.weights.items(), key=lambda item: item[1] < 0):
            size = "" if abs(weight) == 1 else f"{abs(weight):g} "
            parts.append(("- " if weight < 0 else "+ " if parts else "") + size + arm)
        return " ".join(parts)

    @property
    def estimate(self) -> float:
        """Mean contrast over units, in the unit of the outcome."""
        return self.mean.estimate

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the expected contrast, by Student's t."""
        return self.mean.interval()

    @property
    def p(self) -> float:
        """Two-sided P value of the paired t test against no effect."""
        return self.mean.p

    @property
    def dz(self) -> float:
        """Standardised effect: mean over standard deviation of the paired contrasts (Cohen 1988, d_z)."""
        if self.estimate == 0.0:
            return 0.0
        spread = self.mean.spread
        return float(np.copysign(np.inf, self.estimate)) if spread == 0.0 else self.estimate / spread

    def arm_mean(self, arm: str) -> float:
        """Mean of one arm's own values over the pairs compared."""
        return float(self.arms[list(self.weights).index(arm)].mean()) if self.values.size else float("nan")

    @property
    def baseline(self) -> float:
        """Mean of the arms that are subtracted: the control's, in a difference."""
        subtracted = [self.arm_mean(arm) for arm, weight in self.weights.items() if weight < 0]
        return float(np.mean(subtracted)) if subtracted else float("nan")

    @property
    def relative(self) -> float:
        """The estimate as a share of the baseline."""
        return self.estimate / abs(self.baseline) if self.baseline else float("nan")

    @property
    def pairing(self) -> float:
        """Variance of the contrast with independent random draws over its variance with shared ones.

        So many times more runs would independent seeds need for the same interval.  Not a number for one pair or for
        arms that do not vary at all; infinite where the arms vary and their difference does not.
        """
        if self.values.size < 2:
            return float("nan")
        weights = np.array(list(self.weights.values()))
        apart = float(weights**2 @ self.arms.reshape(len(weights), -1).var(axis=1, ddof=1))
        together = self.mean.spread**2
        if together == 0.0:
            return float("inf") if apart > 0.0 else float("nan")
        return apart / together

    @property
    def caution(self) -> str:
        """What makes the interval less sure than it says; empty if nothing does.

        Pairing takes away all that the arms share, and what is left may sit in a few units: Student's interval then
        covers less than its level (docs/effects.md has figures).  Cochran (1977, section 2.15) asks for more than 25
        times the squared skewness.
        """
        count = int(self.units.size)
        moved = int(np.count_nonzero(self.units))
        if count < 3 or self.mean.spread == 0.0:
            return ""
        if moved <= count / 4:
            return f"only {moved} of {count} {self.unit}s differ at all: the interval may be too narrow"
        skew = float(stats.skew(self.units))
        if abs(skew) > 1.5 and count < 25.0 * skew**2:
            return f"the effect rests on a few {self.unit}s (skewness {skew:.1f}): the interval may be too narrow"
        return ""

    def row(self) -> dict[str, Any]:
        """The effect as a row of a table."""
        low, high = self.interval
        resampled = self.resampled.interval()
        return {
            "outcome": self.outcome, "contrast": self.name, "baseline": self.baseline, "estimate": self.estimate,
            "low": low, "high": high, "bootstrap_low": resampled[0], "bootstrap_high": resampled[1], "p": self.p,
            "dz": self.dz, "relative": self.relative, "pairing": self.pairing, "unit": self.unit,
            "draws": self.values.shape[0], "seeds": self.values.shape[1], "pairs": self.pairs, "lost": len(self.lost),
            "caution": self.caution,
        }  # fmt: skip


def contrast(
    outcomes: pd.DataFrame, outcome: str, weights: Mapping[str, float], points: Points = "drawn", label: str = "",
    against: float = 0.0,
) -> Effect:  # fmt: skip
    """The contrast of ``outcome`` between arms, from a table of outcomes (columns `COLUMNS`, a row a run and outcome).

    ``points`` says whether the points of the design were drawn, each by itself or as `Draws` has it, or chosen, so that
    their mean is asked for; weights by point ask for something else, such as (-1, 0, 1) for how much larger the
    contrast is at the last than at the first.  ``against`` is a number that is taken off: of one arm with weight 1 it
    is the level that is compared with it.
    Raises `InputError` for an outcome or an arm that the table lacks, for a run that it holds twice, for weights that
    do not fit the points, and where no pair is complete.
    """
    wide = _wide(outcomes, outcome, list(weights))
    each: Any = wide.unstack("replication")
    if not isinstance(points, str):
        # A point without any run has no row, and must not shift those after it.
        count = points.count if isinstance(points, Draws) else len(points)
        each = each.reindex(range(max(count, int(each.index.max()) + 1)))
    values = np.stack([each[arm].to_numpy(np.float64) for arm in weights])
    seeds = each[next(iter(weights))].columns.to_numpy()
    return of_arms(outcome, weights, values, points, each.index.to_numpy(), seeds, label, against)


def of_arms(
    outcome: str,
    weights: Mapping[str, float],
    values: Array,
    points: Points = "drawn",
    draws: Any = None,
    seeds: Any = None,
    label: str = "",
    against: float = 0.0,
) -> Effect:
    """The same from an array ``values`` [arms, points, replications] in the order of ``weights``.

    Values that are no numbers mark a run that is missing or an outcome that is undefined.  ``draws`` and ``seeds`` name
    the points and replications in ``lost``.
    """
    draws = np.arange(values.shape[1]) if draws is None else draws
    seeds = np.arange(values.shape[2]) if seeds is None else seeds
    complete: NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=0))
    if isinstance(points, Draws) or points == "drawn":
        members = points.members if isinstance(points, Draws) else np.arange(values.shape[1])[:, None]
        whole: NDArray[np.bool_] = np.asarray(complete[members].all(axis=1))
        rows, columns = crossed(whole)
        asked, kept = members.ravel(), members[rows].ravel()
    else:
        # Points that were chosen are what is asked about: a gap costs the seed, never the point.
        of_points = _weights(points, values.shape[1], outcome)
        asked = np.arange(values.shape[1]) if isinstance(points, str) else np.flatnonzero(of_points)
        kept = rows = np.flatnonzero(of_points)
        columns = np.flatnonzero(complete[kept].all(axis=0))
    if not (rows.size and columns.size):
        raise InputError(f"outcome {outcome}: no point and replication has a value in each of {', '.join(weights)}")
    used = np.zeros_like(complete)
    used[np.ix_(kept, columns)] = True
    wanted = np.zeros_like(complete)
    wanted[asked] = True
    lost = tuple((int(draws[p]), int(seeds[r])) for p, r in zip(*np.nonzero(wanted & ~used), strict=True))
    arms = values[np.ix_(np.arange(len(values)), kept, columns)]
    # Sums without rounding: equal arms give exactly zero, in an interaction too.
    weighted = arms * np.array(list(weights.values()))[:, None, None]
    pairs = weighted[0] + weighted[1] if len(arms) == 2 else np.apply_along_axis(math.fsum, 0, weighted)
    if against:
        pairs = pairs - against
    count = pairs.size
    if isinstance(points, Draws) or points == "drawn":
        size = members.shape[1]
        arms = arms.reshape(len(arms), rows.size, size, columns.size).mean(axis=2)
        pairs = pairs.reshape(rows.size, size, columns.size).mean(axis=1)
    else:
        arms = arms.mean(axis=1, keepdims=True)
        pairs = np.apply_along_axis(math.fsum, 0, pairs * of_points[kept][:, None])[None]
    return Effect(outcome, dict(weights), pairs, arms, lost, label, count)


def _weights(points: Sequence[float] | str, count: int, outcome: str) -> Array:
    """How much each of the points that were chosen counts."""
    if isinstance(points, str):
        return np.full(count, 1.0 / count)
    if len(points) != count or not any(points):
        raise InputError(f"outcome {outcome}: {len(points)} weights for {count} points, or all of them 0")
    return np.asarray(points, np.float64)


def crossed(complete: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns in whose crossing everything is complete: the emptiest row or column goes until it is so.

    Both are empty where nothing is.
    """
    rows, columns = np.arange(complete.shape[0]), np.arange(complete.shape[1])
    while rows.size and columns.size and not (inner := complete[np.ix_(rows, columns)]).all():
        by_row, by_column = inner.mean(axis=1), inner.mean(axis=0)
        if by_row.min() < by_column.min() or (by_row.min() == by_column.min() and rows.size >= columns.size):
            rows = np.delete(rows, by_row.argmin())
        else:
            columns = np.delete(columns, by_column.argmin())
    return rows, columns


def difference(outcomes: pd.DataFrame, outcome: str, treatment: str, control: str, points: Points = "drawn") -> Effect:
    """Treatment less control."""
    if treatment == control:
        raise InputError(f"an arm is not compared with itself: {treatment!r}")
    return contrast(outcomes, outcome, {treatment: 1.0, control: -1.0}, points)


def interaction(
    outcomes: pd.DataFrame, outcome: str, both: str, first: str, second: str, neither: str, points: Points = "drawn"
) -> Effect:
    """The difference in differences: what the two changes together do beyond the sum of what each does alone."""
    return contrast(outcomes, outcome, {both: 1.0, first: -1.0, second: -1.0, neither: 1.0}, points)


def effects_table(effects: Sequence[Effect]) -> pd.DataFrame:
    """One row an effect, with P values corrected by Holm over all of them."""
    table = pd.DataFrame([effect.row() for effect in effects])
    if len(table):
        table.insert(list(table.columns).index("p") + 1, "p_holm", holm(table["p"]))
    return table


def against_control(
    outcomes: pd.DataFrame, control: str, names: Iterable[str] | None = None, points: Points = "drawn"
) -> list[Effect]:
    """Every outcome (or those of ``names``) of every other arm less ``control``, in the order of the table."""
    arms = [str(arm) for arm in outcomes["arm"].unique() if arm != control]
    chosen = [str(name) for name in (outcomes["outcome"].unique() if names is None else names)]
    return [difference(outcomes, name, arm, control, points) for name in chosen for arm in arms]


def _wide(outcomes: pd.DataFrame, outcome: str, arms: list[str]) -> pd.DataFrame:
    """A row a (point, replication), a column an arm; not a number where a run is missing or its value undefined."""
    mine = outcomes[outcomes["outcome"] == outcome]
    if mine.empty:
        raise InputError(f"there is no outcome {outcome!r}; {nearest(outcome, map(str, outcomes['outcome'].unique()))}")
    for arm in arms:
        if not (mine["arm"] == arm).any():
            raise InputError(f"outcome {outcome}: there is no arm {arm!r}; {nearest(arm, map(str, mine['arm']))}")
    twice = mine.duplicated(["arm", *UNIT])
    if twice.any():
        arm, point, replication = mine.loc[twice, ["arm", *UNIT]].iloc[0]
        raise InputError(f"outcome {outcome}: arm {arm}, point {point}, replication {replication} stands there twice")
    wide = mine.pivot(index=UNIT, columns="arm", values="value")[arms].astype(np.float64)
    return wide.replace([np.inf, -np.inf], np.nan)
