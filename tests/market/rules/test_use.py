"""Worth of tokens: one utility behind quotas, prices, sourcing, make-or-buy and surplus."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from moatlab.market.rules import use
from moatlab.market.state.compiled import kernel

REFERENCE, CHOKE, TIME = 20.0, 400.0, 0.5
ELASTICITIES = (0.0, 1e-9, 0.3, 1.0, 1.0 + 1e-9, 1.3, 2.0)

elasticity = st.one_of(st.sampled_from(ELASTICITIES), st.floats(0.0, 2.0))
price = st.floats(1e-4, 350.0)


def shared(eta: float, growth: float = 0.05, ceiling: float = 10.0, time: float = TIME) -> Any:
    """A row of the shared parameters that the rules read."""
    names = ("usage_elasticity", "usage_growth", "usage_ceiling", "reference_price", "choke_price", "time_price")
    row = np.zeros(1, np.dtype([(f"users_{name}", float) for name in names]))
    row[0] = (eta, growth, ceiling, REFERENCE, CHOKE, time)
    return row[0]


# The rules themselves, called from Python.
_left: Callable[..., float] = kernel(lambda p, s: use.worth_of_price(p, s))
_slope: Callable[..., float] = kernel(lambda p, s: use.worth_slope(p, s))
_quota: Callable[..., float] = kernel(lambda k, a, p, s: use.quota_at(k, a, p, s))
_worth: Callable[..., float] = kernel(lambda x, s: use.relative_worth(x, s))
_inverse: Callable[..., float] = kernel(lambda v, s: use.price_of_worth(v, s))
_growth: Callable[..., float] = kernel(lambda t, s: use.worth_factor(1.0, t, s))
_factor: Callable[..., float] = kernel(lambda f, t, s: use.worth_factor(f, t, s))
_per_point: Callable[..., float] = kernel(lambda g, s: use.growth_per_point(g, s))


@settings(deadline=None)
@given(elasticity, price)
def test_roy_s_identity(eta: float, at: float) -> None:
    """The fall of what tokens leave, in dollars, as they get dearer is what is used of them."""
    s, worth, alpha, step = shared(eta), 0.7, 0.04, min(1e-5 * (at + TIME), 0.5 * at)
    slope = (_left(at + step, s) - _left(at - step, s)) / (2 * step)
    used = _quota(worth, alpha, at, s)
    assert -worth * slope / alpha == pytest.approx(used, rel=1e-6)
    assert used == pytest.approx(worth / alpha * _slope(at, s), rel=1e-12)


@settings(deadline=None)
@given(elasticity, price)
def test_what_tokens_leave_is_the_area_under_the_demand_for_them(eta: float, at: float) -> None:
    s = shared(eta)
    cuts = [at, *(10.0**e for e in range(-4, 3) if 10.0**e > at), CHOKE]
    area = sum(quad(lambda p: _slope(p, s), a, b, epsabs=0.0, epsrel=1e-12)[0] for a, b in pairwise(cuts))
    assert _left(at, s) == pytest.approx(area, rel=1e-9)
    assert _left(CHOKE, s) == pytest.approx(0.0, abs=1e-12)


@settings(deadline=None)
@given(elasticity, price)
def test_the_quota_at_a_price_is_the_one_that_leaves_most(eta: float, at: float) -> None:
    """No other quota is worth more after its cost, and the best leaves v(P): quota and price see one utility."""
    s = shared(eta)
    best = _slope(at, s) * REFERENCE

    def left(x: float) -> float:
        return _worth(x, s) - at * x / REFERENCE

    assert left(best) == pytest.approx(_left(at, s), rel=1e-9, abs=1e-12)
    for factor in (0.5, 0.99, 1.01, 2.0):
        assert left(factor * best) <= left(best) + 1e-12


@settings(deadline=None)
@given(elasticity, price)
def test_the_price_of_a_worth_is_its_inverse(eta: float, at: float) -> None:
    s = shared(eta)
    assert _inverse(_left(at, s), s) == pytest.approx(at, rel=1e-7, abs=1e-9)


@settings(deadline=None)
@given(elasticity, st.floats(0.0, 0.3), st.floats(-3.0, 30.0), price)
def test_better_models_and_cheaper_tokens_leave_no_less_and_never_more_than_a_bound(
    eta: float, growth: float, points: float, at: float
) -> None:
    s = shared(eta, growth)
    here = _growth(points, s) * max(0.0, _left(at, s))
    assert _growth(points + 1.0, s) * max(0.0, _left(at, s)) >= here
    assert _growth(points, s) * max(0.0, _left(0.9 * at, s)) >= here
    assert here <= 10.0 * _left(0.0, s) < math.inf


@settings(deadline=None)
@given(st.floats(0.0, 0.3), st.floats(-3.0, 30.0))
def test_growth_of_worth_is_logistic(growth: float, points: float) -> None:
    s = shared(1.0, growth)
    factor = _growth(points, s)
    odds = 10.0 ** (growth * points) / 9.0
    assert factor == pytest.approx(10.0 * odds / (1.0 + odds), rel=1e-12)
    step = 1e-5
    slope = (math.log(_growth(points + step, s)) - math.log(_growth(points - step, s))) / (2 * step)
    assert _per_point(factor, s) == pytest.approx(slope, rel=1e-5, abs=1e-9)
    assert _growth(0.0, s) == pytest.approx(1.0, rel=1e-12)


@settings(deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(0.0, 0.3), st.floats(-3.0, 30.0))
def test_nobody_can_spend_more_than_the_ceiling(factor: float, growth: float, points: float) -> None:
    """However heavy the use and however good the models; light users have what their use is worth."""
    s = shared(1.0, growth)
    assert 0.0 < _factor(factor, points, s) <= 10.0
    assert _factor(1.1 * factor, points, s) >= _factor(factor, points, s)
    assert _factor(1e-3, 0.0, s) == pytest.approx(1e-3 / 0.9, rel=1e-3)


def test_known_forms() -> None:
    """A unit elasticity costs gamma at every price; use is fixed at none; both without a price of time."""
    one, fixed = shared(1.0, time=0.0), shared(0.0, time=0.0)
    for at in (0.01, 1.0, 20.0, 300.0):
        assert at * _quota(0.7, 0.04, at, one) == pytest.approx(0.7 / 0.04, rel=1e-12)
        assert _left(at, one) == pytest.approx(math.log(CHOKE / at), rel=1e-12)
        assert _quota(0.7, 0.04, at, fixed) == pytest.approx(0.7 / 0.04 / REFERENCE, rel=1e-12)
        assert _left(at, fixed) == pytest.approx((CHOKE - at) / REFERENCE, rel=1e-12)
    assert _quota(0.7, 0.04, 1.001 * CHOKE, one) == 0.0
