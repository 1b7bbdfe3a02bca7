"""Beside every picture are the numbers that it shows, and no others."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moatlab import show
from moatlab.results.text.numbers import records, significant
from moatlab.show import arms as pictures
from moatlab.show import style
from moatlab.show.numbers import as_csv, month_names, numbers_of

from .fake import fake
from .test_arms import DATA

FRAMES = fake(60, 3)
FIGURES: dict[str, Figure] = {}


def figure_of(name: str) -> Figure:
    if name not in FIGURES:
        FIGURES[name] = show.PICTURES[name](FRAMES) if name in show.PICTURES else pictures.plan(DATA["two"])[name]()
    return FIGURES[name]


def lines_of(axes: Axes) -> list[Any]:
    return [np.asarray(line.get_ydata(), float) for line in axes.lines if len(np.asarray(line.get_ydata())) > 2]


@pytest.mark.parametrize("name", ["shares", "categories", "concentration", "prices", "arms", "shares-labs"])
def test_every_line_and_band_is_there_as_drawn(name: str) -> None:
    figure = figure_of(name)
    table = numbers_of(figure)
    assert {"panel", "date", "name", "median", "unit"} <= set(table)
    for axes in figure.axes:
        mine = table[table["panel"] == axes.get_title(loc="left")]
        kept = [part["median"].dropna().to_numpy() for _, part in mine.groupby("name", sort=False)]
        for line in lines_of(axes):
            known = line[np.isfinite(line)]
            if len(known) and known.size == line.size:
                assert any(values.shape == known.shape and np.allclose(values, known) for values in kept)
        # A band's corners are the rows' low and high.
        for band in axes.collections:
            if (data := getattr(band, "get_datalim", None)) is not None and "low" in mine:
                low, high = float(data(axes.transData).y0), float(data(axes.transData).y1)
                ends = mine[["low", "high"]].to_numpy(dtype=float)
                assert np.isclose(ends, low).any() or np.isclose(ends, high).any() or "mean" in mine


@pytest.mark.parametrize("name", list(show.PICTURES))
def test_every_picture_has_numbers(name: str, tmp_path: Path) -> None:
    style.write(figure_of(name), tmp_path / f"{name}.png")
    table = pd.read_csv(tmp_path / f"{name}.csv")
    assert len(table) and not table.isna().all().any()
    numbers = table.select_dtypes("number")
    assert len(numbers.columns)


def test_stacked_shares_add_up_and_are_means() -> None:
    table = numbers_of(figure_of("accrual"))
    stacked = table[table["panel"] == "Economic profit: shares"]
    assert stacked["mean"].notna().all() and stacked.groupby("date")["mean"].sum().to_numpy() == pytest.approx(100.0)


def test_the_diagram_and_the_graph_are_trades_in_dollars() -> None:
    ribbons, trade = numbers_of(figure_of("flow")), numbers_of(figure_of("graph"))
    assert (ribbons["unit"] == "M$").all() and {"payer", "payee", "amount"} <= set(ribbons)
    assert set(trade["panel"]) == {"firms", "trade"} and trade["dollars"].max() > 0


def test_effects_keep_interval_and_arm() -> None:
    table = numbers_of(figure_of("effects"))
    assert set(table["panel"]) == {"rent", "hhi"} and (table["low"] < table["high"]).all()


def test_the_same_bytes_in_every_format(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        first = style.write(show.prices(FRAMES), tmp_path / folder / "prices.png", ("svg", "pdf", "png"))
        assert first.name == "prices.svg"
    for kind, begins in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF"), ("csv", b"panel,date")):
        one, other = ((tmp_path / folder / f"prices.{kind}").read_bytes() for folder in ("a", "b"))
        assert one == other and one.startswith(begins)


def test_months_by_the_calendar() -> None:
    assert month_names(np.array([2023.0, 2023 + 11 / 12, 2024 + 1 / 12])) == ["2023-01", "2023-12", "2024-02"]


def test_digits_that_mean_something() -> None:
    table = pd.DataFrame({"n": [1, 1_234_567], "x": [1 / 3, 1_234_567.891], "y": [np.nan, -1e-9 / 3], "s": ["a", "b"]})
    told = as_csv(table)
    assert told.splitlines()[1:] == ["1,0.333333,,a", "1234567,1234570.0,-3.33333e-10,b"]
    assert pd.read_csv(StringIO(told))["x"].tolist() == significant(table)["x"].tolist()
    assert records(table.assign(z=[np.inf, 1.0]))[0] == {"n": 1, "x": 0.333333, "y": None, "s": "a", "z": None}
