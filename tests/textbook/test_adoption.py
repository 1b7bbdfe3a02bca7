"""Adoption: discrete Bass diffusion, and tipping under a direct network effect."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from moatlab import Market
from tests.textbook.demand import Vector, at_rest, customers, scenario


def test_discrete_bass() -> None:
    """A(t+1) = A(t) + (p + q A(t)/M) (M - A(t))."""
    case = scenario("bass")
    market = Market(case, rng=1)
    p, q, m = 0.01, 0.25, 10.0
    wanted, found = 0.0, []
    path = []
    for _ in range(60):
        market.step()
        found.append(customers(market)[0])
        wanted += (p + q * wanted / m) * (m - wanted)
        path.append(wanted)
    np.testing.assert_allclose(found, path, rtol=1e-12)
    # Wrong: the continuous Bass curve, which runs ahead of the monthly one.
    t = np.arange(1, 61)
    fall = np.exp(-(p + q) * t)
    continuous = m * (1 - fall) / (1 + q / p * fall)
    assert np.abs(continuous - found).max() > 0.1


def run(products: int, strength: float, start: Vector) -> Vector:
    """Shares at rest from ``start``."""
    case = scenario(f"tipping-{products}").set({"users.market.network_taste": strength})
    names = case.slugs("apps")
    case = case.set({f"apps.{name}.customers": float(x) for name, x in zip(names, start, strict=True)})
    return customers(at_rest(case, months=20_000))


def test_two_products_tip_above_a_strength_of_two() -> None:
    """s = 1 / (1 + exp(-nu (2 s - 1))): the even split is stable for nu < 2."""
    for start in (0.9, 0.1):
        np.testing.assert_allclose(run(2, 1.8, np.array([start, 1 - start])), [0.5, 0.5], atol=1e-10)
    # Wrong: a threshold of 1 (the slope of the logit forgotten), or of 4 (its slope s (1 - s), once).
    for strength in (2.2, 3.5):
        high = brentq(lambda s, nu=strength: s - 1 / (1 + np.exp(-nu * (2 * s - 1))), 0.5 + 1e-3, 1.0, xtol=1e-14)
        for start, share in ((0.51, high), (0.49, 1 - high)):
            np.testing.assert_allclose(run(2, strength, np.array([start, 1 - start]))[0], share, rtol=1e-9)


def leading(strength: float) -> float:
    """The larger share s of a leader before two equal followers: nu = ln(2 s/(1 - s)) / ((3 s - 1)/2)."""
    return float(brentq(lambda s: np.log(2 * s / (1 - s)) - strength * (3 * s - 1) / 2, 0.55, 1 - 1e-9, xtol=1e-14))


def test_three_products_have_hysteresis() -> None:
    fold = minimize_scalar(
        lambda s: np.log(2 * s / (1 - s)) / ((3 * s - 1) / 2), bounds=(0.4, 0.9), method="bounded"
    ).fun
    assert fold == pytest.approx(2.7456, abs=1e-4)
    even, tipped = np.full(3, 1 / 3), np.array([0.8, 0.1, 0.1])
    nearly = np.array([0.34, 0.33, 0.33])
    # Below the fold both starts end even.
    for start in (nearly, tipped):
        np.testing.assert_allclose(run(3, 2.65, start), even, atol=1e-9)
    # Between the fold and 3 where it starts decides.  Wrong: one threshold, at 3, for both.
    np.testing.assert_allclose(run(3, 2.85, nearly), even, atol=1e-9)
    np.testing.assert_allclose(run(3, 2.85, tipped)[0], leading(2.85), rtol=1e-9)
    # Above 3 the even split does not hold.
    np.testing.assert_allclose(run(3, 3.2, nearly)[0], leading(3.2), rtol=1e-9)
    np.testing.assert_allclose(run(3, 3.2, tipped)[0], leading(3.2), rtol=1e-9)


def rest(feature: float, strength: float, start: float) -> float:
    """Share of the potential that uses the product at rest, from the share ``start``."""
    case = scenario("network").set(
        {"users.market.network_taste": strength, "apps.one.feature": feature, "apps.one.customers": start}
    )
    return float(customers(at_rest(case, months=20_000))[0])


def test_a_network_of_one_has_to_be_built() -> None:
    """With an outside option and V < 0, few and many users are both at rest, and where it starts decides."""
    # At a price of 1 the product alone is worth V = feature - 1.
    v, strength = -3.1, 6.0
    grid = np.linspace(0.0, 1.0, 10_001)
    gap = grid - 1 / (1 + np.exp(-(v + strength * grid)))
    places = np.flatnonzero(np.diff(np.sign(gap)) != 0)
    roots = [
        brentq(lambda x: x - 1 / (1 + np.exp(-(v + strength * x))), grid[i], grid[i + 1], xtol=1e-15) for i in places
    ]
    assert len(roots) == 3
    low, middle, high = roots
    for start, wanted in ((0.01, low), (middle - 0.02, low), (middle + 0.02, high), (0.99, high)):
        assert rest(v + 1.0, strength, start) == pytest.approx(wanted, rel=1e-9)
    # Wrong: the share of all customers as the base, which gives an app alone the whole effect from its first customer.
    whole = 1 / (1 + np.exp(-(v + strength)))
    assert abs(whole - high) > 1e-3 and abs(whole - low) > 0.1
    # Below the fold there is no second place to rest.
    assert rest(v + 1.0, 4.0, 0.99) == pytest.approx(rest(v + 1.0, 4.0, 0.01), rel=1e-9)
