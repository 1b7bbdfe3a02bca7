"""Intervals, tests and Holm's correction against scipy, statsmodels and figures that a wrong formula would miss."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from moatlab.evidence.inference import RESAMPLES, Mean, holm, mean_of

RNG = np.random.default_rng(3)
SAMPLE = RNG.gamma(2.0, 1.0, 18) - 1.0


def test_t_interval_and_p_are_those_of_scipy() -> None:
    mean, known = mean_of(SAMPLE), stats.ttest_1samp(SAMPLE, 0.0)
    interval = known.confidence_interval(0.95)
    assert mean.interval() == pytest.approx((interval.low, interval.high))
    assert mean.p == pytest.approx(known.pvalue)
    assert mean.p_above(0.3) == pytest.approx(stats.ttest_1samp(SAMPLE, 0.3, alternative="greater").pvalue)
    assert mean.p_below(0.3) == pytest.approx(stats.ttest_1samp(SAMPLE, 0.3, alternative="less").pvalue)
    # Four units: the normal quantile or n degrees of freedom would give 0.81 or 0.70 of this width.
    few = mean_of([1.0, 2.0, 4.0, 9.0])
    assert few.interval()[1] - few.estimate == pytest.approx(3.1824463 * np.std([1, 2, 4, 9], ddof=1) / 2.0)


def test_equivalence_is_that_of_statsmodels() -> None:
    weightstats = pytest.importorskip("statsmodels.stats.weightstats")
    for bound in (0.5, 1.0, 2.0):
        p, *_ = weightstats.DescrStatsW(SAMPLE).ttost_mean(-bound, bound)
        assert mean_of(SAMPLE).p_within(bound) == pytest.approx(p)


def test_equivalence_is_the_ninety_per_cent_interval() -> None:
    mean = mean_of(SAMPLE)
    reach = max(abs(end) for end in mean.interval(0.90))
    assert mean.p_within(reach * 1.001) < 0.05 < mean.p_within(reach * 0.999)


@pytest.mark.parametrize("method", ["t", "bootstrap"])
def test_interval_and_test_agree(method: str) -> None:
    mean = Mean(SAMPLE, method)  # type: ignore[arg-type]
    low, high = mean.interval()
    step = (2e-3 if method == "t" else 2e-2) * (high - low)
    assert mean.p_above(low - step) < 0.025 < mean.p_above(low + step)
    assert mean.p_below(high + step) < 0.025 < mean.p_below(high - step)


def test_studentised_bootstrap_is_that_of_its_definition() -> None:
    """Efron and Tibshirani, equation 12.21, by another way: resample by resample, with another generator."""
    rng = np.random.default_rng(11)
    found = []
    for _ in range(RESAMPLES):
        drawn = rng.choice(SAMPLE, SAMPLE.size)
        found.append((drawn.mean() - SAMPLE.mean()) / (drawn.std(ddof=1) / np.sqrt(SAMPLE.size)))
    error = SAMPLE.std(ddof=1) / np.sqrt(SAMPLE.size)
    low, high = SAMPLE.mean() - np.quantile(found, (0.975, 0.025)) * error
    mean = Mean(SAMPLE, "bootstrap")
    assert mean.interval() == pytest.approx((low, high), abs=0.12 * error)
    # A sample skewed to the right reaches further up than down: bounds that are not swapped do the opposite.
    assert mean.interval()[1] - mean.estimate > 1.15 * (mean.estimate - mean.interval()[0])
    assert Mean(SAMPLE, "bootstrap").interval() == mean.interval()


def test_no_spread_and_one_unit() -> None:
    for method in ("t", "bootstrap"):
        same = Mean(np.full(7, 0.1), method)
        assert same.interval() == (0.1, 0.1) and same.spread == 0.0 and same.p == 0.0
        assert same.p_within(0.2) == 0.0 and same.p_within(0.05) == 1.0 and same.p_above(0.1) == 1.0
        zero = Mean(np.zeros(7), method)
        assert zero.interval() == (0.0, 0.0) and zero.p == 1.0
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            one = Mean(np.array([3.0]), method)
            assert one.interval() == (-np.inf, np.inf) and one.p == 1.0 and one.p_within(9.0) == 1.0


def test_holm_is_that_of_statsmodels() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    for size in (1, 2, 7, 30):
        p = RNG.uniform(0, 0.2, size)
        assert holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1])


def test_holm_steps_down_and_never_back() -> None:
    # 3 x 0.01, 2 x 0.02, 1 x 0.025: without the running maximum the last would be 0.025 and the second 0.04 > 0.03.
    assert holm([0.025, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.04, 0.04]) == pytest.approx([0.08, 0.08])
    # What could not be tested does not make the others dearer.
    adjusted = holm([0.01, np.nan, 0.03])
    assert adjusted[[0, 2]] == pytest.approx([0.02, 0.03]) and np.isnan(adjusted[1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_lies_between_alone_and_bonferroni(p: list[float]) -> None:
    adjusted, raw = holm(p), np.array(p)
    order = np.argsort(raw, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
    assert (adjusted >= raw).all() and (adjusted <= np.minimum(raw * len(p), 1.0) + 1e-12).all()
