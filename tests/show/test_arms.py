"""Pictures of a batch are drawn whole and legible, for few and many arms, short and long runs, and gaps in the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from moatlab.show import arms as pictures
from moatlab.show import style
from moatlab.show.arms import Arms

from .legible import cut_off, overlapping

UNITS = {
    "market.rent": "$ per GPU-hour",
    "labs.gross_profit": "M$",
    "clouds.value_share": "share",
    "apps.hhi": "0 to 1",
    "labs.openai.share": "share",
    "labs.google.share": "share",
}


def made(arms: int, months: int, *, empty: bool = False) -> Arms:
    """Random walks by arm; the names of arms are as long as somebody might make them."""
    draw = np.random.default_rng(arms)
    names = ("control", *(f"a-rather-long-name-of-an-arm-{i}" for i in range(1, arms)))
    rows = pd.DataFrame([(a, m) for a in names for m in range(months)], columns=["arm", "month"])
    bands, gaps = {}, {}
    for metric in UNITS:
        mid = np.exp(draw.normal(0, 0.1, len(rows)).cumsum()) * (np.nan if empty else 1.0)
        mid = mid / (1 + mid) if UNITS[metric] == "share" else mid
        bands[metric] = rows.assign(mid=mid, low=0.9 * mid, high=1.1 * mid)
        gap = draw.normal(0, 1, len(rows)).cumsum() * (np.nan if empty else 1.0)
        told = rows.assign(mean=gap, low=gap - 1, high=gap + 1)
        gaps[metric] = told[told["arm"] != "control"]
    effects = [(o, a, 8, draw.normal(), -1.0, 1.0) for o in ("rent", "hhi") for a in names[1:]]
    table = pd.DataFrame(effects, columns=["outcome", "arm", "pairs", "mean", "low", "high"])
    return Arms("trial", "moatlab, a trial", "2023-01", months, names, "control", 8, 0.95, bands, gaps, table, UNITS,
                {m: m for m in UNITS}, {"rent": "market.rent", "hhi": "apps.hhi"})  # fmt: skip


DATA = {
    "two": made(2, 120),
    "seven": made(7, 60),
    "short": made(3, 2),
    "month": made(2, 1),
    "empty": made(2, 24, empty=True),
}
DRAWN: dict[tuple[str, str], Figure] = {}
EVERY = [(data, picture) for data in DATA for picture in ("trajectories", "paired", "shares", "effects")]


def draw(data: str, picture: str) -> Figure:
    if (data, picture) not in DRAWN:
        arms = DATA[data]
        by_name = {
            "trajectories": lambda: pictures.trajectories(arms, list(UNITS)[:4]),
            "paired": lambda: pictures.paired(arms, list(UNITS)[:4]),
            "shares": lambda: pictures.shares(arms, "labs"),
            "effects": lambda: pictures.effects(arms),
        }
        DRAWN[data, picture] = by_name[picture]()
    return DRAWN[data, picture]


@pytest.mark.parametrize(("data", "picture"), EVERY)
def test_nothing_is_cut_off_or_lies_on_another(data: str, picture: str) -> None:
    assert not cut_off(draw(data, picture)) and not overlapping(draw(data, picture))


@pytest.mark.parametrize(("data", "picture"), EVERY)
def test_axes_are_labelled(data: str, picture: str) -> None:
    for axes in draw(data, picture).axes:
        assert axes.get_title(loc="left") and axes.get_xlabel()
        assert axes.get_ylabel() or picture == "effects"


def test_an_arm_has_one_colour_and_no_two_share_it() -> None:
    arms = DATA["seven"]
    assert len({arms.pen(arm) for arm in arms.arms}) == 7


def test_the_lines_are_the_tables() -> None:
    arms = DATA["two"]
    axes = draw("two", "trajectories").axes[0]
    drawn = [np.asarray(line.get_ydata(), float) for line in axes.lines]
    for arm in arms.arms:
        table = arms.bands["market.rent"]
        mid = table.loc[table["arm"] == arm, "mid"]
        assert any(np.array_equal(line, mid) for line in drawn)


def test_all_pictures_are_written_and_the_same_each_time(tmp_path: Path) -> None:
    assert list(pictures.plan(DATA["short"])) == ["arms", "shares-labs", "differences", "effects"]
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for name, drawing in pictures.plan(DATA["short"]).items():
            style.write(drawing(), tmp_path / folder / f"{name}.png")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
