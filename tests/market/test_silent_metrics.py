"""No metric is silent: records start as not-a-number, and every declared metric is a number somewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from moatlab import Market
from moatlab.market import recorder
from moatlab.market.state.blocks import block
from moatlab.results import metrics
from moatlab.results.results import Results


@pytest.fixture(scope="module")
def run() -> Results:
    """Ten years of the essay's market, in memory that held something else before."""
    patch = pytest.MonkeyPatch()

    def dirty(dtype: Any, count: int) -> Any:
        rows = block(dtype, count)
        for name in dtype.names:
            rows[name] = -12345
        return rows

    patch.setattr(recorder, "block", dirty)
    try:
        return Market("essay-2023", rng=1).run(120)
    finally:
        patch.undo()


def test_months_that_are_not_written_are_not_numbers() -> None:
    market = Market("tiny", rng=1)
    market.step()
    for table in (market.recorder.market, market.recorder.layers, market.recorder.categories):
        last = np.asarray(table[0][-1:])
        assert all(np.isnan(last[name]).all() for name in last.dtype.names or ())


@pytest.mark.parametrize("metric", metrics.find("market"), ids=lambda m: m.column)
def test_every_metric_of_the_market_is_a_number_somewhere(run: Results, metric: metrics.Metric) -> None:
    frame = run.market.to_pandas()
    if metric.column in frame:
        assert np.isfinite(frame[metric.column]).any()


@pytest.mark.parametrize("level", ["layers", "categories", "firms"])
def test_every_metric_of_the_other_tables_is_a_number_somewhere(run: Results, level: str) -> None:
    frame = getattr(run, level).to_pandas()
    numbers = frame.select_dtypes("number")
    assert len(numbers.columns) > 8
    for name in numbers:
        assert np.isfinite(numbers[name]).any(), name
        assert not (numbers[name] == -12345).any(), f"{name} is not written for every row"
