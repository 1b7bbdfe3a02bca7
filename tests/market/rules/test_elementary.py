"""Vectorised elementary functions against the C library's and scipy's, and the sort by distribution against numpy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import lambertw

from moatlab.market.rules.elementary import exp_below, exponentiate, lambert, log_above
from moatlab.market.rules.ranking import sort_spread
from moatlab.market.state.compiled import kernel

RNG = np.random.default_rng(1)


@kernel
def logarithms(values: np.ndarray) -> None:
    for i in range(values.shape[0]):
        values[i] = log_above(values[i])


@kernel
def lamberts(values: np.ndarray) -> None:
    for i in range(values.shape[0]):
        values[i] = lambert(values[i])


def test_exponentials() -> None:
    x = np.concatenate([RNG.uniform(-690.0, 690.0, 2000), RNG.uniform(-1.0, 1.0, 2000), [0.0]])
    found = x.copy()
    exponentiate(found)
    np.testing.assert_allclose(found, np.exp(x), rtol=4e-16)
    assert exp_below(-1e300) == 0.0
    assert exp_below(0.0) == 1.0


def test_logarithms() -> None:
    x = np.concatenate([np.exp(RNG.uniform(-690.0, 690.0, 2000)), RNG.uniform(0.5, 2.0, 2000), [1.0, 1e-300]])
    found = x.copy()
    logarithms(found)
    np.testing.assert_allclose(found, np.log(x), rtol=4e-16)
    assert log_above(1.0) == 0.0


def test_lambert_w() -> None:
    x = np.concatenate([RNG.uniform(-60.0, 60.0, 2000), RNG.uniform(60.0, 600.0, 200)])
    found = x.copy()
    lamberts(found)
    np.testing.assert_allclose(found, lambertw(np.exp(x)).real, rtol=3e-15)
    # Beyond what exp(x) can be, the equation itself: w + ln w = x.
    far = np.array([1e3, 1e5, 1e9])
    found = far.copy()
    lamberts(found)
    np.testing.assert_allclose(found + np.log(found), far, rtol=1e-15)


@pytest.mark.parametrize(
    "values",
    [
        RNG.lognormal(0.0, 2.0, 300),
        RNG.beta(8.0, 3.0, 300) - 0.3,
        np.concatenate([np.zeros(50), RNG.lognormal(0.0, 9.0, 200), -RNG.random(50)]),
        np.append(1.0 + 1e-9 * RNG.random(200), 1e9),
        np.ones(100),
        RNG.random(5),
        np.zeros(0),
    ],
    ids=["lognormal", "margins", "with nothing and less", "one outlier", "equal", "few", "none"],
)
def test_sort_of_spread_values(values: np.ndarray) -> None:
    found = values.copy()
    sort_spread(found)
    np.testing.assert_array_equal(found, np.sort(values))
