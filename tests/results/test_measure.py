"""The declared conventions of economic profit: read, changed, refused."""

from __future__ import annotations

import math

import pytest

from moatlab import InputError
from moatlab.results.measure import ASSETS, Measure, asset_of
from moatlab.results.payments import KINDS_OF_PAYMENT


def test_every_investment_is_capital_and_nothing_else_is() -> None:
    for kind in KINDS_OF_PAYMENT:
        assert (asset_of(kind) is not None) == (kind.use in ("rnd", "marketing", "capex")), kind.name
    assert {asset_of(k) for k in KINDS_OF_PAYMENT if k.use == "capex"} == {"plant"}


def test_every_life_has_a_reason() -> None:
    assert all(len(asset.reason) > 20 for asset in ASSETS)
    assert len({asset.name for asset in ASSETS}) == len(ASSETS)


def test_changes_by_text() -> None:
    measure = Measure.read(["lives=2", "cost_of_capital=0.08", "own models=9"])
    lives = {asset.name: asset.life for asset in measure.assets}
    assert (measure.cost_of_capital, lives["training"], lives["own models"], lives["plant"]) == (0.08, 36.0, 9.0, None)
    assert {a.name: a.life for a in Measure.read(["plant=60"]).assets}["plant"] == 60.0
    assert {a.name: a.life for a in Measure.read(["training=inf"]).assets}["training"] == math.inf
    assert Measure.read([]) == Measure() and "training 18 months" in Measure().told()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("trainig=3", "did you mean training"), ("training", "NAME=NUMBER"), ("training=-1", "from 0"),
        ("cost_of_capital=inf", "finite"), ("lives=x", "NAME=NUMBER"),
    ],
)  # fmt: skip
def test_what_is_no_measure_is_refused(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        Measure.read([text])


def test_lives_by_name() -> None:
    with pytest.raises(InputError, match="no asset"):
        Measure().with_lives({"nothing": 3.0})
    with pytest.raises(InputError, match="from 0 months"):
        Measure().with_lives({"training": -3.0})
