"""Retention of the customers of apps by the month in which they joined, and churn."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from moatlab.results.frames import Frames
from moatlab.scenario.months import month_name
from moatlab.show import series, style
from moatlab.show.drawn import picture
from moatlab.show.numbers import keep
from moatlab.show.series import Line
from moatlab.show.trajectories import draw_lines, nothing

COHORTS = 6
POOLED = "All categories"


@picture
def retention(frames: Frames) -> Figure:
    """Retention curves of selected cohorts in every category, and churn by category over time."""
    names = series.category_names(frames)
    columns = 4
    rows = -(-(len(names) + 1) // columns)
    height = 1.55 + 1.85 * rows + 2.6
    figure = style.sheet(
        frames,
        _title(frames),
        "Upper panels: share of the customers who joined in a month who still use the same app"
        + (f", median of {len(frames.seeds)} seeds" if len(frames.seeds) > 1 else ""),
        style.PAGE,
        height,
    )
    data = frames.retention.replace([np.inf, -np.inf], np.nan).dropna()
    cohorts = _cohorts(data)
    colours = {month: _colour(place, len(cohorts)) for place, month in enumerate(cohorts)}
    ages = int(data["age"].max()) if len(data) else 1
    curves = {name: data[data["category"] == name] for name in names}
    curves[POOLED] = _pooled(data, frames)
    grid = style.panels(figure, len(curves), columns, right=0.15, top=1.2, bottom=3.4, left=0.5)
    for axes, (name, table) in zip(grid, curves.items(), strict=True):
        _curves(axes, frames, table, name, colours, max(ages, 1))
    _key(figure, frames, colours)
    churn = [
        Line(name, pen, series.band(100 * values))
        for name, (pen, values) in series.by_category(frames, "churn").items()
    ]
    axes = style.box(figure, 0.5, 0.6, style.PAGE - 0.5 - 1.35, 2.1)
    draw_lines(
        axes,
        frames,
        churn,
        "Churn by category" + (" (medians)" if len(frames.seeds) > 1 else ""),
        "churn (% of customers per month)",
        unit="%",
        banded=False,
    )
    return figure


def _title(frames: Frames) -> str:
    """The categories with the lowest and the highest churn in the last month."""
    ends = {name: series.band(values).end for name, (_, values) in series.by_category(frames, "churn").items()}
    known = {name: end for name, end in ends.items() if np.isfinite(end)}
    if len(known) < 2:
        return "Retention and churn"
    low, high = (of(known, key=lambda name: known[name]) for of in (min, max))
    return f"Monthly churn at the end: {style.percent(known[low])} in {low}, {style.percent(known[high])} in {high}"


def _cohorts(data: pd.DataFrame) -> list[int]:
    """About six months of joining, evenly spread over those whose customers were followed for long enough."""
    if data.empty:
        return []
    followed = data.groupby("joined")["age"].max()
    enough = min(12.0, float(followed.max()) / 4)
    months = np.array(sorted(int(month) for month in followed.index[followed >= enough]))
    places = np.unique(np.linspace(0, months.size - 1, min(COHORTS, months.size)).round().astype(int))
    return [int(month) for month in months[places]]


def _colour(place: int, count: int) -> str:
    red, green, blue, _ = colormaps["viridis"](0.9 * place / max(count - 1, 1))
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def _pooled(data: pd.DataFrame, frames: Frames) -> pd.DataFrame:
    """Retention over all categories, weighted by the customers who joined."""
    if data.empty or "joined" not in frames.categories.columns:
        return data
    sizes = frames.categories[["seed", "category", "month", "joined"]].rename(
        columns={"joined": "size", "month": "joined"}
    )
    merged = data.merge(sizes, on=["seed", "category", "joined"], how="left")
    merged["size"] = merged["size"].fillna(0.0)
    merged["kept"] = merged["retention"] * merged["size"]
    sums = merged.groupby(["seed", "joined", "age"], as_index=False)[["kept", "size"]].sum()
    sums["retention"] = sums["kept"] / sums["size"].where(sums["size"] > 0)
    return sums.dropna()


def _curves(axes: Axes, frames: Frames, table: pd.DataFrame, title: str, colours: dict[int, str], ages: int) -> None:
    style.dress(axes, title, "customers retained (%)", xlabel="months since joining")
    axes.set_xlim(0, ages)
    axes.set_ylim(0, 103)
    axes.set_xticks([tick for tick in range(0, ages + 1, _step(ages))])
    drawn = False
    for month, colour in colours.items():
        curve = 100 * table[table["joined"] == month].groupby("age")["retention"].median()
        if len(curve):
            drawn = True
            cohort = {"joined": month_name(month, frames.start), "age": curve.index, "median": curve.to_numpy()}
            keep(axes, pd.DataFrame(cohort))
            marker = "o" if len(curve) < 3 else ""
            axes.plot(
                curve.index.to_numpy(),
                curve.to_numpy(),
                color=colour,
                linewidth=1.4,
                marker=marker,
                ms=3,
                clip_on=False,
            )
    if not drawn:
        nothing(axes)


def _step(ages: int) -> int:
    return next((step for step in (1, 2, 3, 6, 12, 24, 36, 60) if ages / step <= 6), 120)


def _key(figure: Figure, frames: Frames, colours: dict[int, str]) -> None:
    """Which colour is which month of joining, in a row under the title."""
    width, height = (float(inches) for inches in figure.get_size_inches())
    x, y = 0.15, height - 0.78
    figure.text(x / width, y / height, "joined in", fontsize=style.NORMAL, color=style.INK, va="center")
    x += 0.65
    for month, colour in colours.items():
        count = round(frames.origin * 12) + month
        text = f"{style.MONTH_NAMES[count % 12]} {count // 12}"
        y_line = [y / height, y / height]
        figure.add_artist(Line2D([x / width, (x + 0.3) / width], y_line, color=colour, linewidth=2.5))
        figure.text((x + 0.38) / width, y / height, text, fontsize=style.NORMAL, color=style.INK, va="center")
        x += 1.05
