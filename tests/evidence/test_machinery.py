"""The statistics on real runs: coverage, false alarms and power from 2,000 resamples of a stored bank.

The bank (`make_bank.py`) holds 400 seeds of essay-2023 in three arms that share their luck.  It is a population whose
means are known exactly, so a resample is an experiment whose true effect is known.  A rate fails only where its exact
binomial interval (99 %) excludes what the theory promises.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from moatlab.evidence.effects import Effect, of_arms
from moatlab.evidence.inference import Array, Mean, binomial_excludes, holm
from moatlab.evidence.planning import power_of_equivalence, power_to_detect
from moatlab.evidence.verdicts import Prediction, judge

TRIALS = 2000
OUTCOMES = ("rent", "surplus", "labs_hhi", "jasper_share", "api_price", "labs_profit")


@cache
def bank() -> pd.DataFrame:
    """Rows outcomes and seeds, columns arms."""
    table = pd.read_parquet(Path(__file__).parent / "bank.parquet")
    return table.pivot(index=["outcome", "replication"], columns="arm", values="value").astype(float)


def arm(name: str, outcome: str) -> Array:
    return np.asarray(bank().loc[outcome, name])


def effect_of(treated: Array, control: Array, draws: int = 1) -> Effect:
    """The effect as the layer computes it; ``draws`` splits the pairs among points."""
    return of_arms("y", {"t": 1.0, "c": -1.0}, np.stack([treated, control]).reshape(2, draws, -1))


def apart(rng: np.random.Generator, outcome: str, count: int) -> tuple[Array, Array]:
    """Arms that differ only in luck: two independent sets of seeds of the control."""
    values = arm("control", outcome)
    return rng.choice(values, count), rng.choice(values, count)


def rate(hit: Callable[[np.random.Generator], bool], seed: int = 1, trials: int = TRIALS) -> int:
    rng = np.random.default_rng(seed)
    return sum(hit(rng) for _ in range(trials))


def test_the_bank_is_paired() -> None:
    """Arms of one seed share their luck; of different seeds they do not."""
    for outcome in OUTCOMES:
        effect = effect_of(arm("network", outcome), arm("control", outcome))
        assert effect.pairing > 10.0, outcome
        shifted = effect_of(np.roll(arm("network", outcome), 1), arm("control", outcome))
        assert 0.7 < shifted.pairing < 1.4, outcome


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_intervals_of_a_real_effect_cover_it(outcome: str) -> None:
    treated, control = arm("network", outcome), arm("control", outcome)
    truth = float((treated - control).mean())

    def covers(rng: np.random.Generator) -> bool:
        drawn = rng.integers(control.size, size=64)
        low, high = effect_of(treated[drawn], control[drawn]).interval
        return low <= truth <= high

    hits = rate(covers)
    assert not binomial_excludes(hits, TRIALS, 0.95), hits / TRIALS


def test_small_samples_take_students_t_and_its_degrees_of_freedom() -> None:
    """Six pairs: the normal quantile would cover 89 %, n degrees of freedom 94 %, unpaired arms nearly all."""
    treated, control = arm("network", "api_price"), arm("control", "api_price")
    truth = float((treated - control).mean())

    def covers(rng: np.random.Generator) -> bool:
        drawn = rng.integers(control.size, size=6)
        low, high = effect_of(treated[drawn], control[drawn]).interval
        return low <= truth <= high

    hits = rate(covers, trials=3 * TRIALS)
    assert not binomial_excludes(hits, 3 * TRIALS, 0.95), hits / (3 * TRIALS)


def test_the_bootstrap_covers_a_skewed_effect() -> None:
    treated, control = arm("network", "jasper_share"), arm("control", "jasper_share")
    truth = float((treated - control).mean())

    def covers(rng: np.random.Generator) -> bool:
        drawn = rng.integers(control.size, size=24)
        low, high = effect_of(treated[drawn], control[drawn]).resampled.interval()
        return low <= truth <= high

    hits = rate(covers)
    assert not binomial_excludes(hits, TRIALS, 0.95), hits / TRIALS


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_arms_that_differ_only_in_luck_raise_few_false_alarms(outcome: str) -> None:
    hits = rate(lambda rng: effect_of(*apart(rng, outcome, 64)).p <= 0.05)
    assert not binomial_excludes(hits, TRIALS, 0.05), hits / TRIALS


def test_a_family_of_null_outcomes_raises_one_false_alarm_in_twenty() -> None:
    """Six outcomes of the same runs; Holm promises 5 % for any of them (less, as they are correlated)."""
    tables = {outcome: arm("control", outcome) for outcome in OUTCOMES}

    def p_values(rng: np.random.Generator) -> Array:
        one, other = rng.integers(400, size=(2, 16))
        return np.array([effect_of(v[one], v[other]).p for v in tables.values()])

    rng = np.random.default_rng(4)
    found = [p_values(rng) for _ in range(TRIALS)]
    alarms = sum(bool((holm(p) <= 0.05).any()) for p in found)
    uncorrected = sum(bool((p <= 0.05).any()) for p in found)
    assert alarms / TRIALS <= 0.05 or not binomial_excludes(alarms, TRIALS, 0.05), alarms / TRIALS
    assert alarms / TRIALS > 0.02  # corrected, and not silenced
    assert binomial_excludes(uncorrected, TRIALS, 0.05) and uncorrected > 3 * alarms


@pytest.mark.parametrize(("outcome", "count"), [("labs_hhi", 12), ("rent", 30)])
def test_a_planted_effect_is_covered_and_found_as_often_as_planned(outcome: str, count: int) -> None:
    """A planted effect of the size that the planner gives 80 % power; luck is that of real pairs."""
    noise = arm("network", outcome) - arm("control", outcome)
    noise = noise - noise.mean()
    spread, control = float(noise.std()), arm("control", outcome)
    planted = 3.0 * spread / np.sqrt(count)
    power = power_to_detect(count, spread, planted)
    assert 0.7 < power < 0.9

    def trial(rng: np.random.Generator) -> tuple[bool, bool]:
        drawn = rng.integers(control.size, size=count)
        effect = effect_of(control[drawn] + planted + noise[drawn], control[drawn])
        low, high = effect.interval
        return low <= planted <= high, low > 0.0

    rng = np.random.default_rng(2)
    covered, found = np.sum([trial(rng) for _ in range(TRIALS)], axis=0)
    assert not binomial_excludes(int(covered), TRIALS, 0.95), covered / TRIALS
    assert not binomial_excludes(int(found), TRIALS, power), (found / TRIALS, power)


def test_verdicts_at_the_border_are_wrong_as_often_as_they_may_be() -> None:
    """A true effect of exactly the smallest size of interest: 2.5 % above and 2.5 % within, 5 % in all."""
    noise = arm("network", "labs_hhi") - arm("control", "labs_hhi")
    noise = noise - noise.mean()
    smallest, control = 1.2 * float(noise.std()), arm("control", "labs_hhi")

    def verdict(rng: np.random.Generator) -> str:
        drawn = rng.integers(control.size, size=32)
        effect = effect_of(control[drawn] + smallest + noise[drawn], control[drawn])
        return judge([(effect, Prediction("higher", smallest))])[0].verdict

    rng = np.random.default_rng(3)
    found = [verdict(rng) for _ in range(TRIALS)]
    assert not binomial_excludes(found.count("supported"), TRIALS, 0.025), found.count("supported")
    assert not binomial_excludes(found.count("no effect"), TRIALS, 0.025), found.count("no effect")
    assert not binomial_excludes(TRIALS - found.count("undecided"), TRIALS, 0.05), found.count("undecided")


def test_an_absent_effect_is_found_absent_as_often_as_planned() -> None:
    noise = arm("network", "labs_hhi") - arm("control", "labs_hhi")
    noise = noise - noise.mean()
    spread, control, count = float(noise.std()), arm("control", "labs_hhi"), 24
    smallest = 0.65 * spread
    power = power_of_equivalence(count, spread, 0.0, smallest)
    assert 0.6 < power < 0.95

    def absent(rng: np.random.Generator) -> bool:
        drawn = rng.integers(control.size, size=count)
        effect = effect_of(control[drawn] + noise[drawn], control[drawn])
        return judge([(effect, Prediction("higher", smallest))])[0].verdict == "no effect"

    hits = rate(absent, 5)
    assert not binomial_excludes(hits, TRIALS, power), (hits / TRIALS, power)


@pytest.mark.parametrize(("luck", "seeds"), [(1.0, 6), (0.0, 6), (1.0, 1)])
def test_draws_and_the_seeds_that_they_share_are_the_units(luck: float, seeds: int) -> None:
    """Twelve draws whose true effects differ, all run with the same seeds, as experiments do it.

    ``luck`` is the part of a pair's noise that its seed gives to every draw.  Draws alone as units, or every pair by
    itself, cover far less than they say.
    """
    noise = arm("network", "rent") - arm("control", "rent")
    noise, control = noise - noise.mean(), arm("control", "rent")
    between = float(noise.std())

    def trial(rng: np.random.Generator) -> Array:
        true, chosen = rng.normal(1.0, between, 12), rng.integers(control.size, size=seeds)
        own = rng.integers(control.size, size=(12, seeds))
        values = true[:, None] + (luck * noise[chosen] if seeds > 1 else 0.0) + noise[own]
        base = np.broadcast_to(control[chosen], values.shape)
        effect = effect_of((base + values).ravel(), base.ravel().copy(), 12)
        means = [effect.mean, Mean(effect.units), Mean(effect.values.ravel())]
        return np.array([m.interval()[0] <= 1.0 <= m.interval()[1] for m in means])

    rng = np.random.default_rng(9)
    crossed, draws_alone, every_pair = np.sum([trial(rng) for _ in range(TRIALS)], axis=0)
    assert not binomial_excludes(int(crossed), TRIALS, 0.95), crossed / TRIALS
    if seeds > 1:
        assert every_pair / TRIALS < 0.85
    if luck:
        assert seeds == 1 or draws_alone / TRIALS < 0.85
