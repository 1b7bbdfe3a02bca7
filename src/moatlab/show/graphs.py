"""The graph of trade in one month: who buys from whom."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import matplotlib.patheffects as effects
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.path import Path

from moatlab.results.frames import Frames
from moatlab.results.payments import LAYERS
from moatlab.show import series, style
from moatlab.show.drawn import picture
from moatlab.show.numbers import keep

WIDTH, HEIGHT, TOP, BOTTOM = style.ACROSS, 7.0, 1.2, 0.4
#: Where the columns stand, in inches; hosts share theirs with the labs.
PLACES = {"apps": 2.3, "labs": 4.0, "hosts": 4.0, "clouds": 5.65, "chipmakers": 7.2, "foundry": 8.45}
TAIL = 0.8
LARGEST = 0.36
#: Most apps with a label, and most firms drawn of the other layers.
LABELLED = 14
MOST = {"labs": 10, "hosts": 4, "clouds": 14, "chipmakers": 14, "foundry": 4}


@dataclass
class Node:
    """A firm in the picture; lengths in inches."""

    key: str
    layer: str
    name: str
    revenue: float
    radius: float
    colour: str = style.GREY
    x: float = 0.0
    y: float = 0.0


@picture
def graph(frames: Frames) -> Figure:
    """Firms as circles with areas in proportion to revenue, purchases as lines with widths in proportion to dollars.

    A firm has the colour that it has in the other pictures, one without a colour there is grey.
    """
    net = frames.graph
    month = net.graph.get("month") if net is not None else None
    when = f", {_month_name(frames, int(month))}" if month is not None else ""
    figure = style.sheet(
        frames,
        f"Who buys from whom{when}",
        _subtitle(net),
        WIDTH,
        HEIGHT,
    )
    axes = style.box(figure, 0, 0, WIDTH, HEIGHT)
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(0, HEIGHT)
    axes.axis("off")
    if net is None or not net.number_of_nodes():
        axes.text(WIDTH / 2, HEIGHT / 2, "no trade", ha="center", fontsize=style.NORMAL, color=style.GREY)
        return figure
    named, tail = _nodes(net, frames)
    pens = series.pens(frames)
    for node in named:
        pen = pens.get((node.layer, node.key.split(".", 1)[-1]))
        node.colour = pen.colour if pen is not None else node.colour
    _place(named, tail, net)
    _edges(axes, net, {node.key: node for node in (*named, *tail)})
    _circles(axes, named, tail)
    _keep(figure, net, {node.key: node for node in (*named, *tail)})
    _keys(axes, named, tail, net)
    return figure


def _keep(figure: Figure, net: Any, nodes: dict[str, Node]) -> None:
    """Circles and lines as numbers, M$ of the month."""
    firms = [(n.layer, n.key.partition(".")[2], n.name, n.revenue) for n in nodes.values()]
    trades = [
        (str(buyer), str(seller), float(data.get("dollars", 0.0)))
        for buyer, seller, data in net.edges(data=True)
        if str(buyer) in nodes and str(seller) in nodes and float(data.get("dollars", 0.0)) > 0
    ]
    circles = pd.DataFrame(firms, columns=["layer", "slug", "name", "revenue"])
    lines = pd.DataFrame(trades, columns=["buyer", "seller", "dollars"])
    keep(figure, circles.sort_values("revenue", ascending=False, kind="stable").assign(panel="firms", unit="M$"))
    keep(figure, lines.sort_values("dollars", ascending=False, kind="stable").assign(panel="trade", unit="M$"))


def _subtitle(net: Any) -> str:
    text = "Area of circles: revenue of the month; width of lines: dollars of the month; colour of lines: the buyer"
    if net is None or not net.number_of_edges():
        return text
    name, revenue = max(
        ((str(data.get("name", key)), float(data.get("revenue", 0.0))) for key, data in net.nodes(data=True)),
        key=lambda item: (np.nan_to_num(item[1]), item[0]),
    )
    dollars = float(np.nan_to_num([float(data.get("dollars", 0.0)) for *_, data in net.edges(data=True)]).max())
    return f"{text}. Largest circle: {name}, {style.money(revenue)}; widest line: {style.money(dollars)}"


def _month_name(frames: Frames, month: int) -> str:
    count = round(frames.origin * 12) + month
    return f"{style.MONTH_NAMES[count % 12]} {count // 12}"


def _nodes(net: Any, frames: Frames) -> tuple[list[Node], list[Node]]:
    """The firms with a label, and the long tail of apps."""
    found: list[Node] = []
    for key, data in net.nodes(data=True):
        layer = str(data.get("kind", str(key).split(".")[0]))
        if layer in PLACES:
            revenue = float(data.get("revenue", 0.0))
            revenue = revenue if np.isfinite(revenue) and revenue > 0 else 0.0
            found.append(Node(str(key), layer, str(data.get("name", key)), revenue, 0.0))
    largest = max((node.revenue for node in found), default=0.0) or 1.0
    for node in found:
        node.radius = max(0.03, LARGEST * float(np.sqrt(node.revenue / largest)))
    apps = sorted((n for n in found if n.layer == "apps"), key=lambda n: (-n.revenue, n.key))
    known = set(frames.firms.loc[frames.firms["named"].astype(bool) & (frames.firms["kind"] == "apps"), "slug"])
    wanted = [node for node in apps if node.key.split(".", 1)[-1] in known][:LABELLED]
    least = wanted[-1].revenue if wanted else 0.0
    wanted += [node for node in apps if node not in wanted and node.revenue >= least][: LABELLED - len(wanted)]
    keep = {node.key for node in wanted}
    for layer in LAYERS[1:]:
        rivals = sorted((n for n in found if n.layer == layer), key=lambda n: (-n.revenue, n.key))
        keep |= {node.key for node in rivals[: MOST[layer]]}
    return [node for node in found if node.key in keep], [node for node in apps if node.key not in keep]


def _place(named: list[Node], tail: list[Node], net: Any) -> None:
    """Columns by layer, sorted by the mean height of the partners; shrinks the circles if a column is too full."""
    columns: dict[float, list[Node]] = defaultdict(list)
    for node in sorted(named, key=lambda n: (LAYERS.index(n.layer), -n.revenue, n.key)):
        node.x = PLACES[node.layer]
        columns[node.x].append(node)
    height = HEIGHT - TOP - BOTTOM - 0.15
    label = 0.16
    factor = 1.0
    for nodes in columns.values():
        free = height - len(nodes) * (label + 0.06)
        factor = min(factor, max(free, 0.2) / max(sum(2 * node.radius for node in nodes), 1e-9))
    biggest = max((node.radius for node in tail), default=0.0)
    factor = min(factor, max(0.09 / biggest, 0.5) if biggest else 1.0)
    for node in (*named, *tail):
        node.radius = max(0.03, node.radius * factor)
    for nodes in columns.values():
        _stack(nodes, height, label)
    weights = _weights(net)
    for _ in range(4):
        for nodes in columns.values():
            heights = {node.key: node.y for node in named}
            centre = {node.key: _centre(node, weights, heights) for node in nodes}
            nodes.sort(key=lambda n: (n.layer == "hosts", -centre[n.key], n.key))
            _stack(nodes, height, label)
    _place_tail(tail, height)


def _weights(net: Any) -> dict[str, list[tuple[str, float]]]:
    partners: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for buyer, seller, data in net.edges(data=True):
        dollars = float(data.get("dollars", 0.0))
        if np.isfinite(dollars) and dollars > 0:
            partners[str(buyer)].append((str(seller), dollars))
            partners[str(seller)].append((str(buyer), dollars))
    return partners


def _centre(node: Node, weights: dict[str, list[tuple[str, float]]], heights: dict[str, float]) -> float:
    known = [(heights[key], dollars) for key, dollars in weights.get(node.key, []) if key in heights]
    total = sum(dollars for _, dollars in known)
    return sum(y * dollars for y, dollars in known) / total if total > 0 else node.y


def _stack(nodes: list[Node], height: float, label: float) -> None:
    """One above the other with room for the labels below the circles, spread over the height."""
    used = sum(2 * node.radius + label for node in nodes)
    gap = (height - used) / (len(nodes) + 1)
    y = BOTTOM + height - gap
    for node in nodes:
        node.y = y - node.radius
        y -= 2 * node.radius + label + gap


def _place_tail(tail: list[Node], height: float) -> None:
    """Rows of dots, the largest first."""
    if not tail:
        return
    columns = max(1, min(7, round(len(tail) / 14)))
    rows = -(-len(tail) // columns)
    pitch = min(height / rows, 0.28)
    for place, node in enumerate(tail):
        row, column = divmod(place, columns)
        node.x = TAIL + (column - (columns - 1) / 2) * 0.2
        node.y = BOTTOM + height / 2 + ((rows - 1) / 2 - row) * pitch
        node.radius = min(node.radius, 0.09, pitch / 2.2)


def _edges(axes: Axes, net: Any, nodes: dict[str, Node]) -> None:
    trades = []
    for buyer, seller, data in net.edges(data=True):
        dollars = float(data.get("dollars", 0.0))
        if str(buyer) in nodes and str(seller) in nodes and np.isfinite(dollars) and dollars > 0:
            trades.append((dollars, str(buyer), str(seller)))
    largest = max((dollars for dollars, _, _ in trades), default=1.0)
    arcs, widths, colours = [], [], []
    for dollars, buyer, seller in sorted(trades, reverse=True):
        one, other = nodes[buyer], nodes[seller]
        small = one.x < PLACES["apps"] - 0.5
        size = max(0.1 if small else 0.25, 11 * dollars / largest)
        arcs.append(_arc(one, other))
        widths.append(size)
        colours.append(to_rgba(one.colour, 0.4 if size > 0.5 else 0.12 if small else 0.22))
    # One collection: a thousand patches of their own would take a second to draw.
    axes.add_collection(
        PathCollection(arcs, facecolors="none", edgecolors=colours, linewidths=widths, capstyle="butt", zorder=1),
        autolim=False,
    )


def _arc(one: Node, other: Node) -> Path:
    """A bent line between two circles, more bent within a column."""
    bend = 0.35 if abs(one.x - other.x) < 0.1 else 0.06 if other.y > one.y else -0.06
    across, up = other.x - one.x, other.y - one.y
    middle = ((one.x + other.x) / 2 + bend * up, (one.y + other.y) / 2 - bend * across)
    return Path([(one.x, one.y), middle, (other.x, other.y)], [Path.MOVETO, Path.CURVE3, Path.CURVE3])


def _circles(axes: Axes, named: list[Node], tail: list[Node]) -> None:
    nodes = sorted((*named, *tail), key=lambda n: -n.radius)
    sizes = [2 * node.radius for node in nodes]
    axes.add_collection(
        EllipseCollection(
            sizes,
            sizes,
            [0] * len(nodes),
            units="xy",
            offsets=[(node.x, node.y) for node in nodes],
            offset_transform=axes.transData,
            facecolors=[node.colour for node in nodes],
            edgecolors="white",
            linewidths=0.6,
            zorder=3,
        )
    )
    for node in named:
        text = axes.text(
            node.x,
            node.y - node.radius - 0.03,
            style.fit(node.name, 1.6, style.SMALL),
            fontsize=style.SMALL,
            ha="center",
            va="top",
            color=style.INK,
            zorder=5,
            parse_math=False,
        )
        text.set_path_effects([effects.withStroke(linewidth=2.2, foreground="white")])
        text.set_gid("node-label")


def _keys(axes: Axes, named: list[Node], tail: list[Node], net: Any) -> None:
    """Names of the columns with the number of firms and their revenue."""
    y = HEIGHT - TOP + 0.12
    heads: dict[float, list[tuple[str, str]]] = defaultdict(list)
    for layer, x in PLACES.items():
        firms = [node for node in named if node.layer == layer]
        if firms:
            revenue = style.money(sum(node.revenue for node in firms))
            count = f"{len(firms)}{_of(net, layer, len(firms), len(tail))}"
            heads[x].append((f"{layer} ({count})" if count != "1" else layer, revenue))
    if tail:
        heads[TAIL].append((f"other apps ({len(tail)})", style.money(sum(node.revenue for node in tail))))
    for x, lines in heads.items():
        text = "\n".join(lines[0]) if len(lines) == 1 else "\n".join(f"{name}, {revenue}" for name, revenue in lines)
        axes.text(
            x,
            y,
            text,
            fontsize=style.NORMAL,
            parse_math=False,
            fontweight="bold",
            ha="center",
            va="center",
            color=style.INK,
        )


def _of(net: Any, layer: str, drawn: int, tail: int) -> str:
    """How many firms there are if not all of them are drawn."""
    there = sum(data.get("kind") == layer for _, data in net.nodes(data=True)) - (tail if layer == "apps" else 0)
    return f" of {there}" if there > drawn else ""
