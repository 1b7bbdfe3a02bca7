"""Designs: sizes, ranges, known properties of the samples, and the same points for the same seed."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatlab.experiments.design import level, points, size
from moatlab.experiments.spec import Spec, Uncertainty, read_spec

THREE = {"x": [0.0, 1.0], "y": [-2.0, 6.0], "z": {"low": 0.01, "high": 100.0, "scale": "log"}}


def spec(design: dict[str, Any], uncertainties: dict[str, Any] | None = None) -> Spec:
    tables = {"name": "d", "outcomes": {"o": {"metric": "m"}}, "design": design}
    return read_spec({**tables, "uncertainties": THREE if uncertainties is None else uncertainties}, "d")


@pytest.mark.parametrize(
    ("design", "count"),
    [
        ({"kind": "latin", "samples": 17}, 17),
        ({"kind": "random", "samples": 9}, 9),
        ({"kind": "sobol", "samples": 8}, 8 * 5),
        ({"kind": "sobol", "samples": 8, "second_order": True}, 8 * 8),
        ({"kind": "morris", "samples": 6}, 6 * 4),
    ],
)
def test_samples_have_their_size_stay_in_range_and_repeat(design: dict[str, Any], count: int) -> None:
    before = np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[index]
    found = points(spec(design))
    assert len(found) == size(spec(design)) == count
    assert points(spec(design)) == found != points(spec({**design, "seed": 1}))
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before  # type: ignore[index]
    for point in found:
        assert list(point) == ["x", "y", "z"]
        assert 0.0 <= point["x"] <= 1.0 and -2.0 <= point["y"] <= 6.0 and 0.01 <= point["z"] <= 100.0


def test_a_latin_hypercube_has_one_point_in_each_slice() -> None:
    found = points(spec({"kind": "latin", "samples": 20}))
    cuts = {
        "x": [p["x"] for p in found],
        "y": [(p["y"] + 2) / 8 for p in found],
        "z": [math.log(p["z"] / 0.01) / math.log(1e4) for p in found],
    }
    for name, cut in cuts.items():
        assert sorted(int(20 * at) for at in cut) == list(range(20)), name


def test_a_morris_trajectory_moves_one_parameter_at_a_time() -> None:
    found = points(spec({"kind": "morris", "samples": 5}))
    for start in range(0, len(found), 4):
        moved = [
            [n for n in "xyz" if found[at][n] != found[at + 1][n]] for at in range(start, start + 3)
        ]  # fmt: skip
        assert sorted(name for names in moved for name in names) == ["x", "y", "z"]
        assert all(len(names) == 1 for names in moved)


def test_a_grid_is_the_product_of_its_values() -> None:
    grid = points(spec({"kind": "grid"}, {"x": {"values": [1, 2]}, "rule": {"values": ["a", "b", "c"]}}))
    assert grid == [{"x": x, "rule": r} for x in (1, 2) for r in ("a", "b", "c")]


def test_chosen_combinations_stand_as_they_are() -> None:
    chosen = [{"x": 1.0, "y": 2.0}, {"x": 3.0, "y": 4.0}]
    assert points(spec({"kind": "chosen", "points": chosen}, {})) == chosen


@given(st.floats(0.0, 1.0), st.integers(-50, 50), st.integers(1, 100))
def test_levels_stay_in_their_range(at: float, low: int, width: int) -> None:
    whole = level(Uncertainty(low=low, high=low + width), at, whole=True)
    assert isinstance(whole, int) and low <= whole <= low + width
    assert low <= level(Uncertainty(low=low, high=low + width), at) <= low + width
    assert 10.0 <= level(Uncertainty(low=10.0, high=10.0 + width, scale="log"), at) <= 10.0 + width
    assert level(Uncertainty(values=("a", "b", "c")), at) == "abc"[min(int(3 * at), 2)]


def test_whole_numbers_are_equally_likely() -> None:
    cells = [level(Uncertainty(low=1, high=4), (i + 0.5) / 400, whole=True) for i in range(400)]
    assert [cells.count(n) for n in (1, 2, 3, 4)] == [100] * 4
