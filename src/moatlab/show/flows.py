"""Dollars through the stack in one year, as a flow diagram with ribbons as wide as the sums they carry.

Every layer is a node in a column of its own.  Money arrives from the left, from its sources or from the layers above,
and leaves to the right to the layers below or downwards to those outside the stack: suppliers, owners and the firms'
own cash.  Ribbons that pass over a layer run in lanes above its node.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import matplotlib.patheffects as effects
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from moatlab.results.frames import Frames
from moatlab.results.payments import KINDS_OF_PAYMENT
from moatlab.show import style
from moatlab.show.drawn import picture
from moatlab.show.numbers import keep

#: Columns of the layers; the sources of money are column 0.
COLUMNS = {"apps": 1, "hosts": 2, "labs": 3, "clouds": 4, "chipmakers": 5, "foundry": 6}
SINKS = {"suppliers": "suppliers", "government": "government", "investors": "owners", "parents": "owners"}
SINK_ORDER = ("advances", "suppliers", "government", "owners", "kept")
COLOURS = {
    **style.LAYER_COLOURS,
    "users": "#332288",
    "outside": "#888855",
    "investors": "#ddcc77",
    "parents": "#c0a060",
    "cash drawn": "#bbbbbb",
    "suppliers": "#bbbbbb",
    "government": "#999999",
    "owners": "#c9a94e",
}
SALES = {kind.name for kind in KINDS_OF_PAYMENT if kind.sale}
#: Flows below this part of the largest node are left out and reported.
TINY = 0.002

# Inches.
WIDTH, HEIGHT, NODE, GAP, LINE = style.ACROSS, 6.4, 0.1, 0.06, 0.12
LEFT, RIGHT, TOP, BOTTOM, HEADER = 1.2, 1.15, 0.95, 0.62, 0.38

Amounts = dict[tuple[str, str], float]


@dataclass
class Flow:
    """A sum that goes from a node to another; ``heights`` are the ribbon's upper edges, column by column."""

    source: str
    target: str
    amount: float
    sale: bool
    start: float = 0.0
    end: float = 0.0
    lanes: dict[int, float] = field(default_factory=dict)


@picture
def flow(frames: Frames, year: int | None = None) -> Figure:
    """The payments of ``year``, or of the last full year (the last year, where none is full)."""
    year, months = _year(frames, year)
    sums = _sums(frames, year)
    flows, omitted = _flows(sums)
    into = {name: sum(i.amount for i in flows if i.source == name and i.sale) for name in ("users", "outside")}
    told = ", ".join(f"{style.money(amount)} from {name}" for name, amount in into.items() if amount > 0)
    title = f"Dollars through the stack, {year}" + (f": {told}" if told else "")
    figure = style.sheet(frames, title, _subtitle(frames, months, flows), WIDTH, HEIGHT, most=3)
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    keep(figure, _as_table(flows, year))
    axes = style.box(figure, 0, 0, WIDTH, HEIGHT)
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(0, HEIGHT)
    axes.axis("off")
    if flows:
        _Drawing(axes, flows, width, height).draw()
    else:
        axes.text(WIDTH / 2, HEIGHT / 2, "no payments", ha="center", fontsize=style.NORMAL, color=style.GREY)
    figure.text(
        0.15 / WIDTH,
        0.26 / HEIGHT,
        _note(flows, omitted),
        size=style.SMALL,
        color=style.GREY,
        va="bottom",
        parse_math=False,
    )
    return figure


def _as_table(flows: Sequence[Flow], year: int) -> pd.DataFrame:
    """The ribbons: from, to, what they are, and M$ of the year; the largest first."""
    rows = [
        (
            year,
            item.source,
            item.target.split(">")[-1],
            "sales" if item.sale else "capital, costs, payouts",
            item.amount,
        )
        for item in sorted(flows, key=lambda item: -item.amount)
    ]
    return pd.DataFrame(rows, columns=["year", "payer", "payee", "what", "amount"]).assign(unit="M$")


def _year(frames: Frames, year: int | None) -> tuple[int, int]:
    counts: dict[int, int] = defaultdict(int)
    for month in frames.months:
        counts[frames.year_of(month)] += 1
    if year is None:
        year = max((y for y, count in counts.items() if count == 12), default=max(counts))
    if year not in counts:
        raise ValueError(f"the run has no month in {year}; it covers {min(counts)} to {max(counts)}")
    return year, counts[year]


def _subtitle(frames: Frames, months: int, flows: Sequence[Flow]) -> str:
    mean = f"; mean of {len(frames.seeds)} seeds" if len(frames.seeds) > 1 else ""
    part = "" if months == 12 else f" ({months} month{'s' if months > 1 else ''} of it)"
    won = any(item.source == "users" and not item.sale for item in flows)
    return (
        f"Payments of the year{part}; width is proportional to the amount{mean}. "
        "Strong colours: sales, coloured by the payer; pale: capital, suppliers, payouts"
        f"{', and what labs win of other businesses of large companies' * won}. "
        "Outside: computing other than generative AI. Suppliers: who is paid for staff, power, buildings, components, "
        "advertising"
    )


def _note(flows: Sequence[Flow], omitted: Sequence[Flow]) -> str:
    left_out = sum(item.amount for item in omitted)
    count = f"{len(omitted)} flow{'s' if len(omitted) > 1 else ''}"
    text = f"Left out: {count} below {100 * TINY:.1f} % of the largest node, {style.money(left_out)} in total. "
    text = text if omitted else ""
    sinks = [(sink, sum(item.amount for item in flows if item.target.endswith(f">{sink}"))) for sink in SINK_ORDER]
    told = [f"{sink} {style.money(amount)}" for sink, amount in sinks if amount > 0]
    return text + (f"Totals drawn: {', '.join(told)}." if told else "")


def _sums(frames: Frames, year: int) -> dict[tuple[str, str, str], float]:
    """Dollars of the year by kind, payer and payee; mean over the seeds."""
    table = frames.payments
    if table.empty:
        return {}
    months = [month for month in frames.months if frames.year_of(month) == year]
    table = table[table["month"].isin(months)]
    sums = table.groupby(["kind", "payer", "payee"])["amount"].sum() / len(frames.seeds)
    keys = zip(*(sums.index.get_level_values(level).astype(str) for level in range(3)), strict=True)
    return {key: amount for key, amount in zip(keys, sums.to_numpy(dtype=float).tolist(), strict=True) if amount > 0}


def _flows(sums: dict[tuple[str, str, str], float]) -> tuple[list[Flow], list[Flow]]:
    """The flows to draw, and those left out because they are tiny."""
    sales: Amounts = defaultdict(float)
    capital: Amounts = defaultdict(float)
    for (kind, payer, payee), amount in sums.items():
        (sales if kind in SALES else capital)[payer, payee] += amount
    for payer, payee in list(capital):  # capital is shown net of what comes back
        back = min(capital.get((payer, payee), 0.0), capital.get((payee, payer), 0.0))
        if back > 0 and COLUMNS.get(payer) and (payee == "suppliers" or COLUMNS.get(payee)):
            capital[payer, payee] -= back
            capital[payee, payer] -= back
    links: dict[tuple[str, str, bool], float] = defaultdict(float)
    inflow: dict[str, float] = defaultdict(float)
    for amounts, sale in ((sales, True), (capital, False)):
        for (payer, payee), amount in amounts.items():
            if amount <= 0:
                continue
            forward = COLUMNS.get(payer, 0) < COLUMNS.get(payee, 99)
            if payee in COLUMNS and forward:
                links[payer, payee, sale] += amount
            elif payee in COLUMNS:  # upwards: leaves the one as "advances" and reaches the other as a source
                links[payer, f"{payer}>advances", sale] += amount
                links[f"{payer}' advances", payee, sale] += amount
            elif payer in COLUMNS:
                links[payer, f"{payer}>{SINKS.get(payee, payee)}", sale] += amount
            for party, sign in ((payee, amount), (payer, -amount)):
                if party in COLUMNS:
                    inflow[party] += sign
    for layer, left in inflow.items():
        if left > 0:
            links[layer, f"{layer}>kept", False] += left
        elif left < 0:
            links["cash drawn", layer, False] -= left
    flows = [Flow(source, target, amount, sale) for (source, target, sale), amount in links.items()]
    through: dict[str, float] = defaultdict(float)
    for item in flows:
        through[item.target] += item.amount
        through[item.source] += item.amount
    least = TINY * max((through[node] / 2 for node in COLUMNS), default=0.0)
    return [item for item in flows if item.amount >= least], [item for item in flows if item.amount < least]


class _Drawing:
    """Places the nodes and ribbons in inches, then draws them."""

    def __init__(self, axes: Axes, flows: list[Flow], width: float, height: float) -> None:
        self.axes, self.flows, self.height = axes, flows, height
        present = {item.source for item in flows} | {item.target for item in flows}
        self.layers = [layer for layer in COLUMNS if layer in present]
        self.column = {layer: place + 1 for place, layer in enumerate(self.layers)}
        self.step = width / max(len(self.layers), 1)
        far: dict[str, float] = defaultdict(float)
        for item in flows:
            if item.source not in self.column:
                far[item.source] += item.amount * self.column[item.target]
        total = {name: sum(item.amount for item in flows if item.source == name) for name in far}
        self.sources = sorted(far, key=lambda name: (far[name] / total[name], name))  # from below
        self.rank = {name: place for place, name in enumerate(self.sources)}
        self.rank |= {layer: -place for place, layer in enumerate(self.layers, 1)}
        self.size = {layer: max(self._sum(source=layer), self._sum(target=layer)) for layer in self.layers}
        self.scale = self._scale()
        needed = max(self._below(layer, self.scale) for layer in self.layers)
        spare = max(0.0, height - needed - self._above(self.scale))
        self.base = BOTTOM + needed + spare / 3

    def draw(self) -> None:
        """Everything, from the back to the front."""
        self._place_lanes()
        source_bottoms = self._place_sources()
        self._place_ends()
        for item in sorted(self.flows, key=lambda item: -item.amount):
            if item.target in self.column:
                self._ribbon(item)
        for layer in self.layers:
            self._sinks(layer)
        for layer in self.layers:
            self._node(layer)
        self._source_nodes(source_bottoms)

    def _sum(self, source: str | None = None, target: str | None = None) -> float:
        return sum(i.amount for i in self.flows if source in (None, i.source) and target in (None, i.target))

    def _x(self, column: int) -> float:
        return LEFT + column * self.step

    def _span(self, item: Flow) -> range:
        """Columns that the flow passes over."""
        return range(self.column.get(item.source, 0) + 1, self.column.get(item.target, 0))

    def _lanes(self, column: int) -> list[Flow]:
        """Flows over a column, from below: those that end soonest first."""
        passing = [item for item in self.flows if column in self._span(item)]
        return sorted(passing, key=lambda i: (self.column[i.target], self.rank[i.source], not i.sale))

    def _sinks_of(self, layer: str) -> list[Flow]:
        ends = [item for item in self.flows if item.source == layer and item.target not in self.column]
        return sorted(
            ends, key=lambda i: SINK_ORDER.index(i.target.split(">")[1]) if i.target.split(">")[1] in SINK_ORDER else 9
        )

    def _above(self, scale: float) -> float:
        """Height of the tallest column above the base line."""
        tall = [self._sources_height(scale)]
        for layer in self.layers:
            lanes = self._lanes(self.column[layer])
            tall.append(scale * self.size[layer] + sum(scale * lane.amount + GAP for lane in lanes) + GAP)
        return max(tall)

    def _sources_height(self, scale: float) -> float:
        return sum(max(scale * self._sum(source=name), 2 * LINE) + GAP for name in self.sources)

    def _below(self, layer: str, scale: float) -> float:
        """Height of the layer's sinks below the base line."""
        return HEADER + sum(max(scale * item.amount, 2 * LINE) + GAP for item in self._sinks_of(layer))

    def _scale(self) -> float:
        """Inches per M$: the largest with which everything fits."""
        low, high = 0.0, self.height / max(self.size.values())
        for _ in range(60):
            middle = (low + high) / 2
            fits = self._above(middle) + max(self._below(layer, middle) for layer in self.layers) <= self.height
            low, high = (middle, high) if fits else (low, middle)
        return low

    def _place_lanes(self) -> None:
        for layer in self.layers:
            column = self.column[layer]
            level = self.base + self.scale * self.size[layer] + 2 * GAP
            for lane in self._lanes(column):
                level += self.scale * lane.amount
                lane.lanes[column] = level
                level += GAP

    def _place_sources(self) -> dict[str, float]:
        """Stacks the sources from the base line and returns their bottoms."""
        bottoms, level = {}, self.base
        for name in self.sources:
            bottoms[name] = level
            tall = self.scale * self._sum(source=name)
            leaving = sorted((item for item in self.flows if item.source == name), key=lambda i: -self.column[i.target])
            top = level + tall
            for item in leaving:
                item.start = top
                top -= self.scale * item.amount
            level += max(tall, 2 * LINE) + GAP
        return bottoms

    def _place_ends(self) -> None:
        """Order in which ribbons arrive at and leave a layer's node, from above."""
        for layer in self.layers:
            column = self.column[layer]
            arriving = [item for item in self.flows if item.target == layer]
            level = self.base + self.scale * self.size[layer]
            for item in sorted(
                arriving,
                key=lambda i: (
                    -i.lanes.get(column - 1, i.start if i.source in self.rank and i.source not in self.column else -1.0)
                ),
            ):
                item.end = level
                level -= self.scale * item.amount
            leaving = [item for item in self.flows if item.source == layer and item.target in self.column]
            level = self.base + self.scale * self._sum(source=layer)
            for item in sorted(leaving, key=lambda i: (-self.column[i.target], i.sale)):
                item.start = level
                level -= self.scale * item.amount
            for item in self._sinks_of(layer):
                item.start = level
                level -= self.scale * item.amount

    def _ribbon(self, item: Flow) -> None:
        tall = self.scale * item.amount
        first, last = self.column.get(item.source, 0), self.column[item.target]
        stops = [(self._x(first) + NODE, item.start)]
        for column in self._span(item):
            stops += [(self._x(column), item.lanes[column]), (self._x(column) + NODE, item.lanes[column])]
        stops.append((self._x(last), item.end))
        self._band(stops, tall, COLOURS.get(item.source, style.GREY), 0.6 if item.sale else 0.32)
        if tall >= LINE:
            x, y = stops[-1]
            self._text(x - 0.06, y - tall / 2, style.money(item.amount), ha="right", va="center", color=style.INK)

    def _sinks(self, layer: str) -> None:
        left = self._x(self.column[layer]) + NODE
        right = left + 0.34 * self.step
        level = self.base - HEADER
        for item in self._sinks_of(layer):
            tall = self.scale * item.amount
            sink = item.target.split(">")[1]
            row = max(tall, 2 * LINE)
            top = level - (row - tall) / 2
            colour = COLOURS.get(layer if sink == "kept" else sink, style.GREY)
            self._band([(left, item.start), (right, top)], tall, colour, 0.75 if sink == "kept" else 0.45)
            self.axes.add_patch(Rectangle((right, top - tall), 0.05, tall, color=style.dark(colour), linewidth=0))
            self._text(
                right + 0.09,
                top - tall / 2,
                f"{sink}\n{style.money(item.amount)}",
                va="center",
            )
            level -= row + GAP

    def _node(self, layer: str) -> None:
        x, tall = self._x(self.column[layer]), self.scale * self.size[layer]
        self.axes.add_patch(
            Rectangle((x, self.base), NODE, tall, color=style.dark(COLOURS[layer]), linewidth=0, zorder=4)
        )
        text = f"{layer}\n{style.money(self.size[layer])}"
        self._text(x + NODE, self.base - 0.05, text, ha="right", va="top", fontweight="bold", size=style.NORMAL)

    def _source_nodes(self, bottoms: dict[str, float]) -> None:
        for name, bottom in bottoms.items():
            amount = self._sum(source=name)
            tall = self.scale * amount
            colour = style.dark(COLOURS.get(name, style.GREY))
            self.axes.add_patch(Rectangle((self._x(0), bottom), NODE, tall, color=colour, linewidth=0, zorder=4))
            text = f"{name}\n{style.money(amount)}"
            middle = bottom + max(tall, 0.0) / 2
            self._text(
                self._x(0) - 0.08,
                max(middle, bottom + LINE),
                text,
                ha="right",
                va="center",
                fontweight="bold",
                size=style.NORMAL,
            )

    def _band(self, stops: list[tuple[float, float]], tall: float, colour: str, alpha: float) -> None:
        """A ribbon whose upper edge goes through ``stops``."""
        upper = _edge(stops)
        lower = _edge([(x, y - tall) for x, y in reversed(stops)])
        points = [*upper, *lower, upper[0]]
        codes = [Path.MOVETO, *_codes(len(stops)), Path.LINETO, *_codes(len(stops)), Path.CLOSEPOLY]
        path = Path([(float(x), float(y)) for x, y in points], codes)
        self.axes.add_patch(PathPatch(path, facecolor=colour, alpha=alpha, linewidth=0))

    def _text(self, x: float, y: float, text: str, **options: Any) -> None:
        artist = self.axes.text(x, y, text, **{"size": style.SMALL, "color": style.INK, "zorder": 5, **options})
        artist.set_parse_math(False)
        artist.set_path_effects([effects.withStroke(linewidth=2, foreground="white", alpha=0.75)])


def _edge(stops: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points of a chain of S-curves through the stops."""
    points = [stops[0]]
    for (x0, y0), (x1, y1) in pairwise(stops):
        middle = (x0 + x1) / 2
        points += [(middle, y0), (middle, y1), (x1, y1)]
    return points


def _codes(stops: int) -> list[np.uint8]:
    return [Path.CURVE4] * (3 * (stops - 1))
