"""The report on a scenario's fit: for each target what was wanted, what came out, and how much it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moatlab.evidence.fit.prior import count_assumed, draws
from moatlab.evidence.fit.targets import Target
from moatlab.market.market import Market
from moatlab.results.results import Results
from moatlab.scenario.scenario import Scenario

#: Seeds of the report.  What tuning looks at lies below; the report must not.
FIRST_SEED = 9_000
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One target with its values over seeds and the share of prior draws that meets it (not-a-number for no draws)."""

    target: Target
    values: Values
    prior: float

    @property
    def median(self) -> float:
        """Median over the seeds in which the statistic has a value."""
        return float(np.nanmedian(self.values)) if np.isfinite(self.values).any() else np.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The middle 90 % over seeds."""
        known = self.values[np.isfinite(self.values)]
        if not known.size:
            return np.nan, np.nan
        low, high = np.quantile(known, (0.05, 0.95))
        return float(low), float(high)

    @property
    def inside(self) -> bool:
        """Whether the median meets the target."""
        return self.target.met(self.median)

    @property
    def seeds_inside(self) -> float:
        """Share of seeds that meet it."""
        return float(np.mean([self.target.met(float(value)) for value in self.values]))


@dataclass(frozen=True)
class FitReport:
    """All targets of a scenario."""

    scenario: str
    rows: list[Row]
    seeds: int
    prior_draws: int
    assumed: int

    def known(self) -> list[Row]:
        """The targets that were known at the scenario's date."""
        return [row for row in self.rows if row.target.tag == "known"]


def measure(targets: Sequence[Target], run: Results) -> Values:
    """The statistics of one run, in the order of the targets."""
    return np.array([target.measure(run) for target in targets])


def report_on(
    scenario: Scenario,
    targets: Sequence[Target],
    seeds: int = 32,
    prior_draws: int = 128,
    progress: Callable[[int], None] | None = None,
) -> FitReport:
    """Run ``seeds`` seeds from `FIRST_SEED` on and, with one seed each, ``prior_draws`` draws of the prior."""
    horizon = max(target.horizon for target in targets)
    done = 0

    def run(chosen: Scenario, seed: int) -> Values:
        nonlocal done
        values = measure(targets, Market(chosen, rng=seed).run(horizon))
        done += 1
        if progress is not None:
            progress(done)
        return values

    values = np.array([run(scenario, FIRST_SEED + index) for index in range(seeds)])
    drawn = [
        run(draw, FIRST_SEED + index)
        for index, draw in enumerate(draws(scenario, prior_draws, seed=FIRST_SEED) if prior_draws else [])
    ]
    rows = []
    for column, target in enumerate(targets):
        met = [target.met(float(one[column])) for one in drawn]
        rows.append(Row(target, values[:, column], float(np.mean(met)) if met else np.nan))
    return FitReport(scenario.name, rows, seeds, prior_draws, count_assumed(scenario))
