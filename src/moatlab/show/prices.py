"""Prices and scarcity: rent of GPU-hours, chips, tokens, and what is not served."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moatlab.results.frames import Frames
from moatlab.show import series, style
from moatlab.show.drawn import picture
from moatlab.show.numbers import keep_line
from moatlab.show.series import Line
from moatlab.show.style import PALETTE, EndLabel, Pen
from moatlab.show.trajectories import draw_lines, nothing

#: Parts of the rent with their names and colours, from below.
RENT = (
    ("marginal_cost", "running cost", "#999999"),
    ("markup", "markup", "#56b4e9"),
    ("scarcity_rent", "scarcity", "#d55e00"),
)


@picture
def prices(frames: Frames) -> Figure:
    """What compute and tokens cost, and how scarce they are."""
    figure = style.sheet(
        frames,
        _title(frames),
        "Market averages, weighted by sales. Utilisation: hours sold, of capacity; generative: generative AI's share "
        f"of hours sold; unserved: inference that scarce capacity cut off{style.bands_note(frames)}",
        style.PAGE,
        8.2,
    )
    rent, chips, used, lead, tokens, queue = style.panels(figure, 6, 2, right=1.3)
    _rent(rent, frames)

    def line(column: str, name: str, place: int, factor: float = 1.0, dashes: str = "-") -> Line:
        return Line(name, Pen(PALETTE[place], dashes), series.band_of(frames, column, factor))

    draw_lines(
        chips, frames, [line("chip_price", "list price", 2)], "Chip price", "$ thousand per H100-equivalent", unit="k$"
    )
    draw_lines(
        tokens,
        frames,
        [
            line("labs.api_price", "API", 1),
            line("labs.serving_cost", "serving", 1, dashes="--"),
            line("hosts.price", "hosted", 3),
            line("unit_token_price", "cheapest", 6),
        ],
        "Price of tokens and cost of serving them",
        "$ per million tokens",
        unit="$",
    )
    draw_lines(lead, frames, [line("lead_time", "lead time", 7)], "Lead time of chips", "months", unit="months")
    draw_lines(
        used,
        frames,
        [
            line("utilisation", "utilisation", 0, 100),
            line("generative_share", "generative", 2, 100),
            line("unserved", "unserved", 1, 100),
        ],
        "Use of the fleets, and inference not served",
        "share of GPU-hours (%)",
        unit="%",
        limits=(0, 103),
    )
    draw_lines(
        queue,
        frames,
        [line("installed", "fleets", 0), line("backlog", "backlog", 1), line("deliveries", "deliveries", 2)],
        "Accelerators",
        "thousand GPUs (deliveries: per month)",
        unit="k",
    )
    return figure


def _title(frames: Frames) -> str:
    """What a GPU-hour costs at the start and at the end, and how much of it is scarcity."""
    rent, scarcity = (series.band_of(frames, column).mid for column in ("rent", "scarcity_rent"))
    if not (np.isfinite(rent[[0, -1]]).all() and np.isfinite(scarcity[-1])) or rent.size < 2:
        return "Prices and scarcity"
    first, last = (style.quantity(float(value), "$") for value in rent[[0, -1]])
    part = style.percent(float(scarcity[-1] / rent[-1])) if rent[-1] > 0 else "0 %"
    return f"A GPU-hour costs {first} at the start and {last} at the end, {part} of it for scarcity"


def _rent(axes: Axes, frames: Frames) -> None:
    """The spot rent by its parts (means, so that they add up), beside full unit cost and the rent under contract."""
    style.dress(axes, "Components of the rent", "$ per GPU-hour")
    style.calendar(axes, frames)
    below = np.zeros(len(frames.months))
    labels = []
    for column, name, colour in RENT:
        values = series.wide(frames.market, column, frames).mean(axis=1).fillna(0.0).to_numpy(dtype=np.float64)
        keep_line(axes, name, frames.dates, values, middle="mean")
        top = below + values
        dates, low, high = style.stretch(frames.dates, below, top)
        axes.fill_between(dates, low, high, color=colour, alpha=0.75, linewidth=0)
        if end := style.end_of(frames.dates, below + values / 2):
            labels.append(EndLabel(*end, name, style.quantity(float(values[-1]), "$"), colour))
        below = top
    peak = float(below.max(initial=0.0))
    if end := style.end_of(frames.dates, below):
        labels.append(EndLabel(*end, "rent", style.quantity(end[1], "$"), RENT[-1][2]))
    lines = (("full_unit_cost", "full unit cost", "-", 1.6), ("contract_rent", "contract rent", ":", 1.2))
    for column, name, dashes, width in lines:
        cost = series.band_of(frames, column)
        pen = Pen(style.INK, dashes)
        banded = dashes == "-"
        style.stroke(axes, frames.dates, cost.low, cost.mid, cost.high, pen, width=width, banded=banded)
        keep_line(axes, name, frames.dates, cost.mid, cost.low if banded else None, cost.high if banded else None)
        if end := style.end_of(frames.dates, cost.mid):
            labels.append(EndLabel(*end, name, style.quantity(end[1], "$"), style.INK))
            peak = max(peak, float(np.nanmax(cost.mid)))
    usual = float(np.quantile(below, 0.97))
    if peak > 4 * usual > 0:
        text = f"Components of the rent (peak of {style.quantity(peak, '$')} cut off)"
        axes.set_title(
            text, fontsize=style.NORMAL, fontweight="bold", loc="left", color=style.INK, pad=5, parse_math=False
        )
        peak = 1.5 * usual
    axes.set_ylim(0, peak * 1.06 if peak > 0 else 1)
    if not labels:
        nothing(axes)
    style.end_labels(axes, labels)
