"""Plans against statsmodels' power of the t test, and against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from moatlab.errors import InputError
from moatlab.evidence.effects import Effect
from moatlab.evidence.inference import Mean
from moatlab.evidence.planning import least, plan, power_of_equivalence, power_to_detect, to_decide

RNG = np.random.default_rng(5)


def pilot(units: np.ndarray) -> Effect:
    return Effect("rent", {"t": 1.0, "c": -1.0}, units[None], np.stack([units, 0 * units])[:, None])


def test_power_is_that_of_statsmodels() -> None:
    power = pytest.importorskip("statsmodels.stats.power")
    for count in (4, 16, 64):
        known = power.TTestPower().power(0.5, count, 0.05, alternative="two-sided")
        # The other direction of the two-sided test is a second of rejections at most, and no success.
        assert power_to_detect(count, 2.0, 1.0) == pytest.approx(known, abs=0.006)


def test_the_plan_asks_for_what_statsmodels_asks_for() -> None:
    power = pytest.importorskip("statsmodels.stats.power")
    needed = least(lambda n: power_to_detect(n, 2.0, 0.7) >= 0.9)
    known = power.TTestPower().solve_power(0.35, power=0.9, alpha=0.05)
    assert needed == int(np.ceil(known))


def rate(decide: str, count: int, effect: float, bound: float, trials: int = 4000) -> int:
    draws = np.random.default_rng(count).normal(effect, 1.0, (trials, count))
    error, middle = draws.std(axis=1, ddof=1) / np.sqrt(count), draws.mean(axis=1)
    if decide == "support":
        return int((middle - stats.t.ppf(0.975, count - 1) * error > bound).sum())
    reach = stats.t.ppf(0.975, count - 1) * error
    return int(((middle - reach > -bound) & (middle + reach < bound)).sum())


@pytest.mark.parametrize(("count", "effect", "bound"), [(12, 1.5, 0.5), (30, 0.9, 0.4)])
def test_power_of_support_is_what_happens(count: int, effect: float, bound: float) -> None:
    hits = rate("support", count, effect, bound)
    interval = stats.binomtest(hits, 4000).proportion_ci(0.99)
    assert interval.low <= power_to_detect(count, 1.0, effect, bound) <= interval.high


@pytest.mark.parametrize(("count", "effect", "bound"), [(60, 0.0, 0.5), (40, 0.1, 0.6)])
def test_power_of_equivalence_is_what_happens(count: int, effect: float, bound: float) -> None:
    hits = rate("equivalence", count, effect, bound)
    interval = stats.binomtest(hits, 4000).proportion_ci(0.99)
    assert interval.low <= power_of_equivalence(count, 1.0, effect, bound) <= interval.high


def test_a_plan_is_cautious_about_its_pilot() -> None:
    units = RNG.normal(2.0, 1.0, 8)
    found = plan(pilot(units), smallest=0.5)
    assert found.cautious == pytest.approx(units.std(ddof=1) * np.sqrt(7 / stats.chi2.ppf(0.2, 7)))
    assert found.detect == least(lambda n: power_to_detect(n, found.cautious, 0.5) >= 0.9)
    assert found.support is not None and found.equivalence is not None and "seeds for power 0.9" in str(found)
    assert plan(pilot(units), smallest=0.5, expected=0.4).support is None


def test_the_caution_is_right_four_times_in_five() -> None:
    """A pilot of 6 underestimates the spread half of the time; the bound covers the true one in 80 %."""
    rng = np.random.default_rng(6)
    spreads = [plan(pilot(rng.normal(0.0, 1.0, 6)), 1.0).cautious for _ in range(1000)]
    interval = stats.binomtest(sum(s >= 1.0 for s in spreads), 1000).proportion_ci(0.99)
    assert interval.low <= 0.8 <= interval.high


@pytest.mark.parametrize(
    ("middle", "smallest", "family"), [(1.0, 0.2, 1), (1.0, 0.0, 28), (0.1, 0.8, 1), (0.1, 0.8, 28)]
)
def test_the_number_that_would_decide_does_so_nine_times_in_ten(middle: float, smallest: float, family: int) -> None:
    """Were the estimate and its spread the truth, and at the level that Holm leaves to each of ``family`` open ones."""
    units = np.random.default_rng(8).normal(size=10)
    effect = pilot(middle + 2.0 * (units - units.mean()) / units.std(ddof=1))
    needed = to_decide(effect, smallest, lambda more: 0.05 / family)
    assert needed is not None and needed.unit == "seed"

    def decided(count: int) -> int:
        draws = np.random.default_rng(count).normal(middle, 2.0, (4000, count))
        error, mean = draws.std(axis=1, ddof=1) / np.sqrt(count), draws.mean(axis=1)
        reach = stats.t.ppf(1.0 - 0.025 / family, count - 1) * error
        inside = (mean - reach > -smallest) & (mean + reach < smallest)
        return int(((mean - reach > smallest) | inside).sum())

    interval = stats.binomtest(decided(needed.count), 4000).proportion_ci(0.99)
    assert interval.high >= 0.9 and interval.low <= 0.92
    assert stats.binomtest(decided(needed.count // 2), 4000).proportion_ci(0.99).high < 0.8


def test_seeds_are_asked_for_where_draws_cannot_average_their_luck() -> None:
    """Twenty draws under three seeds whose luck is large: no number of draws decides, more seeds do."""
    rng = np.random.default_rng(2)
    values = 1.0 + np.array([-1.0, 0.0, 1.0]) + rng.normal(0.0, 0.3, (20, 3))
    found = to_decide(Effect("y", {"t": 1.0, "c": -1.0}, values, np.stack([values, 0 * values])), 0.0)
    assert found is not None and found.unit == "seed" and 5 < found.count < 40
    even = 1.0 + 8.0 * rng.normal(size=(20, 1)) + rng.normal(0.0, 0.3, (20, 3))
    found = to_decide(Effect("y", {"t": 1.0, "c": -1.0}, even, np.stack([even, 0 * even])), 0.0)
    assert found is not None and found.unit == "draw" and found.count > 20


def test_nothing_decides_an_estimate_at_the_border() -> None:
    units = RNG.normal(size=9)
    assert to_decide(pilot(1.0 + units - units.mean()), abs(float((1.0 + units - units.mean()).mean()))) is None
    assert to_decide(pilot(np.ones(5)), 0.5) is None


def test_mistakes_are_named() -> None:
    with pytest.raises(InputError, match="two seeds"):
        plan(pilot(np.array([1.0])), 1.0)
    with pytest.raises(InputError, match="smallest"):
        plan(pilot(RNG.normal(size=5)), 0.0)
    with pytest.raises(InputError, match="power"):
        plan(pilot(RNG.normal(size=5)), 1.0, power=1.0)
    assert Mean(np.zeros(3)).spread == 0.0 and plan(pilot(np.zeros(3)), 1.0).equivalence == 2
