"""Pictures of effects and of sensitivities: whole, labelled, legible."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from moatlab import show
from moatlab.evidence.effects import of_arms
from moatlab.evidence.sensitivity import Sensitivity
from moatlab.evidence.verdicts import Prediction, judge

from .legible import boxes, cut_off, overlapping

RNG = np.random.default_rng(4)


def paths(months: int = 60, seeds: int = 8) -> np.ndarray:
    base = np.cumsum(RNG.normal(0.1, 1.0, (seeds, months)), axis=1) + 20.0
    return np.stack([base, base + np.where(np.arange(months) > 20, 2.0, 0.0) + RNG.normal(0, 0.1, base.shape)])


def forest(count: int, scale: float = 1.0) -> Figure:
    family = []
    for place in range(count):
        control = 100.0 + RNG.normal(0, 5.0, (1, 12))
        treated = control + RNG.normal(place - count / 2, 2.0, control.shape) * (scale if place == 0 else 1.0)
        effect = of_arms(
            f"users.category-{place}.consumer_surplus", {"t": 1.0, "c": -1.0}, np.stack([treated, control])
        )
        family.append((effect, Prediction("open", 1.0)))
    return show.effects(judge(family), "Effects of: month 12: scale foundry.tsmc.capacity 2.0", "Means", "a scenario")


def morris(count: int) -> Sensitivity:
    size = np.sort(RNG.gamma(1.0, 1.0, count))
    table = pd.DataFrame({
        "parameter": [f"clouds.some_parameter_{i}" for i in range(count)], "mu": size, "mu_star": size,
        "mu_star_low": 0.8 * size, "mu_star_high": 1.2 * size, "sigma": 0.5 * size,
    })  # fmt: skip
    return Sensitivity("morris", "rent", "control", table, pd.DataFrame(), 1.0, 10, 2)


def sobol() -> Sensitivity:
    columns = {"first": [0.3, 0.0], "total": [0.6, 0.1]}
    table = pd.DataFrame({"parameter": ["x1", "x2"], **columns})
    for name in columns:
        table[f"{name}_low"], table[f"{name}_high"] = table[name] - 0.05, table[name] + 0.05
    return Sensitivity("sobol", "rent", "control", table, pd.DataFrame(), 1.0, 10, 1)


GONE = paths()
GONE[:, :, :5] = np.nan
GONE[1, :, 40:] = np.nan
DRAWN = {
    "difference": show.difference(paths(), "market.rent", "$ per GPU-hour", "an event", "a scenario", "2023-01", 20),
    "gone": show.difference(GONE, "apps.jasper.price", "$ per month", "an event", "a scenario", "2023-01", 0),
    "nothing": show.difference(np.stack([paths()[0]] * 2), "a", "M$", "an event", "a scenario", "2023-01", 3),
    "forest": forest(12),
    "one": forest(1),
    "far": forest(10, 400.0),
    "morris": show.sensitivity([morris(12)] * 3, "moatlab, a scenario"),
    "sobol": show.sensitivity([sobol()], "moatlab, a scenario"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_is_cut_off_or_lies_on_another(name: str) -> None:
    assert not cut_off(DRAWN[name]) and not overlapping(DRAWN[name])


@pytest.mark.parametrize("name", DRAWN)
def test_axes_are_labelled(name: str) -> None:
    for axes in DRAWN[name].axes:
        assert axes.get_xlabel() and axes.get_title(loc="left")
        assert axes.get_ylabel() or len(axes.get_yticklabels()) > 0


def test_a_difference_of_nothing_lies_on_zero() -> None:
    gap = DRAWN["nothing"].axes[1]
    drawn = [np.asarray(line.get_ydata()) for line in gap.lines if len(np.asarray(line.get_ydata())) == 60]
    assert drawn and all((values == 0.0).all() for values in drawn)
    low, high = gap.get_ylim()
    assert low < 0.0 < high


def test_the_forest_shows_what_was_found() -> None:
    texts = [text for text, _ in boxes(DRAWN["forest"])]
    assert any("falls" in t for t in texts) and any("rises" in t for t in texts)
    assert any("no effect" in t or "undecided" in t for t in texts)
