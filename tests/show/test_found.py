"""Pictures say what is found: leaders are named, bands can be told apart, small effects shaded, dollars in $ bn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from moatlab import show
from moatlab.results.frames import Frames
from moatlab.results.payments import LAYERS
from moatlab.show import arms as pictures
from moatlab.show import series, style
from moatlab.show.effects import difference
from moatlab.show.numbers import numbers_of
from moatlab.show.trajectories import MOST_BANDS

from .fake import fake
from .legible import boxes, cut_off, overlapping
from .test_arms import DATA, made

ONE, SEVERAL = fake(60, 1), fake(60, 3)


def title(figure: Figure) -> str:
    return str(figure.texts[0].get_text())


def shaded(figure: Figure) -> bool:
    """Whether the part of an axis is shaded in which effects are too small to matter."""
    return any(patch.get_facecolor() == to_rgba(style.SMALL_EFFECT) for axes in figure.axes for patch in axes.patches)


def with_late_leader(frames: Frames, kind: str, slug: str) -> Frames:
    """The same, with one firm that sells hardly anything until the last months, and then most."""
    firms = frames.firms.copy()
    mine = (firms["kind"] == kind) & (firms["slug"] == slug)
    late = firms["month"] >= frames.months[-3]
    firms["revenue"] = firms["revenue"].where(~mine, np.where(late, 1e9, 1e-6))
    return replace(frames, firms=firms)


@pytest.mark.parametrize("frames", [ONE, SEVERAL])
@pytest.mark.parametrize("layer", ["apps", "labs", "clouds"])
def test_the_leader_at_the_end_is_named(frames: Frames, layer: str) -> None:
    mine = frames.firms[frames.firms["kind"] == layer]
    named = mine[mine["named"].astype(bool)]
    alive = named[named["month"] == frames.months[-1]].groupby("slug").size()
    for slug in alive.index[alive == len(frames.seeds)]:
        late = with_late_leader(frames, layer, str(slug))
        firms = late.firms[late.firms["kind"] == layer]
        lines = series.share_lines(firms, layer, late, series.pens(late), 2)
        name = firms.loc[firms["slug"] == slug, "name"].iloc[0]
        assert name in [line.name for line in lines], slug


def test_a_startup_that_leads_at_the_end_of_one_seed_is_named() -> None:
    last = ONE.firms[(ONE.firms["month"] == ONE.months[-1]) & (ONE.firms["kind"] == "apps")]
    startups = last.loc[~last["named"].astype(bool), "slug"]
    late = with_late_leader(ONE, "apps", str(startups.iloc[-1]))
    assert ("apps", str(startups.iloc[-1])) in series.pens(late)


@pytest.mark.parametrize("name", list(show.PICTURES))
def test_no_panel_has_more_bands_than_can_be_told_apart(name: str) -> None:
    for axes in show.PICTURES[name](SEVERAL).axes:
        bands = [c for c in axes.collections if isinstance(c, PolyCollection) and (c.get_alpha() or 1) < 0.3]
        assert len(bands) <= MOST_BANDS


def test_many_firms_have_a_panel_each() -> None:
    figure = show.share(SEVERAL, "apps")
    table = numbers_of(figure)
    assert len(figure.axes) == table["name"].nunique() > MOST_BANDS and table[["low", "high"]].notna().all().all()
    assert not cut_off(figure) and not overlapping(figure)
    assert len(show.share(ONE, "apps").axes) == 1


def test_many_arms_have_pictures_of_their_own() -> None:
    plan = pictures.plan(DATA["seven"])
    assert "arms-market.rent" in plan and "differences-market.rent" in plan
    assert not [name for name in pictures.plan(DATA["two"]) if name.startswith(("arms-", "differences-"))]
    for name in ("arms-market.rent", "differences-market.rent"):
        figure = plan[name]()
        assert len(figure.axes) == (7 if name.startswith("arms") else 6)
        assert not cut_off(figure) and not overlapping(figure)


def test_arms_with_names_that_begin_alike_can_be_told_apart() -> None:
    arms = DATA["seven"]
    assert len(set(arms.called.values())) == 7 and all(len(name) <= 40 for name in arms.called.values())
    for figure in (pictures.trajectories(arms, ["market.rent"]), pictures.paired(arms, ["market.rent"])):
        labels = [text for text, _ in boxes(figure) if text.startswith("a-rath")]
        assert len({text.split("  ")[0] for text in labels}) == len(labels) == 6
    (axes, *_) = pictures.effects(arms).axes
    ticks = [tick.get_text() for tick in axes.get_yticklabels()]
    assert len(set(ticks)) == 6


def test_the_smallest_effect_is_shaded_in_every_picture_of_effects() -> None:
    sized = replace(made(3, 24), smallest={"rent": 0.5, "hhi": 0.5})
    for figure in (pictures.effects(sized), pictures.paired(sized, ["market.rent"]),
                   pictures.paired_by_arm(sized, "market.rent")):  # fmt: skip
        assert shaded(figure) and "shaded" in " ".join(text for text, _ in boxes(figure))
    paths = np.random.default_rng(1).normal(size=(2, 8, 24))
    for smallest in (0.0, 0.2):
        figure = difference(paths, "market.rent", "$ per GPU-hour", "a change", "a test", "2023-01", 0, smallest)
        assert shaded(figure) == (smallest > 0)


def test_shares_lie_between_nothing_and_all() -> None:
    arms = made(2, 24)
    wild = arms.bands["clouds.value_share"].copy()
    wild.loc[wild.index[:3], "mid"] = [-1.0, 2.1, 0.5]
    figure = pictures.trajectories(
        replace(arms, bands={**arms.bands, "clouds.value_share": wild}), ["clouds.value_share"]
    )
    low, high = figure.axes[0].get_ylim()
    assert low == 0 and high <= 103 and "cut at 0 and 100 %" in figure.axes[0].get_title(loc="left")


def test_thousands_of_millions_are_billions() -> None:
    arms = made(2, 24)
    table = arms.bands["labs.gross_profit"].assign(mid=5000.0, low=4000.0, high=6000.0)
    big = replace(arms, bands={**arms.bands, "labs.gross_profit": table})
    (axes,) = pictures.trajectories(big, ["labs.gross_profit"]).axes
    assert axes.get_ylabel() == "$ bn" and axes.get_ylim()[1] < 10
    paths = np.stack([np.full((4, 12), 5000.0), np.full((4, 12), 5600.0)])
    figure = difference(paths, "labs.revenue", "M$", "a change", "a test", "2023-01", 0)
    assert "$ bn" in figure.axes[0].get_ylabel() and title(figure) == "labs.revenue rises by $600 m a month on average"


def test_titles_say_what_is_found() -> None:
    assert title(show.prices(ONE)).startswith("A GPU-hour costs $")
    assert "conomic profit" in title(show.accrual(ONE)) and "%" in title(show.accrual(ONE))
    assert "at the end" in title(show.share(ONE, "labs")) and title(show.shares(SEVERAL)).startswith(
        "Leaders at the end"
    )
    assert "effective firms" in title(show.PICTURES["concentration"](ONE))
    assert "churn at the end" in title(show.retention(ONE)) and "from users" in title(show.flow(ONE))
    effects = pd.DataFrame([("rent", "a", 8, -2.0, -2.5, -1.5), ("hhi", "a", 8, 0.1, -0.5, 0.7)],
                           columns=["outcome", "arm", "pairs", "mean", "low", "high"])  # fmt: skip
    arms = replace(made(2, 12), effects=effects.assign(arm=DATA["two"].arms[1]))
    assert "1 of 2 intervals lie beyond zero" in title(pictures.effects(arms))
    assert "lowers rent most clearly" in title(pictures.trajectories(arms, ["market.rent"]))


def test_no_title_is_cut() -> None:
    # With long names, and others who led at first.
    long = replace(ONE, firms=ONE.firms.assign(name=ONE.firms["name"] + " Web Services"))
    for layer in LAYERS[1:-1]:
        sold = ONE.firms[ONE.firms["kind"] == layer].groupby("slug")["revenue"].sum()
        long = with_late_leader(long, layer, str(sold.idxmin()))
    for frames in (ONE, SEVERAL, long):
        for picture in show.PICTURES.values():
            assert not title(picture(frames)).endswith("…")
        for layer in LAYERS[:-1]:
            assert not title(show.share(frames, layer)).endswith("…")


def test_what_suppliers_are_is_said_in_the_diagram() -> None:
    told = " ".join(text for text, _ in boxes(show.flow(ONE)))
    assert "Suppliers" in told and "staff" in told


def test_the_largest_of_nothing_is_nothing() -> None:
    assert style.largest() == 0.0 == style.largest(np.array([np.nan])) and style.largest(np.array([-3.0, 2.0])) == 3.0
