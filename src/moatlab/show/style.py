"""How the pictures look: colours, sheets and panels, axes of time, and labels at the ends of lines.

Only matplotlib's object-oriented side is used, so that pictures can be drawn without a display and in threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from moatlab.results.frames import Array, Dated, Frames
from moatlab.results.text import numbers
from moatlab.show.numbers import as_csv, numbers_of
from moatlab.show.settings import Sheet, drawable, families, own_settings

DPI = 200
SMALL, NORMAL, LARGE = 7.0, 8.0, 11.0
#: Width of a printed page's text, and of a page on its side, in inches: nothing has to be scaled down to print.
PAGE, ACROSS = 7.2, 9.0
INK, GREY, PALE = "#222222", "#777777", "#dddddd"
#: Behind what is smaller than the smallest effect of interest.
SMALL_EFFECT = "#ececec"
#: Okabe and Ito's palette without its yellow, and Tol's wine.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#882255")
LAYER_COLOURS = {
    "apps": "#0072b2",
    "labs": "#d55e00",
    "hosts": "#cc79a7",
    "clouds": "#56b4e9",
    "chipmakers": "#009e73",
    "foundry": "#e69f00",
}
#: Formats of pictures, with what matplotlib notes in a file and would make it differ from time to time, left out.
FORMATS: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Pen:
    """Colour and dashes of a line."""

    colour: str
    dashes: str = "-"


PENS = tuple(Pen(colour, dashes) for dashes in ("-", "--", "-.", ":") for colour in PALETTE)


@dataclass(frozen=True)
class EndLabel:
    """A name and a value that belong at the end of a line, at the point (x, y) of the data."""

    x: float
    y: float
    name: str
    value: str
    colour: str


def dark(colour: str) -> str:
    """The colour, dark enough for small text on white."""
    red, green, blue = to_rgb(colour)
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    factor = min(1.0, 0.42 / light) if light > 0 else 1.0
    return to_hex((red * factor, green * factor, blue * factor))


def sheet(frames: Dated, title: str, subtitle: str, width: float, height: float, most: int = 2) -> Figure:
    """An empty figure of so many inches with title, subtitle (of ``most`` lines) and source line."""
    figure = Sheet(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    space = width - 0.3
    lines = (
        (1 - 0.14 / height, fit(title, space, LARGE * 1.12), LARGE, INK, "top"),
        (1 - 0.38 / height, "\n".join(wrapped(subtitle, space, NORMAL, most)), NORMAL, GREY, "top"),
        (0.1 / height, fit(frames.source, space, SMALL), SMALL, GREY, "bottom"),
    )
    for y, text, size, colour, side in lines:
        weight = "bold" if size == LARGE else "normal"
        figure.text(0.15 / width, y, text, size=size, weight=weight, color=colour, va=side, parse_math=False)
    return figure


def bands_note(frames: Frames) -> str:
    """What lines and bands mean when there are several seeds."""
    count = len(frames.seeds)
    return f"; lines: median of {count} seeds, bands (up to three a panel): 5 to 95 %" if count > 1 else ""


def box(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a place in inches."""
    total_width, total_height = figure.get_size_inches()
    return figure.add_axes((left / total_width, bottom / total_height, width / total_width, height / total_height))


def panels(
    figure: Figure,
    count: int,
    columns: int,
    *,
    right: float = 1.35,
    left: float = 0.6,
    top: float | None = None,
    bottom: float = 0.65,
    hgap: float = 0.72,
) -> list[Axes]:
    """``count`` panels row by row; every panel has ``right`` inches for its labels and ``left`` for its axis.

    ``top`` is by default what title and subtitle of the `sheet` need.
    """
    if top is None:
        top = 0.85 + 0.15 * figure.texts[1].get_text().count("\n")
    width, height = (float(size) for size in figure.get_size_inches())
    rows = -(-count // columns)
    wide = width / columns - left - right
    high = (height - top - bottom - (rows - 1) * hgap) / rows
    return [
        box(
            figure,
            (place % columns) * width / columns + left,
            height - top - high - (place // columns) * (high + hgap),
            wide,
            high,
        )
        for place in range(count)
    ]


def dress(axes: Axes, title: str, ylabel: str, xlabel: str = "year") -> None:
    """Title, labels and the plain frame of a panel."""
    # Where the title stands is given: to look for it among the labels takes a tenth of the drawing.
    axes.set_title(
        drawable(title), fontsize=NORMAL, fontweight="bold", loc="left", y=1.0, color=INK, pad=5, parse_math=False
    )
    axes.set_xlabel(xlabel, fontsize=SMALL, color=INK, labelpad=2)
    axes.set_ylabel(ylabel, fontsize=SMALL, color=INK, labelpad=3, parse_math=False)
    axes.tick_params(labelsize=SMALL, color=GREY, labelcolor=INK, length=3)
    axes.grid(axis="y", color=PALE, linewidth=0.5)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)


def calendar(axes: Axes, frames: Dated) -> None:
    """The time axis of the run: calendar years, or months in a short run; dotted where something happens."""
    dates = frames.dates
    first, last = float(dates[0]), float(dates[-1] if dates.size > 1 else dates[0] + 1 / 12)
    axes.set_xlim(first, last)
    figure = axes.get_figure(root=True)
    assert isinstance(figure, Figure)
    inches = axes.get_position().width * float(figure.get_size_inches()[0])
    room = max(2, int(inches / 0.45))
    if last - first >= 2:
        years = np.arange(np.ceil(first - 1e-9), np.floor(last + 1e-9) + 1)
        ticks = years[:: -(-years.size // room)]
        texts = [f"{tick:.0f}" for tick in ticks]
    else:
        steps = np.arange(round((last - first) * 12) + 1)[:: -(-round((last - first) * 12 + 1) // max(2, room // 2))]
        ticks = first + steps / 12
        months = np.round(ticks * 12).astype(int)
        texts = [f"{MONTH_NAMES[month % 12]} {month // 12}" for month in months]
        axes.set_xlabel("month")
    axes.set_xticks(ticks, texts)
    for date in frames.marks:
        axes.axvline(date, color=GREY, linewidth=0.8, linestyle=":")


def stretch(dates: Array, *series: Array) -> list[Array]:
    """Dates and series; a single month is drawn as a stroke of a month's length."""
    if dates.size > 1:
        return [dates, *series]
    return [np.append(dates, dates[-1] + 1 / 12), *(np.append(values, values[-1]) for values in series)]


def stroke(
    axes: Axes,
    dates: Array,
    low: Array,
    mid: Array,
    high: Array,
    pen: Pen,
    *,
    width: float = 1.5,
    banded: bool = True,
) -> None:
    """A line with its band."""
    dates, low, mid, high = stretch(dates, low, mid, high)
    if banded and bool(np.nanmax(np.append(high - low, 0.0)) > 0):
        axes.fill_between(dates, low, high, color=pen.colour, alpha=0.16, linewidth=0)
    axes.plot(dates, mid, color=pen.colour, linestyle=pen.dashes, linewidth=width, solid_joinstyle="round")


def largest(*values: Array) -> float:
    """The largest size of the numbers among the values, 0 where there is none."""
    sizes = [np.abs(part[np.isfinite(part)]).max(initial=0.0) for part in map(np.asarray, values)]
    return float(max(sizes, default=0.0))


def end_of(dates: Array, values: Array) -> tuple[float, float] | None:
    """The last point of a series that is a number."""
    dates, values = stretch(dates, values)
    known = np.flatnonzero(np.isfinite(values))
    return (float(dates[known[-1]]), float(values[known[-1]])) if known.size else None


def text_width(text: str, size: float) -> float:
    """Width of a text in inches."""
    font = FontProperties(family=families(), size=size)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) / 72


def room(names: Iterable[str], value: str = "100 %", most: float = 1.8) -> float:
    """Inches that end labels with these names and such a value take to the right of a panel."""
    return min(most, 0.3 + max((text_width(f"{name}  {value}", SMALL) for name in names), default=1.0))


def wrapped(text: str, inches: float, size: float, most: int) -> list[str]:
    """The text in lines of at most that width; what does not fit into ``most`` lines is cut with an ellipsis."""
    lines = [""]
    for word in drawable(text).split():
        longer = f"{lines[-1]} {word}".strip()
        if len(lines) == most or not lines[-1] or text_width(longer, size) <= inches:
            lines[-1] = longer
        else:
            lines.append(word)
    return [*lines[:-1], fit(lines[-1], inches, size)]


def fit(text: str, inches: float, size: float) -> str:
    """The text, as far as it can be drawn, cut with an ellipsis to what fits."""
    text = drawable(text)
    if text_width(text, size) <= inches:
        return text
    while text and text_width(text + "…", size) > inches:
        text = text[:-1].rstrip()
    return text + "…"


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions nearest to those wanted that are ``gap`` apart and, if they all fit, within ``low`` and ``high``."""
    order = sorted(range(len(wanted)), key=lambda place: (wanted[place], place))
    high = max(high, low + gap * (len(wanted) - 1))
    blocks: list[tuple[float, int]] = []  # mean of (wanted - rank * gap) and size, by pooling of adjacent violators
    for rank, place in enumerate(order):
        mean, size = min(max(wanted[place], low), high) - rank * gap, 1
        while blocks and blocks[-1][0] >= mean:
            other, count = blocks.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        blocks.append((mean, size))
    base = [mean for mean, size in blocks for _ in range(size)]
    least, most = low, high - gap * (len(wanted) - 1)
    placed = [0.0] * len(wanted)
    for rank, place in enumerate(order):
        placed[place] = min(max(base[rank], least), most) + rank * gap
    return placed


def end_labels(axes: Axes, labels: Sequence[EndLabel], room: float = 1.3, size: float = SMALL) -> None:
    """Writes the labels to the right of the axes, at the height of their points and clear of each other.

    Call it when the limits of the axes are final.  ``room`` is the space to the right in inches.
    """
    labels = [label for label in labels if np.isfinite(label.y)]
    if not labels:
        return
    figure = axes.get_figure(root=True)
    assert isinstance(figure, Figure)
    width, height = (float(inches) for inches in figure.get_size_inches() * axes.get_position().size)
    size = max(4.5, min(size, (height + 0.2) / len(labels) / 1.32 * 72))
    gap = size * 1.32 / 72
    points = axes.transData.transform([(label.x, label.y) for label in labels])
    ends = axes.transAxes.inverted().transform(points)
    places = spread([float(y) * height for _, y in ends], gap, -0.03, height + 0.05)
    for label, (x, y), place in zip(labels, ends, places, strict=True):
        value = f"  {label.value}"
        moved = abs(place - float(y) * height) > 0.02 or x < 0.995
        text = axes.annotate(
            f"{fit(label.name, room - 0.2 - text_width(value, size), size)}{value}" if label.name else label.value,
            xy=(float(min(max(x, 0), 1)), float(min(max(y, 0), 1))),
            xycoords="axes fraction",
            xytext=(1.0 + 0.11 / width, place / height),
            textcoords="axes fraction",
            fontsize=size,
            color=dark(label.colour),
            va="center",
            ha="left",
            annotation_clip=False,
            parse_math=False,
            arrowprops={
                "arrowstyle": "-",
                "color": label.colour,
                "linewidth": 0.5,
                "alpha": 0.6,
                "shrinkA": 1,
                "shrinkB": 0,
                "relpos": (0, 0.5),
            }
            if moved
            else None,
        )
        text.set_gid("end-label")


def percent(share: float) -> str:
    """A share as text."""
    return numbers.percent(share).replace("-", "−")


def money(amount: float) -> str:
    """An amount of M$ as text with three figures at most: $128 bn."""
    sign = "−" if amount < 0 else ""
    for scale, unit in ((1e6, "tn"), (1e3, "bn"), (1.0, "m")):
        if abs(amount) >= 0.9995 * scale:
            return f"{sign}${figures(abs(amount) / scale)} {unit}"
    return f"{sign}${abs(amount):.2g} m"


def quantity(value: float, unit: str) -> str:
    """A value with its unit, as at the end of a line; dollars stand before their number."""
    if unit in ("M$", "$ bn", "$ million"):
        return money(value * (1e3 if unit == "$ bn" else 1.0))
    if unit in ("$", "k$"):
        return f"{'−' if value < 0 else ''}${figures(abs(value))}{unit.removesuffix('$')}"
    return f"{figures(value)} {unit}".strip()


def figures(value: float) -> str:
    """A number with two or three figures, without exponent."""
    if not np.isfinite(value):
        return "–"
    size = abs(value)
    if size >= 9.95:
        text = f"{value:,.0f}"
    elif size >= 0.995:
        text = f"{value:.1f}"
    else:
        text = np.format_float_positional(value, 2, fractional=False, trim="-") if value else "0"
    return text.replace("-", "−")


def scale_by(axes: Axes, values: Sequence[Array], bands: Sequence[Array] = ()) -> None:
    """A linear, logarithmic or, where values change sign over decades, symmetric logarithmic axis of values.

    The limits have room for the ``bands`` too, of which only a negative one counts in the choice of the scale.
    """
    known = np.concatenate([v[np.isfinite(v)] for v in values]) if values else np.array([])
    if not known.size or not np.any(known):
        axes.set_ylim(0 if not known.size or known.min() >= 0 else None, 1)
        return
    largest = float(np.abs(known).max())
    smallest = float(known.min())
    reach = np.concatenate([known, *(b[np.isfinite(b)] for b in bands)])
    most, least = float(reach.max()), float(reach.min())
    if least < 0:
        smallest = min(smallest, least)
    if smallest > 0 and largest / smallest > 20:
        low = float(reach[reach > 0].min())
        axes.set_yscale("log")
        axes.set_ylim(10.0 ** np.floor(np.log10(max(low, smallest * 0.1, largest * 1e-6))), most * 1.3)
        _decades(axes)
    elif smallest <= 0 and largest / float(np.quantile(np.abs(known[known != 0]), 0.1)) > 50:
        _symlog(axes, least, most, known)
    else:
        axes.set_ylim(min(0.0, least * 1.06), max(0.0, most * 1.06))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(_tick))
        if smallest < 0:
            axes.axhline(0, color=INK, linewidth=0.7)


def _tick(value: float, _: object = None) -> str:
    exponent = np.log10(abs(value)) if value else 0.0
    if exponent >= 7 and abs(exponent - round(exponent)) < 1e-9:
        power = str(round(exponent)).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{'−' if value < 0 else ''}10{power}"
    return f"{value:,.10g}".replace("-", "−")


def _decades(axes: Axes) -> None:
    low, high = axes.get_ylim()
    exponents = np.arange(np.ceil(np.log10(low) - 1e-9), np.floor(np.log10(high) + 1e-9) + 1)
    ticks = np.array([10.0**e for e in exponents])
    if ticks.size <= 2:
        ticks = np.array([m * 10.0**e for e in np.append(exponents, exponents[-1:] + 1) for m in (1, 2, 5)])
        ticks = ticks[(ticks >= low) & (ticks <= high)]
    elif ticks.size > 7:
        ticks = ticks[:: -(-ticks.size // 7)]
    axes.yaxis.set_major_locator(FixedLocator(ticks.tolist()))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _symlog(axes: Axes, smallest: float, most: float, known: Array) -> None:
    small, large = (float(np.quantile(np.abs(known[known != 0]), q)) for q in (0.1, 0.97))
    linear = 10.0 ** max(np.ceil(np.log10(large)) - 4, np.round(np.log10(small)))
    axes.set_yscale("symlog", linthresh=linear, linscale=0.8)
    low = smallest * 1.3 if smallest < 0 else 0.0
    axes.set_ylim(low, max(most * 1.3, linear))
    decades = int(np.ceil(np.log10(max(most, -smallest) / linear))) + 1
    sizes = [linear * 10.0**e for e in range(0, decades, 1 + decades // 7)]
    ticks = [-s for s in sizes if -s >= low] + [0.0] + [s for s in sizes if s <= most * 1.3]
    axes.yaxis.set_major_locator(FixedLocator(sorted(ticks)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    axes.set_ylabel(f"{axes.get_ylabel()}; linear up to {_tick(linear)}")
    if smallest < 0:
        axes.axhline(0, color=INK, linewidth=0.7)


def write(figure: Figure, path: Path, formats: Sequence[str] = ("png",)) -> Path:
    """Saves the figure in each of the ``formats``, and beside it the numbers that it shows as CSV.

    ``path`` is that of the first format, which is returned.  The same figure gives the same bytes.
    """
    with own_settings():
        for name in formats:
            figure.savefig(path.with_name(f"{path.stem}.{name}"), format=name, dpi=DPI, metadata=FORMATS[name])
    table = numbers_of(figure)
    if len(table):
        path.with_name(f"{path.stem}.csv").write_text(as_csv(table), encoding="utf-8")
    return path.with_name(f"{path.stem}.{formats[0]}")
