"""Sizes and sentences: per cent of logarithms, points of shares, the metric's own unit; what doubt sounds like."""

from __future__ import annotations

import math

import numpy as np

from moatlab.evidence.claims import sizes, words
from moatlab.evidence.claims.files import load
from moatlab.evidence.effects import of_arms
from moatlab.evidence.verdicts import Prediction, judge
from tests.evidence.claims.tiny import claim, judged


def verdict(outcome: str, contrast: str, values: list[float], smallest: float) -> object:
    of = load(["graduation"])[0].contrasts[contrast]
    arms = np.array([values, [0.0] * len(values)])[: len(of.weights), :, None]
    weights = dict(zip(of.weights, (1.0, -1.0), strict=False))
    return judge([(of_arms(outcome, weights, arms, label=contrast), Prediction("lower", smallest))])[0]


def test_units() -> None:
    found = load(["graduation"])[0]
    assert sizes.unit_of(found, "labs-revenue") == "points" and sizes.unit_of(found, "price") == "%"
    assert sizes.amount(found, "price", math.log(1.25)) == "+25"
    assert sizes.amount(found, "labs-revenue", -0.0312) == "-3.1"
    assert sizes.level(found, "labs-revenue", 0.256) == "26 %" and sizes.level(found, "labs-revenue", 0.0512) == "5.1 %"
    assert sizes.level(found, "price", math.log(12.0)) == "12 $ per Mtok"
    assert sizes.unit_of(claim(), "rent") == "$ per GPU-hour" and sizes.amount(claim(), "rent", 0.25) == "+0.25"


def test_sentences() -> None:
    found = load(["graduation"])[0]
    sure = words.sentence(found, verdict("labs-revenue", "allowed", [-0.04, -0.05, -0.06, -0.05], 0.01))  # type: ignore[arg-type]
    assert sure.startswith(
        "In years 5 to 10, the labs' share of the stack's revenue is 5.0 points lower (-6.3 to -3.7)"
    )
    assert sure.endswith("when apps may go in-house.")
    doubt = words.sentence(found, verdict("labs-revenue", "allowed", [-0.2, 0.1, -0.06, 0.02], 0.01))  # type: ignore[arg-type]
    assert doubt.endswith(", which may be chance.")
    small = words.sentence(found, verdict("labs-revenue", "allowed", [-0.001, 0.001, 0.0, 0.0], 0.01))  # type: ignore[arg-type]
    assert "hardly changes when apps may go in-house" in small
    none = words.sentence(found, verdict("labs-revenue", "allowed", [0.0, 0.0, 0.0], 0.01))  # type: ignore[arg-type]
    assert "is the same in every draw" in none


def test_a_level_is_held_against_its_number() -> None:
    level = next(v for v in judged()[0].further if v.effect.label == "level")
    said = words.sentence(claim(), level)
    assert said.startswith("In the second year, the rent is ") and "2 $ per GPU-hour." in said
    low, _ = level.interval
    assert words.short_effect(claim(), level).startswith(sizes.level(claim(), "rent", level.estimate + 2.0))
    assert ("above" in said) == (low > 0.0)
