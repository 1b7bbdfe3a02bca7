"""Every picture is drawn whole, labelled and legible, from long and short runs alike."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moatlab import show
from moatlab.results.frames import Frames
from moatlab.results.payments import LAYERS
from moatlab.show import series, style
from moatlab.show.flows import flow

from .fake import fake
from .legible import boxes, cut_off, overlapping

RUNS = {
    "long": fake(120, 1),
    "seeds": fake(60, 3),
    "month": fake(1, 1),
    "quarter": fake(3, 2),
    "empty": fake(14, 1, empty=True),
    "event": replace(fake(30, 2), events=((12, "month 12: scale foundry.tsmc.capacity 2"),)),
}
EVERY = [(run, picture) for run in RUNS for picture in (*show.PICTURES, "share")]
DRAWN: dict[tuple[str, str], Figure] = {}


def draw(run: str, picture: str) -> Figure:
    if (run, picture) not in DRAWN:
        frames = RUNS[run]
        DRAWN[run, picture] = show.share(frames, "apps") if picture == "share" else show.PICTURES[picture](frames)
    return DRAWN[run, picture]


@pytest.mark.parametrize(("run", "picture"), EVERY)
def test_nothing_is_cut_off(run: str, picture: str) -> None:
    assert not cut_off(draw(run, picture))


@pytest.mark.parametrize(("run", "picture"), EVERY)
def test_no_text_lies_on_another(run: str, picture: str) -> None:
    assert not overlapping(draw(run, picture))


@pytest.mark.parametrize(("run", "picture"), EVERY)
def test_axes_are_labelled(run: str, picture: str) -> None:
    framed: list[Axes] = [axes for axes in draw(run, picture).axes if axes.axison]
    assert framed or picture in ("flow", "graph")
    for axes in framed:
        assert axes.get_xlabel() in ("year", "month", "months since joining")
        assert any(unit in axes.get_ylabel() for unit in ("%", "$", "(", "months", "kGPU"))
        assert axes.get_title(loc="left")


def test_all_pictures_are_written_and_the_same_each_time(tmp_path: Path) -> None:
    frames = RUNS["quarter"]
    first = show.draw_all(frames, tmp_path / "a")
    names = {path.name for path in first}
    assert {f"{name}.png" for name in show.PICTURES} <= names
    assert {"share-apps.png", "share-labs.png"} <= names and "share-foundry.png" not in names
    again = show.draw_all(frames, tmp_path / "b")
    for path, other in zip(first, again, strict=True):
        assert path.read_bytes() == other.read_bytes()
        assert path.read_bytes().startswith(b"\x89PNG")


def test_pictures_without_a_graph_or_tables() -> None:
    whole = RUNS["quarter"]
    bare = Frames(whole.market, whole.layers, whole.categories, whole.firms, whole.payments.iloc[:0],
                  whole.retention.iloc[:0], "bare $x$ and $y$", "2024-07")  # fmt: skip
    for picture in show.PICTURES.values():
        boxes(picture(bare))


def test_shares_of_value_are_of_what_is_positive() -> None:
    """The fake clouds' economic profit is negative for a year in two: no share then, dollars below the zero line."""
    frames = RUNS["long"]
    shares, dollars = draw("long", "accrual").axes[:2]
    tops = [np.asarray(line.get_ydata(), float) for line in shares.lines]
    assert len(tops) == len(LAYERS) and all(np.isnan(top[:11]).all() for top in tops)
    parts = np.diff(np.stack([np.zeros(len(frames.months)), *tops]), axis=0)[:, 11:]
    assert (parts >= -1e-9).all() and np.allclose(parts.sum(axis=0), 100.0)
    layers = frames.layers.pivot_table(index="month", columns="layer", values="generative_profit")
    sums = layers.rolling(12).sum()[list(reversed(LAYERS))].to_numpy()[11:]
    assert (sums.min(axis=0) < 0).any()
    assert parts == pytest.approx(100 * (sums.clip(0) / sums.clip(0).sum(axis=1, keepdims=True)).T)
    low, high = dollars.get_ylim()
    assert dollars.get_ylabel().startswith("$ bn") and low <= np.nanmin(sums) / 1e3 and np.nanmax(sums) / 1e3 <= high
    assert "below zero" in " ".join(text for text, _ in boxes(draw("long", "accrual")))


def test_events_are_told_and_marked() -> None:
    figure = draw("event", "prices")
    assert "scale foundry.tsmc.capacity 2" in " ".join(text for text, _ in boxes(figure))
    for axes in figure.axes:
        assert any(np.allclose(np.asarray(line.get_xdata(), float), 2024.0) for line in axes.lines)


def test_panels_are_wider_than_their_labels() -> None:
    for run in ("long", "seeds"):
        for picture in ("shares", "categories"):
            figure = draw(run, picture)
            for axes in figure.axes:
                assert axes.get_position().width * float(figure.get_size_inches()[0]) > 1.9


def test_importing_the_package_does_not_import_matplotlib() -> None:
    code = "import sys, moatlab; sys.exit('matplotlib' in sys.modules)"
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=paths).returncode == 0


def test_a_firm_has_one_colour_and_no_two_of_a_layer_share_it() -> None:
    pens = series.pens(RUNS["long"])
    for layer in ("apps", "labs", "chipmakers"):
        of_layer = [pen for (kind, _), pen in pens.items() if kind == layer]
        assert len(of_layer) == len(set(of_layer))
    assert pens["labs", "google"] == pens["clouds", "google"] == pens["chipmakers", "google"]


def test_shares_add_up_to_one() -> None:
    frames = RUNS["long"]
    apps = frames.firms[frames.firms["kind"] == "apps"]
    lines = series.share_lines(apps, "apps", frames, series.pens(frames), 6)
    parts = [np.nan_to_num(line.band.mid) for line in lines if line.name != "largest other"]
    assert np.allclose(sum(parts), 1.0)


@pytest.mark.parametrize("wanted", [[1.0, 1.0, 1.0], [0.0, 5.0, 5.01, 10.0], [9.9, 9.8, 0.1], [5.0], []])
def test_labels_are_spread(wanted: list[float]) -> None:
    placed = style.spread(wanted, 0.5, 0.0, 10.0)
    order = np.argsort(wanted, kind="stable")
    assert all(gap >= 0.5 - 1e-9 for gap in np.diff(np.array(placed)[order] if placed else []))
    assert all(-1e-9 <= place <= 10 + 1e-9 for place in placed)


def test_the_diagram_accounts_for_every_dollar() -> None:
    frames = RUNS["long"]
    from moatlab.show import flows

    drawn, omitted = flows._flows(flows._sums(frames, 2030))
    everything = [*drawn, *omitted]
    for layer in flows.COLUMNS:
        into = sum(item.amount for item in everything if item.target == layer)
        out = sum(item.amount for item in everything if item.source == layer)
        assert into == pytest.approx(out)
    chips = frames.payments[(frames.payments["kind"] == "chips") & frames.payments["month"].between(84, 95)]
    (link,) = [item for item in drawn if item.source == "clouds" and item.target == "chipmakers"]
    assert link.amount == pytest.approx(chips["amount"].sum())


def test_a_year_can_be_chosen() -> None:
    assert any("2025" in text for text, _ in boxes(flow(RUNS["long"], 2025)))
    with pytest.raises(ValueError, match="2023 to 2032"):
        flow(RUNS["long"], 1999)


def test_the_graph_copes_with_crowds_and_lone_firms() -> None:
    net = nx.DiGraph(month=0)
    for layer, count in (("apps", 400), ("labs", 60), ("clouds", 40), ("foundry", 1)):
        for number in range(count):
            net.add_node(f"{layer}.{number}", kind=layer, name=f"A rather long name {number}", revenue=float(number))
    net.add_node("outside", kind="outside", name="outside", revenue=float("nan"))
    net.add_edge("apps.1", "labs.1", dollars=float("nan"), volume=0.0)
    frames = RUNS["month"]
    crowd = Frames(frames.market, frames.layers, frames.categories, frames.firms, frames.payments,
                   frames.retention, "crowd", "2023-01", net)  # fmt: skip
    assert not overlapping(show.graph(crowd))


def test_missing_values_leave_gaps() -> None:
    frames = RUNS["long"]
    market = frames.market.assign(rent=np.nan, lead_time=np.inf).drop(columns="chip_price")
    assert not np.isfinite(series.band_of(Frames(market, *_rest(frames)), "lead_time").mid).any()
    boxes(show.prices(Frames(market, *_rest(frames))))


def _rest(
    frames: Frames,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, str, str, object]:
    return (frames.layers, frames.categories, frames.firms, frames.payments, frames.retention, frames.title,
            frames.start, frames.graph)  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0.0, "$0 m"), (5.25, "$5.2 m"), (999.9, "$1.0 bn"), (131_000.0, "$131 bn"), (-2.5e6, "−$2.5 tn")],
)
def test_money(amount: float, text: str) -> None:
    assert style.money(amount) == text
