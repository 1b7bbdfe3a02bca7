"""What a batch says by arm: levels with bands.  Paired differences are in `moatlab.evidence`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from moatlab.experiments.batch import Batch


def by_arm(batch: Batch) -> pd.DataFrame:
    """By outcome and arm over all runs: outcome, arm, runs, mean, median, low and high (5 and 95 % of the runs)."""
    return batch.sql(
        "select outcome, arm, count(value) as runs, avg(value) as mean, median(value) as median, "
        "quantile_cont(value, 0.05) as low, quantile_cont(value, 0.95) as high "
        "from outcomes group by outcome, arm"
    ).pipe(_ordered, batch)


def _ordered(table: pd.DataFrame, batch: Batch) -> pd.DataFrame:
    """Outcomes and arms as the experiment's file has them."""
    outcomes, arms = list(batch.experiment.outcomes), list(batch.experiment.arms)
    order = [(outcomes.index(o), arms.index(a)) for o, a in zip(table["outcome"], table["arm"], strict=True)]
    return table.iloc[sorted(range(len(table)), key=order.__getitem__)].reset_index(drop=True)
