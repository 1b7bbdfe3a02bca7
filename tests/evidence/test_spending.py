"""Looks share the level: what each may use, and how often verdicts are false under the advice that is printed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from moatlab.evidence.effects import Effect
from moatlab.evidence.inference import binomial_excludes
from moatlab.evidence.spending import ONCE, RESERVE, look, spent
from moatlab.evidence.verdicts import Earlier, Prediction, Verdict, judge

#: Most seeds that the user of the simulation runs, whatever is advised.
PATIENCE = 3000


def test_what_is_spent_grows_with_the_runs_and_never_passes_the_level() -> None:
    at = np.linspace(0.01, 50.0, 3000)
    shares = np.array([spent(float(t)) for t in at])
    assert (np.diff(shares) >= 0.0).all() and shares[-1] < 1.0 and spent(0.0) == 0.0
    assert spent(1.0) == pytest.approx(1.0 - RESERVE) and spent(1.0 - 1e-9) == pytest.approx(spent(1.0), rel=1e-6)
    # O'Brien and Fleming's: half of the planned runs use a tenth of it, a fifth next to nothing.
    border = stats.norm.ppf(1.0 - 0.05 * (1.0 - RESERVE) / 2.0)
    assert spent(0.5) == pytest.approx(2.0 * stats.norm.sf(border / math.sqrt(0.5)) / 0.05)
    assert spent(0.2) < 1e-3 and spent(2.0) - spent(1.0) == pytest.approx(RESERVE / 2)


def test_a_look_uses_what_earlier_ones_left() -> None:
    first = look(1.0, None)
    second = look(2.5, first.information, 2)
    assert first.share + second.share == pytest.approx(spent(2.5))
    assert second.share == pytest.approx(first.next_share(2.5))
    # Runs that were lost, or the same again, bring nothing.
    assert look(2.0, second.information, 3).share == 0.0 and look(2.0, 2.5, 3).information == 2.5
    assert ONCE.share == ONCE.next_share(3.0) == 1.0


def effect(units: np.ndarray) -> Effect:
    return Effect("y", {"t": 1.0, "c": -1.0}, units[None], np.stack([units, 0 * units])[:, None])


def follow(rng: np.random.Generator, middle: float, smallest: float, first: int, family: int) -> list[Verdict]:
    """Look, extend as the largest advice says, look again, six times at most; the verdicts of the last look."""
    units = rng.normal(middle, 1.0, (family, first))
    state = look(1.0, None)
    done: list[Earlier | None] = [None] * family
    verdicts: list[Verdict] = []
    for number in range(1, 7):
        judged = [(effect(row), Prediction("open", smallest)) for row in units]
        verdicts = judge(judged, looks=[state] * family, earlier=done)
        done = [
            before or (Earlier(v.finding, v.p_verdict, number) if v.finding != "undecided" else None)
            for v, before in zip(verdicts, done, strict=True)
        ]
        advised = [v.needed.count for v in verdicts if v.needed is not None and v.needed.count <= PATIENCE]
        if not advised:
            break
        more = max(advised) - units.shape[1]
        assert more > 0
        units = np.concatenate([units, rng.normal(middle, 1.0, (family, more))], axis=1)
        state = look(units.shape[1] / first, state.information, number + 1)
    return verdicts


@pytest.mark.parametrize(
    ("smallest", "first", "family", "trials"),
    [(0.0, 16, 1, 2000), (0.0, 32, 1, 2000), (0.3, 16, 1, 2000), (0.0, 16, 5, 600)],
)
def test_false_verdicts_under_the_advice_are_one_in_twenty_at_most(
    smallest: float, first: int, family: int, trials: int
) -> None:
    """Null arms, or an effect of exactly the smallest size, of which each verdict but "undecided" is wrong."""
    rng = np.random.default_rng(11)
    wrong = sum(
        any(v.finding != "undecided" for v in follow(rng, smallest, smallest, first, family)) for _ in range(trials)
    )
    assert wrong / trials <= 0.05 or not binomial_excludes(wrong, trials, 0.05), wrong / trials
    assert wrong / trials > 0.015  # corrected, and not silenced


def test_six_looks_at_the_whole_level_would_be_wrong_far_more_often() -> None:
    rng = np.random.default_rng(12)
    wrong = 0
    for _ in range(500):
        units = rng.normal(size=16 * 2**5)
        wrong += any(judge([(effect(units[: 16 * 2**k]), Prediction("open", 0.0))])[0].finding != "undecided"
                     for k in range(6))  # fmt: skip
    assert wrong / 500 > 0.1


def test_advice_that_is_followed_decides_a_true_effect() -> None:
    rng = np.random.default_rng(13)
    found = [follow(rng, 0.5, 0.2, 16, 1)[0].finding for _ in range(300)]
    assert found.count("above") / 300 > 0.8 and found.count("below") == 0


def test_what_a_look_decided_stays_decided_and_frees_the_others() -> None:
    units = np.random.default_rng(14).normal(size=30)
    units = (units - units.mean()) / units.std(ddof=1)
    barely, clear = effect(units + 0.45), effect(units + 1.5)
    both = [(barely, Prediction("open", 0.0)), (clear, Prediction("open", 0.0))]
    second = look(1.2, 1.0, 2)
    alone = judge(both, looks=[second] * 2)
    kept = judge(both, looks=[second] * 2, earlier=[Earlier("below", 0.03, 1), None])
    assert alone[0].finding == "undecided" and alone[0].family == 2
    assert kept[0].verdict == "falls" and kept[0].p_verdict == 0.03 and kept[1].family == 1
    assert "look 1" in kept[0].reason and "this look alone says above" in kept[0].reason
    assert kept[1].p_verdict == pytest.approx(kept[1].p / second.share)
    assert "at look 2" in alone[0].reason and "would decide (power 90 %)" in alone[0].reason
