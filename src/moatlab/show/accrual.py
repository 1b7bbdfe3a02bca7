"""Who captures the value: economic profit by layer and by owner of firms, and gross profit beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moatlab.results.frames import Frames
from moatlab.results.payments import INFRASTRUCTURE, LAYERS
from moatlab.results.text.captured import GLOSS
from moatlab.show import series, style
from moatlab.show.drawn import picture
from moatlab.show.numbers import keep_line
from moatlab.show.series import Line
from moatlab.show.style import EndLabel, Pen
from moatlab.show.trajectories import draw_lines, nothing

#: Months that are summed: what a layer buys in a single month is lumpy, and its share then means little.
YEAR = 12
#: Owners that are drawn on their own: those with the largest profits or losses, median over seeds.
MOST_OWNERS = 7
Money = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Parts:
    """What is compared in a row of panels: amounts by name (months by seeds, M$), their positive parts, colours."""

    amounts: Money
    positive: Money
    colours: dict[str, str]


@picture
def accrual(frames: Frames) -> Figure:
    """Economic profit on generative AI by layer and by owner, and gross profit by layer: shares left, dollars right.

    Sums of twelve months; in a run of less than two years, single months.  Of a sum of amounts of either sign there are
    no shares, so the shares are of what is positive, and the dollars stand beside them, negative ones below zero.
    """
    yearly = len(frames.months) >= 2 * YEAR
    mean = f"; shares: mean of {len(frames.seeds)} seeds" if len(frames.seeds) > 1 else ""
    economic, gross = _layers(frames, economic_profit(frames), yearly), _layers(frames, gross_profit(frames), yearly)
    figure = style.sheet(
        frames,
        _title(frames, economic_profit(frames)),
        f"Economic profit: {GLOSS}. {'Sums of the last twelve months' if yearly else 'Month by month'}; shares of the "
        "positive amounts; who is below zero has none. On generative AI: clouds, chipmakers and the foundry count in "
        f"proportion to its share of GPU-hours{mean}{style.bands_note(frames)}. {_otherwise(frames)}",
        style.PAGE,
        8.9,
        most=4,
    )
    owners = _owners(frames, yearly)
    names = [*style.LAYER_COLOURS, *owners.amounts]
    right = style.room(names, "−$99.9 bn")
    panels = style.panels(figure, 6, 2, right=right)
    span = "in 12 months" if yearly else "a month"
    for row, (title, parts, what) in enumerate((
        ("Economic profit", economic, "economic profit"), ("By owner", owners, "economic profit"),
        ("Gross profit", gross, "gross profit"),
    )):  # fmt: skip
        _shares(panels[2 * row], frames, parts, f"{title}: shares", f"share of positive {what} (%)", right)
        # Thousands of M$ are said as $ bn.
        largest = style.largest(*(v.to_numpy(dtype=np.float64) for v in parts.amounts.values()))
        unit, scale = ("$ bn", 1e-3) if largest >= 1e3 else ("$ million", 1.0)
        lines = [Line(name, Pen(parts.colours[name]), series.band(scale * v)) for name, v in parts.amounts.items()]
        draw_lines(panels[2 * row + 1], frames, lines, f"{title}: $", f"{unit} {span}", unit=unit, room=right - 0.02)
    return figure


@picture
def profits(frames: Frames) -> Figure:
    """Economic profit on generative AI, a panel a layer, each with its band over seeds, and gross profit beside it."""
    yearly = len(frames.months) >= 2 * YEAR
    span = "in 12 months" if yearly else "a month"
    profit, gross = economic_profit(frames), gross_profit(frames)
    figure = style.sheet(
        frames, _title(frames, profit),
        f"Economic profit on generative AI ({GLOSS}), {'sums of twelve months' if yearly else 'month by month'}; "
        f"dotted: gross profit after depreciation{style.bands_note(frames)}",
        style.ACROSS, 5.6,
    )  # fmt: skip
    layers = profit or gross
    for axes, layer in zip(style.panels(figure, len(layers), 3, right=1.08, left=0.65), layers, strict=True):
        sums = {name: _summed(of[layer], yearly) for name, of in (("", profit), ("gross", gross)) if layer in of}
        most = style.largest(*(values.to_numpy(dtype=np.float64) for values in sums.values()))
        unit, scale = ("$ bn", 1e-3) if most >= 1e3 else ("$ million", 1.0)
        pens = {"": Pen(style.LAYER_COLOURS[layer]), "gross": Pen(style.GREY, ":")}
        lines = [Line(name, pens[name], series.band(scale * values)) for name, values in sums.items()]
        draw_lines(axes, frames, lines, layer.capitalize(), f"{unit} {span}", unit=unit, room=1.06)
    return figure


def economic_profit(frames: Frames) -> Money:
    """Economic profit of each layer on generative AI, months by seeds, M$."""
    return series.by_layer(frames, "generative_profit")


def gross_profit(frames: Frames) -> Money:
    """Gross profit after depreciation of each layer on generative AI, months by seeds, M$."""
    return attributed(frames, "gross_profit_after_depreciation")


def attributed(frames: Frames, column: str) -> Money:
    """A layer's dollars, those of infrastructure in proportion to generative AI's share of GPU-hours."""
    share = series.wide(frames.market, "generative_share", frames).fillna(0.0)
    found = series.by_layer(frames, column)
    return {layer: v * share if layer in INFRASTRUCTURE else v for layer, v in found.items()}


def _summed(values: pd.DataFrame, yearly: bool) -> pd.DataFrame:
    return values.rolling(YEAR).sum() if yearly else values


def _layers(frames: Frames, amounts: Money, yearly: bool) -> Parts:
    sums = {layer: _summed(values, yearly) for layer, values in amounts.items()}
    return Parts(sums, {layer: values.clip(lower=0.0) for layer, values in sums.items()}, style.LAYER_COLOURS)


def _owners(frames: Frames, yearly: bool) -> Parts:
    """Economic profit of the owners with the largest profits or losses, and of all others together."""
    table = frames.owners
    if table is None or table.empty:
        return Parts({}, {}, {})
    names = dict(zip(table["owner"], table["name"], strict=True))
    every = {
        str(names[owner]): _summed(series.wide(rows, "generative_profit", frames), yearly)
        for owner, rows in table.groupby("owner", sort=False)
    }
    size = {name: float(values.abs().max().median()) for name, values in every.items()}
    ranked = sorted(every, key=lambda name: -np.nan_to_num(size[name]))
    chosen = ranked if len(ranked) <= MOST_OWNERS + 1 else ranked[:MOST_OWNERS]
    amounts = {name: every[name] for name in chosen}
    positive = {name: values.clip(lower=0.0) for name, values in amounts.items()}
    colours = {name: style.PALETTE[place % len(style.PALETTE)] for place, name in enumerate(chosen)}
    rest = [every[name] for name in every if name not in chosen]
    if rest:
        label = f"{len(rest)} others"
        amounts[label] = sum(rest[1:], rest[0])
        # Of the others together, too, a loss of one does not lessen the share of another.
        positive[label] = sum((values.clip(lower=0.0) for values in rest[1:]), rest[0].clip(lower=0.0))
        colours[label] = style.GREY
    return Parts(amounts, positive, colours)


def _first(profit: Money, months: slice) -> tuple[str, float] | None:
    """The layer with the largest sum of these months, and its part of the positive sums; None where there is none."""
    sums = {layer: float(values.fillna(0.0).iloc[months].sum().mean()) for layer, values in profit.items()}
    total = sum(max(amount, 0.0) for amount in sums.values())
    if total <= 0:
        return None
    first = max(sums, key=lambda layer: sums[layer])
    return first, sums[first] / total


def _title(frames: Frames, profit: Money) -> str:
    """Which layer earns most of the economic profit at the end, and which at the start."""
    found = [_first(profit, months) for months in (slice(0, YEAR), slice(-YEAR, None))]
    if found[0] is None or found[1] is None:
        last = found[0] or found[1]
        return "Economic profit: none at the " + ("end" if found[0] else "start") if last else "Value accrual by layer"
    (first, before), (last_, after) = found[0], found[1]
    if len(frames.months) <= YEAR:
        return f"Most of the economic profit: {first} ({style.percent(before)})"
    if first == last_:
        return f"Most economic profit stays with {first}: {style.percent(before)}, then {style.percent(after)}"
    return f"Economic profit moves from {first} ({style.percent(before)}) to {last_} ({style.percent(after)})"


def _otherwise(frames: Frames) -> str:
    """Which measures would put another layer first in the last twelve months."""
    own = _first(economic_profit(frames), slice(-YEAR, None))
    told = []
    for name, column in (("operating profit", "operating_profit"), ("gross profit", "gross_profit_after_depreciation"),
                         ("value added", "value_added")):  # fmt: skip
        found = _first(attributed(frames, column), slice(-YEAR, None))
        if own is not None and found is not None and found[0] != own[0]:
            told.append(f"{found[0]} by {name}")
    if own is None:
        return ""
    agree = "No other measure puts another layer first at the end."
    return f"First at the end: {own[0]}, but {', '.join(told)}." if told else agree


def _shares(axes: Axes, frames: Frames, parts: Parts, title: str, ylabel: str, room: float) -> None:
    """Stacked shares of the positive amounts, the mean over seeds."""
    style.dress(axes, title, ylabel)
    style.calendar(axes, frames)
    axes.set_ylim(0, 100)
    none = pd.DataFrame(0.0, frames.months, frames.seeds)
    total = sum((values.fillna(0.0) for values in parts.positive.values()), none)
    below = np.zeros(len(frames.months))
    labels = []
    for name, values in reversed(parts.positive.items()):
        share = (100 * values / total.where(total > 0)).mean(axis=1).to_numpy(dtype=np.float64)
        keep_line(axes, name, frames.dates, share, middle="mean")
        top = below + share
        dates, low, high = style.stretch(frames.dates, below, top)
        colour = parts.colours[name]
        axes.fill_between(dates, low, high, color=colour, alpha=0.8, linewidth=0)
        axes.plot(dates, high, color="white", linewidth=0.6)
        if end := style.end_of(frames.dates, below + share / 2):
            last = float(share[np.isfinite(share)][-1]) / 100
            # Who earns nothing at the end has no place in the stack to point at.
            if last > 0.0:
                labels.append(EndLabel(*end, name, style.percent(last), colour))
        below = top
    if not np.isfinite(below).any() or not parts.positive:
        nothing(axes)
    style.end_labels(axes, labels, room - 0.02)


assert set(style.LAYER_COLOURS) == set(LAYERS)
