"""Words, families and flips on planted effects; the verdict on a small claim."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from moatlab.evidence.claims import flips
from moatlab.evidence.claims.bank import Bank
from moatlab.evidence.claims.decide import _RANKS, BY_TAG, decided, family, together, word_of
from moatlab.evidence.claims.judging import _feedback, effect_of
from moatlab.evidence.effects import Effect, of_arms
from moatlab.evidence.verdicts import WORDS, Predicted, Prediction, Tag
from tests.evidence.claims.tiny import SIZES, claim, judged, ran

RNG = np.random.default_rng(5)


def planted(mean: float, spread: float = 0.1, count: int = 40) -> Effect:
    """An effect of that size: draws with one seed each."""
    values = mean + spread * RNG.standard_normal(count)
    return of_arms("x", {"a": 1.0, "b": -1.0}, np.stack([values, np.zeros(count)])[:, :, None])


def test_every_word_has_a_rank_and_every_tag_but_emergent_a_word() -> None:
    assert set(WORDS.values()) <= set(_RANKS)
    assert set(get_args(Tag)) - set(BY_TAG) == {"emergent"}


def test_one_effect_gives_its_word() -> None:
    for predicted, size, word in (
        ("higher", 1.0, "supported"), ("higher", -1.0, "contradicted"), ("higher", 0.0, "no effect"),
        ("lower", -1.0, "supported"), ("none", 0.0, "supported"), ("none", 1.0, "contradicted"), ("open", 1.0, "rises"),
    ):  # fmt: skip
        prediction = Prediction(predicted, 0.5)  # type: ignore[arg-type]
        found, p = decided([(planted(size), prediction)])
        assert found == word == word_of(size, prediction) and p < 1e-6


def test_several_effects_support_a_claim_only_together() -> None:
    def claims(*sizes: float, predicted: Predicted = "none") -> tuple[str, float]:
        return decided([(planted(size), Prediction(predicted, 0.5)) for size in sizes])

    assert claims(0.0, 0.0, 0.0)[0] == "supported"
    assert claims(0.0, 1.0, 0.0)[0] == "contradicted"
    assert claims(1.0, 1.0, 0.0, predicted="higher")[0] == "no effect"
    # The largest P value counts where all are needed, the smallest times their number where one is enough.
    one = planted(0.4)
    alone = decided([(one, Prediction("none", 0.5))])
    assert decided([(one, Prediction("none", 0.5)), (planted(0.0), Prediction("none", 0.5))]) == alone
    bad = planted(0.55, 0.1)
    assert decided([(bad, Prediction("none", 0.5))] * 3)[1] == pytest.approx(
        3 * decided([(bad, Prediction("none", 0.5))])[1]
    )
    assert (
        together(["supported", "no effect"]) == "no effect"
        and together(["contradicted", "supported"]) == "contradicted"
    )


def test_families_count_emergent_claims_only() -> None:
    words = family(
        [("emergent", ("supported", 0.02)), ("mechanical", ("supported", 0.9)), ("input", ("supported", 0.9)),
         ("emergent", ("contradicted", 0.04))], 0.05,
    )  # fmt: skip
    assert [word for word, _ in words] == ["supported", "size only", "calibration only", "contradicted"]
    # A third and a fourth claim make either stricter.
    more = family([("emergent", ("supported", 0.02))] * 3, 0.05)
    assert [word for word, _ in more] == ["undecided"] * 3 and more[0][1] == pytest.approx(0.06)


def test_false_verdicts_of_a_family_are_as_rare_as_promised() -> None:
    """Twenty claims of an effect of nothing that predict one, 200 times: at most a twentieth have a wrong sign."""
    wrong = 0
    for _ in range(200):
        claims = [("emergent", decided([(planted(0.0, 1.0, 12), Prediction("higher", 0.0))])) for _ in range(20)]
        wrong += any(word in ("supported", "contradicted") for word, _ in family(claims, 0.05))  # type: ignore[arg-type]
    assert wrong <= 21  # 99.9 % of binomial(200, 0.05)


def test_the_parameter_that_matters_is_named_with_its_distance() -> None:
    z = RNG.standard_normal((96, 40))
    values = 1.0 + 0.5 * z[:, 17] + 0.05 * RNG.standard_normal(96)
    names = tuple(f"p{i}" for i in range(40))
    found = flips.nearest(values, z, names, flips.border(1.0, 0.25))
    # From 1.0 down to 0.25 at 0.5 a standard deviation.
    assert found.parameter == "p17" and found.distance == pytest.approx(-1.5, abs=0.25)
    assert found.explained > 0.9
    assert flips.border(-1.0, 0.25) == -0.25


def test_no_parameter_is_named_by_chance() -> None:
    names = tuple(f"p{i}" for i in range(100))
    named = sum(
        bool(flips.nearest(RNG.standard_normal(40), RNG.standard_normal((40, 100)), names, 0.5).parameter)
        for _ in range(200)
    )
    assert named <= 21
    assert not flips.nearest(np.full(40, np.nan), np.zeros((40, 100)), names, 0.5).parameter
    assert not flips.nearest(np.zeros(40), np.zeros((40, 100)), names, 0.5).parameter


def test_the_verdict_on_a_small_claim() -> None:
    (found,) = judged()
    hours = claim().outcomes["hours"]
    arms = [ran().values(hours, ran().group.arm_of(claim(), arm)) for arm in ("twice", "control")]
    assert found.main.estimate == pytest.approx(float((arms[0] - arms[1]).mean()))
    assert found.main.effect.units.size == SIZES.draws and found.main.effect.unit == "draw"
    assert sum(found.robustness.words.values()) == pytest.approx(1.0)
    assert set(found.robustness.paths) == {"outside-half", "outside-double", "funding-half", "funding-double"}
    assert 0.0 <= found.robustness.structures <= 1.0 and found.robustness.tried > 0


def test_freezing_the_feedback_changes_the_effect() -> None:
    """With fleets that stay as they are, twice the packages sell no further hour."""
    (feedback,) = judged()[0].feedback
    assert feedback.frozen.estimate == pytest.approx(0.0, abs=1e-12)
    assert feedback.change.estimate == pytest.approx(judged()[0].main.estimate)


def test_what_the_feedback_makes_is_the_free_effect_less_the_frozen_one() -> None:
    arms, codes, table = ran()._tables["main"]
    numbers = Bank(ran().group, ran().folder, {"main": (arms, codes, RNG.standard_normal(table.shape))}, 0)
    free = effect_of(numbers, claim(), "hours", "twice")
    found = _feedback(numbers, claim(), "hours", "twice", free)
    assert found is not None and abs(found.frozen.estimate) > 1e-6
    assert np.allclose(found.change.units, free.units - found.frozen.units)


def test_further_effects_are_those_asked_for() -> None:
    further = {(v.effect.outcome, v.effect.label): v for v in judged()[0].further}
    assert set(further) == {("rent", "twice"), ("rent", "nothing"), ("rent", "level")}
    # Nobody reads the markup of labs: the arms are the same, and the level is one less two dollars.
    assert further["rent", "nothing"].verdict == "the same"
    control = ran().values(claim().outcomes["rent"], ran().group.arm_of(claim(), "control"))
    assert further["rent", "level"].estimate == pytest.approx(float(control.mean()) - 2.0)


def test_lines_by_year_have_an_arm_each() -> None:
    years = judged()[0].years
    assert set(years) == {"twice", "control"} and years["twice"].shape == (3, 2)
    assert (years["twice"][0] <= years["twice"][2]).all()
