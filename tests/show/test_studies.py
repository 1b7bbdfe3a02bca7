"""Pictures of durability, drivers and tipping: whole, labelled, legible, with their numbers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from moatlab import show
from moatlab.results.payments import LAYERS
from moatlab.show.durability import Curves, ForestRow
from moatlab.show.numbers import numbers_of

from .legible import boxes, cut_off, overlapping

RNG = np.random.default_rng(5)
VERDICTS = ("lasts", "fades", "costs", "undecided")


def forest(count: int, wide: float = 1.0) -> Figure:
    rows = []
    for place in range(count):
        value = float(RNG.normal(0.5, 1.0))
        half = (20.0, 12.0, math.inf) if place % 3 else (math.nan, math.nan, math.nan)
        reach = wide if place == 1 else 0.4
        rows.append(ForestRow(f"algorithmic, chipmakers, holder {place}", (value, value - reach, value + reach), half,
                              VERDICTS[place % 4]))  # fmt: skip
    return show.durability(rows, "No moat lasts", "A grant worth 10 M$", "a scenario", "economic profit", 96.0)


def curves(count: int, arms: int = 3) -> Figure:
    months = np.arange(96)
    panels = []
    for place in range(count):
        paths = {arm: 0.01 * (1.0 + 0.3 * at) * 0.5 ** (months / 20.0)
                 for at, arm in enumerate(("free", "clamped", "frozen")[:arms])}  # fmt: skip
        panels.append(Curves(f"moat {place}, apps", paths, paths["free"] - 0.002, paths["free"] + 0.05))
    return show.responses(panels, "Feedbacks enlarge 3 of 5 leads", "What a grant adds", "a scenario")


def cells(months: tuple[int, ...]) -> Figure:
    rows = [
        {"month": month, "layer": layer, "factor": factor, "total": RNG.normal(0.2, 0.3), "sure": place % 2 == 0}
        for month in months for layer in LAYERS
        for place, factor in enumerate(("all other parameters", "users.usage_elasticity", "random draws"))
    ]  # fmt: skip
    rows[3]["total"] = math.nan
    return show.drivers(
        pd.DataFrame(rows), "factor", "total", "users.usage_elasticity matters most", "Total indices", "x"
    )


def tips(count: int) -> Figure:
    rows = [
        {"category": f"category-{k}", "strength": float(s), "start": start, "share": 0.3 + 0.05 * s, "low": 0.2,
         "high": 0.4 + 0.05 * s}
        for k in range(count) for s in range(9) for start in ("even", "dominant")
    ]  # fmt: skip
    return show.tipping(pd.DataFrame(rows), "2 of 7 categories tip", "Customers shared out again", "a scenario")


DRAWN = {
    "forest": forest(40), "one": forest(1), "wide": forest(6, 500.0), "none": forest(0), "curves": curves(13),
    "two arms": curves(1, 2), "cells": cells((24, 60, 120)), "one month": cells((24,)), "tips": tips(7),
    "one category": tips(1),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_is_cut_off_or_lies_on_another(name: str) -> None:
    assert not cut_off(DRAWN[name]) and not overlapping(DRAWN[name])


@pytest.mark.parametrize("name", DRAWN)
def test_axes_are_labelled(name: str) -> None:
    for axes in DRAWN[name].axes:
        assert axes.get_xlabel() and axes.get_title(loc="left")


def test_a_very_uncertain_row_does_not_hide_the_others() -> None:
    low, high = DRAWN["wide"].axes[0].get_xlim()
    assert high - low < 100.0


def test_the_numbers_are_beside_the_pictures() -> None:
    table = numbers_of(DRAWN["forest"])
    assert len(table) == 80 and {"value", "low", "high", "verdict"} <= set(table)
    assert {"free", "feedbacks off", "rivals frozen"} == set(numbers_of(DRAWN["curves"])["name"])
    assert len(numbers_of(DRAWN["cells"])) == 3 * 6 * 3 and len(numbers_of(DRAWN["tips"])) == 7 * 9 * 2


def test_the_key_names_the_verdicts_that_there_are() -> None:
    texts = [text for text, _ in boxes(DRAWN["forest"])]
    assert {"lasts", "fades", "costs", "undecided"} <= set(texts)
    assert "costs" not in [text for text, _ in boxes(DRAWN["one"])]


def test_what_is_not_told_is_a_dash() -> None:
    assert any(text == "–" for text, _ in boxes(DRAWN["cells"]))
