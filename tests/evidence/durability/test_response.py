"""The method of durability on planted responses: what is constant, what fades at a known rate, a known loop."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moatlab.evidence.durability.response import (
    FIT_FROM,
    LAST,
    LEAST_RETURN,
    half_life,
    lasting,
    none_lasts,
    present_value,
    ratio_of_areas,
)
from moatlab.evidence.inference import Array, binomial_excludes

MONTHS, UNITS = 96, 16


def planted(
    rng: np.random.Generator, half: float, noise: float = 0.05, units: int = UNITS, sizes: float = 0.5
) -> Array:
    """Responses that halve in ``half`` months, of lognormal sizes, with noise that persists from month to month."""
    rate = 0.0 if math.isinf(half) else math.log(2.0) / half
    shape = np.exp(-rate * np.arange(MONTHS))
    amplitude = np.exp(sizes * rng.standard_normal((units, 1)))
    shocks = rng.standard_normal((units, MONTHS))
    path = np.empty_like(shocks)
    path[:, 0] = shocks[:, 0]
    for month in range(1, MONTHS):
        path[:, month] = 0.8 * path[:, month - 1] + 0.6 * shocks[:, month]
    return np.asarray(amplitude * (shape + noise * path))


@pytest.mark.parametrize("half", [3.0, 10.0, 30.0, 80.0])
def test_an_exponential_response_has_its_half_life(half: float) -> None:
    found = half_life(planted(np.random.default_rng(1), half, noise=0.0))
    assert found.estimate == pytest.approx(half, rel=1e-3)
    # Units that fade alike leave no doubt, whatever their sizes.
    assert found.low == pytest.approx(half, rel=1e-3) and found.high == pytest.approx(half, rel=1e-3)
    assert not found.censored


def test_a_constant_response_does_not_decay() -> None:
    found = half_life(planted(np.random.default_rng(2), math.inf))
    assert math.isinf(found.estimate) and math.isinf(found.high) and found.censored
    assert found.low > 60.0 and str(found).startswith("> 96 [")


def test_a_growing_response_does_not_decay() -> None:
    rising = np.exp(0.01 * np.arange(MONTHS)) * np.ones((4, 1))
    assert half_life(rising).censored and half_life(rising).low == math.inf


def test_a_half_life_beyond_the_horizon_is_censored() -> None:
    found = half_life(planted(np.random.default_rng(3), 400.0, noise=0.0))
    assert found.censored and found.estimate == math.inf and found.horizon == MONTHS


def test_no_response_has_no_half_life() -> None:
    rng = np.random.default_rng(4)
    found = half_life(planted(rng, 10.0, noise=0.3) * rng.choice([-1.0, 1.0], (UNITS, 1)))
    assert not found.defined and str(found) == "-"
    assert not half_life(np.zeros((UNITS, MONTHS))).defined
    assert not half_life(planted(rng, 10.0)[:1]).defined


def test_what_comes_before_the_month_of_the_fit_does_not_count() -> None:
    """A loss in the first months, as of an investment, leaves the half-life of what follows alone."""
    response = planted(np.random.default_rng(5), 20.0, noise=0.0)
    response[:, :FIT_FROM] = -7.0
    assert half_life(response).estimate == pytest.approx(20.0, rel=1e-3)


@pytest.mark.parametrize(("half", "units"), [(12.0, 16), (40.0, 16), (24.0, 32)])
def test_the_interval_covers_at_the_nominal_rate(half: float, units: int) -> None:
    """Over 2,000 stored series the half-life that was planted lies inside at the nominal rate."""
    rng, trials, hits = np.random.default_rng(6), 2000, 0
    for _ in range(trials):
        found = half_life(planted(rng, half, noise=0.1, units=units))
        hits += found.low <= half <= found.high
    assert not binomial_excludes(hits, trials, 0.95), hits / trials


def test_an_interval_of_single_series_would_not_cover() -> None:
    """The peak of a noisy median, as a counter-example: a decay counted from it comes out too fast."""
    rng, wrong = np.random.default_rng(7), []
    for _ in range(200):
        middle = np.median(planted(rng, 24.0, noise=0.4), axis=0)
        peak = int(middle[:48].argmax())
        below = np.flatnonzero(middle[peak:] < middle[peak] / 2)
        wrong.append(float(below[0]) if len(below) else MONTHS)
    assert np.mean(wrong) < 20.0


# ---------------------------------------------------------------------------------------------------------- areas


def looped(gain: float, half: float, months: int = 4000) -> tuple[Array, Array]:
    """A lead that fades, and the same where a part ``gain`` of it comes back through a stock that fades alike.

    The stock moves to gain x lead at the rate at which the grant fades: s' = (1 - d) s + d gain (grant + s).
    """
    fading = 1.0 - 0.5 ** (1.0 / half)
    grant = (1.0 - fading) ** np.arange(months)
    fed = np.zeros(months)
    for month in range(1, months):
        fed[month] = (1.0 - fading) * fed[month - 1] + fading * gain * (grant[month - 1] + fed[month - 1])
    return grant + fed, grant


@pytest.mark.parametrize("gain", [0.0, 0.3, 0.7, 0.9])
def test_the_amplification_of_a_loop_is_found(gain: float) -> None:
    """The area of a lead over its clamped area is 1 / (1 - g), as of a lead that is maintained."""
    free, clamped = looped(gain, 8.0)
    sizes = np.array([[1.0], [0.8], [1.3]])
    found = ratio_of_areas(sizes * free, sizes * clamped)
    assert found.estimate == pytest.approx(1.0 / (1.0 - gain), rel=1e-6)
    assert found.low == pytest.approx(found.estimate) and found.high == pytest.approx(found.estimate)


def test_areas_are_pooled_before_they_are_divided() -> None:
    """A unit with hardly any response does not decide: the mean of ratios would be 50.5 here."""
    free, clamped = np.full((2, 10), 1.0), np.array([np.full(10, 1.0), np.full(10, 0.01)])
    assert ratio_of_areas(free, clamped).estimate == pytest.approx(2.0 / 1.01)


def test_the_interval_of_a_ratio_covers_at_the_nominal_rate() -> None:
    rng, trials, hits = np.random.default_rng(8), 4000, 0
    for _ in range(trials):
        base = 1.0 + 0.5 * rng.standard_normal((12, 1))
        found = ratio_of_areas(1.6 * base + 0.4 * rng.standard_normal((12, 1)), base)
        hits += found.low <= 1.6 <= found.high
    assert not binomial_excludes(hits, trials, 0.95), hits / trials


def test_a_ratio_to_nothing_has_no_ends() -> None:
    rng = np.random.default_rng(9)
    found = ratio_of_areas(1.0 + rng.standard_normal((8, 1)), 0.01 * rng.standard_normal((8, 1)))
    assert found.low == -math.inf and found.high == math.inf
    assert math.isnan(ratio_of_areas(np.ones((4, 3)), np.zeros((4, 3))).estimate)


# ------------------------------------------------------------------------------------------------------- lasting


def of_return(rng: np.random.Generator, yearly: float, noise: float, units: int = UNITS) -> Array:
    """Profit of a grant of 10 M$ that returns ``yearly`` dollars per dollar at the end."""
    unit = rng.standard_normal((units, 1))
    return np.asarray(10.0 * (yearly + noise * unit) / 12.0 * np.ones(MONTHS))


def test_verdicts_by_the_interval() -> None:
    rng = np.random.default_rng(10)
    for yearly, noise, verdict in ((0.2, 0.02, "lasts"), (0.0, 0.02, "fades"), (-0.2, 0.02, "costs"),
                                   (0.05, 0.02, "undecided"), (0.0, 0.5, "undecided")):  # fmt: skip
        assert lasting(of_return(rng, yearly, noise), 10.0).verdict == verdict, yearly


def test_only_the_end_of_the_horizon_counts() -> None:
    response = of_return(np.random.default_rng(11), 0.0, 0.001)
    response[:, :-LAST] += 50.0
    assert lasting(response, 10.0).verdict == "fades"


def test_none_lasts_only_if_each_is_shown_to_have_faded() -> None:
    rng = np.random.default_rng(12)
    faded = [lasting(of_return(rng, 0.0, 0.01), 10.0) for _ in range(5)]
    doubtful = lasting(of_return(rng, 0.0, 0.4), 10.0)
    assert none_lasts(faded) < 0.001 < 0.05 < none_lasts([*faded, doubtful]) and none_lasts([]) == 1.0


def test_none_lasts_is_wrong_at_most_at_the_nominal_rate() -> None:
    """Nine have faded and one returns exactly the smallest return of interest: "none lasts" holds in 2.5 % at most."""
    rng, trials, hits = np.random.default_rng(13), 2000, 0
    for _ in range(trials):
        judged = [lasting(of_return(rng, 0.0, 0.01), 10.0) for _ in range(3)]
        judged.append(lasting(of_return(rng, LEAST_RETURN, 0.02), 10.0))
        hits += none_lasts(judged) <= 0.025
    assert not binomial_excludes(hits, trials, 0.025), hits / trials


def test_present_value_discounts_from_the_month_of_the_grant() -> None:
    response = np.zeros((1, 25))
    response[0, 0], response[0, 12], response[0, 24] = 1.0, 2.0, 4.0
    assert present_value(response, 0.25)[0] == pytest.approx(1.0 + 2.0 / 1.25 + 4.0 / 1.25**2, rel=1e-12)
