"""Verdicts: the interval against the smallest effect of interest, tags, and the family."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from moatlab.errors import InputError
from moatlab.evidence.effects import Effect
from moatlab.evidence.verdicts import Prediction, decision, judge, verdicts_table

RNG = np.random.default_rng(12)


def effect(middle: float, spread: float = 1.0, count: int = 25) -> Effect:
    """An effect whose estimate is exactly ``middle`` and whose differences have exactly that spread."""
    units = RNG.normal(size=count)
    units = middle + spread * (units - units.mean()) / units.std(ddof=1)
    return Effect("rent", {"t": 1.0, "c": -1.0}, units[None], np.stack([units, 0 * units])[:, None])


# 25 units of spread 1: the 95 % interval reaches 0.413 to either side.
CASES = [
    (2.0, 0.5, "higher", "supported"), (2.0, 0.5, "lower", "contradicted"), (-2.0, 0.5, "lower", "supported"),
    (-2.0, 0.5, "higher", "contradicted"), (0.0, 0.5, "higher", "no effect"), (0.0, 0.5, "none", "supported"),
    (2.0, 0.5, "none", "contradicted"), (2.0, 0.5, "open", "rises"), (-2.0, 0.5, "open", "falls"),
    # Significant, and too small to matter: interval [0.09, 0.91], P = 0.02, but not beyond 0.5, nor within it.
    (0.5, 0.5, "higher", "undecided"),
    # Significant and shown to be small: [-0.01, 0.81] lies within 1.
    (0.45, 1.0, "higher", "no effect"),
    (0.90, 0.5, "higher", "undecided"), (0.92, 0.5, "higher", "supported"),
    # Equivalence by the same 95 % interval: 0.08 + 0.413 < 0.5, and 0.15 + 0.342 of the 90 % interval is not enough.
    (0.08, 0.5, "higher", "no effect"), (0.09, 0.5, "higher", "undecided"), (0.15, 0.5, "higher", "undecided"),
    # Without a smallest effect nothing is ever shown to be absent.
    (0.0, 0.0, "higher", "undecided"), (0.5, 0.0, "higher", "supported"),
]  # fmt: skip


@pytest.mark.parametrize(("middle", "smallest", "predicted", "word"), CASES)
def test_the_interval_is_weighed_against_the_smallest_effect(
    middle: float, smallest: float, predicted: str, word: str
) -> None:
    (verdict,) = judge([(effect(middle), Prediction(predicted, smallest))])  # type: ignore[arg-type]
    assert verdict.verdict == word, verdict.reason


def test_more_seeds_do_not_make_a_trifle_a_finding() -> None:
    """An effect of a tenth of what matters: significant with 10,000 seeds, and a verdict of no effect."""
    many = effect(0.05, 1.0, 10_000)
    (verdict,) = judge([(many, Prediction("higher", 0.5))])
    assert (
        many.p < 1e-5
        and verdict.verdict == "no effect"
        and "smaller than the smallest effect of interest" in verdict.reason
    )


def test_only_emergent_claims_get_a_verdict_on_the_sign() -> None:
    judged = [(effect(2.0), Prediction("higher", 0.5, tag)) for tag in ("input", "mechanical", "emergent")]
    verdicts = judge(judged)
    assert [v.verdict for v in verdicts] == ["calibration", "size only", "supported"]
    # And only they make the family larger.
    assert verdicts[2].family == 1 and verdicts[2].p_holm == verdicts[2].p
    assert "assumption" in verdicts[0].reason and "equation" in verdicts[1].reason


def test_a_family_is_corrected_by_holm() -> None:
    barely = effect(0.5 + 0.43)  # conclusive on its own, P of about 0.042
    alone = judge([(barely, Prediction("higher", 0.5))])[0]
    among = judge([(barely, Prediction("higher", 0.5)), (effect(0.5), Prediction("higher", 0.5))])[0]
    assert alone.verdict == "supported" and among.verdict == "undecided" and "Holm" in among.reason
    # Beside a clear one the step-down leaves it its own level; Bonferroni would not.
    beside = judge([(barely, Prediction("higher", 0.5)), (effect(9.0), Prediction("higher", 0.5))])[0]
    assert beside.verdict == "supported" and beside.p_holm == pytest.approx(alone.p)


def test_a_verdict_and_its_interval_never_disagree() -> None:
    for middle, smallest in itertools.product(np.linspace(-2.0, 2.0, 41), (0.1, 0.5, 1.0)):
        found = effect(float(middle))
        best, p = decision(found, smallest)
        low, high = found.interval
        decided = {
            "above": low > smallest, "below": high < -smallest, "within": -smallest < low and high < smallest,
        }  # fmt: skip
        assert (p <= 0.05) == any(decided.values())
        if p <= 0.05:
            assert decided[best]


def test_what_differs_in_no_pair_is_said_to_be_the_same() -> None:
    """No P value, no claim of "no effect", and no member of the family."""
    nothing = Effect("rent", {"t": 1.0, "c": -1.0}, np.zeros((1, 8)), np.ones((2, 1, 8)), pairs=8)
    judged = [(nothing, Prediction(predicted, 0.5)) for predicted in ("open", "higher", "none")]
    *same, expected, other = judge([*judged, (effect(2.0), Prediction("open", 0.5))])
    assert [v.verdict for v in same] == ["the same"] * 2 and expected.verdict == "supported"
    assert all(np.isnan([v.p, v.p_holm, v.p_verdict]).all() for v in (*same, expected))
    assert same[0].reason == "no difference in any of 8 pairs" and other.family == 1
    one = Effect("rent", {"t": 1.0, "c": -1.0}, np.zeros((1, 1)), np.ones((2, 1, 1)), pairs=1)
    assert judge([(one, Prediction("open", 0.5))])[0].verdict == "the same"


def test_the_number_that_would_decide_is_for_the_family() -> None:
    """Where Holm alone stands in the way a number is given too, and it grows with what else is open."""
    barely = effect(0.5 + 0.43)
    alone = judge([(effect(0.5 + 0.40), Prediction("higher", 0.5))])[0]
    among = judge([(barely, Prediction("higher", 0.5)), *[(effect(0.55), Prediction("higher", 0.5))] * 9])[0]
    beside = judge([(barely, Prediction("higher", 0.5)), (effect(0.55), Prediction("higher", 0.5)),
                    *[(effect(9.0), Prediction("higher", 0.5))] * 8])[0]  # fmt: skip
    assert alone.needed is not None and among.needed is not None and beside.needed is not None
    assert alone.needed.count < among.needed.count and beside.needed.count < among.needed.count
    assert (among.open, beside.open) == (10, 2)
    assert "conclusive on its own, but not among 10 outcomes (Holm); about" in among.reason


def test_the_share_of_draws_that_agree() -> None:
    units = np.array([2.0, 2.0, 2.0, 0.1, -2.0])
    found = Effect("rent", {"t": 1.0, "c": -1.0}, units[:, None], np.stack([units, 0 * units])[..., None])
    (verdict,) = judge([(found, Prediction("higher", 0.5))])
    assert verdict.agreeing == 0.6 and verdict.verdict == "undecided" and "draws would decide" in verdict.reason


def test_the_bootstrap_can_decide_instead() -> None:
    (verdict,) = judge([(effect(2.0), Prediction("higher", 0.5))], method="bootstrap")
    assert verdict.verdict == "supported"


def test_the_table_and_mistakes() -> None:
    rows = verdicts_table(judge([(effect(2.0), Prediction("higher", 0.5)), (effect(0.0), Prediction("open", 0.5))]))
    assert list(rows["verdict"]) == ["supported", "no effect"]
    assert {"estimate", "low", "high", "dz", "p_holm", "reason"} <= set(rows.columns)
    with pytest.raises(InputError, match="higher, lower, none, open"):
        Prediction("up", 0.5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="input, mechanical, emergent"):
        Prediction("higher", 0.5, "guess")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="from 0"):
        Prediction("higher", -0.5)
