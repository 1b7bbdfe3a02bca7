"""Units as people say them, and places by revenue."""

from __future__ import annotations

import numpy as np
import pytest

from moatlab import Market
from moatlab.results.metrics import places
from moatlab.results.outcomes import reduce_path
from moatlab.results.text.units import amount, said


@pytest.mark.parametrize(
    ("value", "unit", "difference", "text"),
    [
        (0.432, "share", False, "43.2 %"),
        (-0.021, "share", True, "-2.1 pp"),
        (0.05, "share per month", False, "5 % a month"),
        (1600.0, "M$", False, "$1.6 bn"),
        (-12.34, "M$", False, "-$12.3 m"),
        (31.8, "k$ per GPU", False, "$31.8 thousand per GPU"),
        (3.39, "$ per GPU-hour", False, "$3.39 per GPU-hour"),
        (0.196, "0 to 1", False, "0.196"),
        (0.5, "probability", True, "50 pp"),
    ],
)
def test_amounts(value: float, unit: str, difference: bool, text: str) -> None:
    assert amount(value, unit, difference=difference) == text


def test_changes_have_a_sign() -> None:
    assert said("share").change(0.012) == "+1.2" and said("share").change(-0.012) == "-1.2"
    assert said("M$", 5000.0).label == "$ bn" and said("M$", 5.0, " a month").label == "$ m a month"


def test_places_count_within_a_kind_and_month() -> None:
    months, kinds = [0, 0, 0, 0, 1, 1], ["a", "a", "a", "b", "a", "a"]
    assert places(months, kinds, [1.0, 3.0, 3.0, 0.5, 0.0, 0.0]).tolist() == [3, 1, 1, 1, 1, 1]
    assert places([], [], []).tolist() == []


def test_one_firm_leads_its_layer_in_a_month() -> None:
    run = Market("essay-2023", rng=1).run(30)
    firms = run.firms.to_pandas()
    revenue = firms.groupby(["month", "kind"])["revenue"]
    assert (firms["rank"] == revenue.rank(method="min", ascending=False)).all()
    sold = revenue.transform("max") > 0
    assert (firms[sold].groupby(["month", "kind"])["leads"].sum() == 1).all()
    for address in ("labs.openai.rank", "labs.cohere.leads", "apps.jasper.rank", "clouds.aws.leads"):
        assert np.array_equal(run.path(address), run.series(address).to_numpy(), equal_nan=True), address
    gone = np.array([1.0, np.nan, np.nan, np.nan])
    assert (
        reduce_path(gone, "mean", "apps.jasper.leads") == 0.25 and reduce_path(gone, "mean", "apps.jasper.rank") == 1.0
    )
