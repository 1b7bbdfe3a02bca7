"""What a batch says by arm: levels with bands, and paired differences from the control.

The unit of a paired difference is what was drawn independently.  In a sample of points (latin, random, sobol, morris)
that is a point, over whose replications the difference is averaged.  In a grid, at chosen combinations and without
points it is a replication, over all of whose points it is averaged; `differences_by_point` tells the points apart.
Intervals are Student's t over these units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from moatlab.experiments.batch import Batch


#: Designs whose points are drawn, and not set.
DRAWN = ("latin", "random", "sobol", "morris")


def _unit(batch: Batch) -> str:
    return "point" if batch.experiment.design.kind in DRAWN else "replication"


def by_arm(batch: Batch) -> pd.DataFrame:
    """By outcome and arm over all runs: outcome, arm, runs, mean, median, low and high (5 and 95 % of the runs)."""
    return batch.sql(
        "select outcome, arm, count(value) as runs, avg(value) as mean, median(value) as median, "
        "quantile_cont(value, 0.05) as low, quantile_cont(value, 0.95) as high "
        "from outcomes group by outcome, arm"
    ).pipe(_ordered, batch)


def differences(batch: Batch) -> pd.DataFrame:
    """By outcome and treatment: outcome, arm, pairs, mean, low, high (of the mean, at the experiment's confidence).

    A pair of which one run is missing or undefined does not count.
    """
    return _differences(batch, "outcome, arm", _unit(batch)).pipe(_ordered, batch)


def differences_by_point(batch: Batch) -> pd.DataFrame:
    """The same at each point of a grid or of chosen combinations, over its replications, with the column ``point``."""
    return _differences(batch, "outcome, arm, point", "replication").pipe(_ordered, batch)


def _differences(batch: Batch, by: str, unit: str) -> pd.DataFrame:
    told = batch.sql(
        "with gap as (select outcome, t.arm, point, replication, t.value - c.value as d "
        "from outcomes t join outcomes c using (outcome, point, replication) "
        f"where c.arm = '{batch.experiment.control}' and t.arm <> c.arm and not isnan(t.value - c.value)), "
        f"unit as (select {by}, avg(d) as d from gap group by {by}, {unit}) "
        f"select {by}, count(d) as pairs, avg(d) as mean, stddev_samp(d) as sd from unit group by {by} order by {by}"
    )
    return _interval(told, batch.experiment.test.confidence)


def path_differences(batch: Batch, metric: str) -> pd.DataFrame:
    """By treatment and month: arm, month, pairs, mean, low, high of the paired difference in one metric."""
    name = batch.quoted(metric)
    told = batch.sql(
        f"with unit as (select t.arm, t.month, t.{_unit(batch)} as unit, avg(t.{name} - c.{name}) as d "
        "from monthly t join monthly c using (point, replication, month) "
        f"where c.arm = '{batch.experiment.control}' and t.arm <> c.arm and not isnan(t.{name} - c.{name}) "
        "group by t.arm, t.month, unit) "
        "select arm, month, count(d) as pairs, avg(d) as mean, stddev_samp(d) as sd from unit "
        "group by arm, month order by arm, month"
    )
    return _interval(told, batch.experiment.test.confidence)


def _interval(told: pd.DataFrame, confidence: float) -> pd.DataFrame:
    from scipy.stats import t

    pairs = told["pairs"].to_numpy(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        half = t.ppf(0.5 + confidence / 2.0, pairs - 1.0) * told["sd"].to_numpy(np.float64) / np.sqrt(pairs)
    told["low"], told["high"] = told["mean"] - half, told["mean"] + half
    return told.drop(columns="sd")


def _ordered(table: pd.DataFrame, batch: Batch) -> pd.DataFrame:
    """Outcomes and arms as the experiment's file has them."""
    outcomes, arms = list(batch.experiment.outcomes), list(batch.experiment.arms)
    order = [(outcomes.index(o), arms.index(a)) for o, a in zip(table["outcome"], table["arm"], strict=True)]
    return table.iloc[sorted(range(len(table)), key=order.__getitem__)].reset_index(drop=True)
