"""The picture of a claim: what the arms it compares do year by year, and the effect that decides, draw by draw.

It is as wide as a phone, takes the page's text colour, and leaves its title, the finding, to what stands above it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from moatlab.results.text.numbers import short
from moatlab.show import style
from moatlab.show.numbers import as_csv, keep, numbers_of
from moatlab.show.settings import Sheet, drawable, own_settings

Array = NDArray[np.float64]
#: Inches: a phone of 390 pixels shows them at nearly their size.
WIDTH, LINES, ROW = 4.4, 1.75, 0.21
#: Largest over smallest value from which on an axis is logarithmic.
DECADE = 10.0
#: Most lines that have their bands with them.
BANDS = 4
#: Share of the draws that the axis of effects has to show.
SHOWN = 0.9
#: The colour that stands for the page's own text colour, and the page's background.
INK, GREY = "#222222", "#7a7a7a"
COLOURS = style.PALETTE


def picture(claim: Mapping[str, Any]) -> Sheet:
    """The picture of a claim, from what `moatlab claims` stored of it."""
    rows = claim["headline"]
    several = len(rows) > 1
    below = (len(rows) if several else 5) * ROW + 0.55
    names: Mapping[str, str] = claim["years names"]
    height = 0.4 + LINES + 0.42 + 0.155 * len(names) + below
    with own_settings():
        figure = Sheet(figsize=(WIDTH, height), dpi=style.DPI, facecolor="none")
        FigureCanvasAgg(figure)
        top = style.box(figure, 0.55, height - 0.4 - LINES, WIDTH - 0.75, LINES)
        _years(top, claim, names)
        low = style.box(figure, 1.25, 0.5, WIDTH - 1.5, below - 0.55)
        if several:
            _forest(low, rows)
        else:
            _draws(low, claim)
    return figure


def svg(figure: Sheet) -> str:
    """The picture as SVG whose text is text and whose ink is the colour of the text around it."""
    file = io.StringIO()
    figure.settings["svg.fonttype"] = "none"
    with own_settings(figure.settings):
        figure.savefig(file, format="svg", transparent=True, metadata=style.FORMATS["svg"])
    text = file.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    # The page's own fonts, and no more digits than a screen has.
    text = re.sub(r"font(-family)?: ([0-9.]+px )?['\"]?DejaVu Sans[^;\"]*", r"font-family: system-ui, sans-serif", text)
    text = re.sub(r"(\d+\.\d\d)\d+", r"\1", text)
    return re.sub(r"\s*\n\s*", " ", text)


def csv(figure: Sheet) -> str:
    """The numbers in the picture."""
    return as_csv(numbers_of(figure))


def _line(values: Sequence[Any]) -> Array:
    return np.array([np.nan if v is None else float(v) for v in values])


def _years(axes: Axes, claim: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """Median and quartiles over draws of the outcome that decides, by year, in each arm."""
    percent = claim["years unit"] == "%"
    for at, (arm, lines) in enumerate(claim["years"].items()):
        low, middle, high = (_line(line) * (100.0 if percent else 1.0) for line in lines)
        if claim["years log"]:
            low, middle, high = np.exp(low), np.exp(middle), np.exp(high)
        years = np.arange(1, len(middle) + 1)
        colour = COLOURS[at % len(COLOURS)]
        if len(claim["years"]) <= BANDS:
            axes.fill_between(years, low, high, color=colour, alpha=0.16, linewidth=0)
        axes.plot(years, middle, color=colour, linewidth=1.6, linestyle=("-", "--", "-.", ":")[at % 4], label=drawable(
            style.fit(names[arm], WIDTH - 0.95, style.SMALL)))  # fmt: skip
        keep(axes, pd.DataFrame({"name": arm, "year": years, "median": middle, "low": low, "high": high}))
    against = claim["headline"][0]["against"]
    if against is not None:
        axes.axhline(against * (100.0 if percent else 1.0), color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    if claim["years log"] and _spans(claim) > DECADE:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: short(v)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
    unit = claim["years unit"]
    if len(claim["headline"]) > 1 and against is None and percent:
        unit = "points"
    text = (
        f"{_what(claim)}{f' ({unit})' if unit else ''}: median{', quartiles' if len(names) <= BANDS else ''} of draws"
    )
    axes.set_title("\n".join(style.wrapped(text, WIDTH - 0.3, style.NORMAL, 2)), loc="left", x=-0.12,
                   size=style.NORMAL, color=INK, parse_math=False)  # fmt: skip
    axes.set_xlabel("year", size=style.SMALL, color=INK, labelpad=1)
    axes.legend(loc="upper left", bbox_to_anchor=(-0.12, -0.19), frameon=False, fontsize=style.SMALL, labelcolor=INK,
                handlelength=1.8, borderaxespad=0.0, labelspacing=0.25)  # fmt: skip
    _plain(axes)


def _spans(claim: Mapping[str, Any]) -> float:
    """Largest over smallest median of an outcome that is a logarithm."""
    middles = np.concatenate([_line(lines[1]) for lines in claim["years"].values()])
    return float(np.exp(np.nanmax(middles) - np.nanmin(middles)))


def _what(claim: Mapping[str, Any]) -> str:
    """What the lines are of, without the years that the verdict is about."""
    heads = claim["headline"]
    if len(heads) > 1 and heads[0]["against"] is None:
        return "Change of the holder's share"
    label: str = heads[0]["label"].rpartition(", ")[0] or heads[0]["label"]
    if len(heads) > 1:
        label = "By layer: " + label.replace(heads[0]["outcome"], "each").replace("of each ", "")
    return label[0].upper() + label[1:]


def _draws(axes: Axes, claim: Mapping[str, Any]) -> None:
    """The effect of each draw, their mean with its interval, with the feedback frozen, by rivals and on paths."""
    head = claim["headline"][0]
    draws = _line(claim["per draw"])
    draws = draws[np.isfinite(draws)]
    spread = np.random.default_rng(0).uniform(-0.3, 0.3, len(draws))
    marks = {name: _line([v])[0] for name, v in claim["variants"].items()}
    rivals = [v for n, v in marks.items() if not n.startswith(("outside-", "funding-"))]
    paths = [v for n, v in marks.items() if n.startswith(("outside-", "funding-"))]
    frozen = _line(claim["frozen effect"])
    edge = np.quantile(draws, ((1 - SHOWN) / 2, (1 + SHOWN) / 2))
    ends = [*edge, *_line([head["low"], head["high"], head["smallest"], -head["smallest"]]), *frozen[:1], 0.0]
    low, high = np.nanmin(ends), np.nanmax(ends)
    pad = 0.06 * (high - low or 1.0)
    axes.set_xlim(low - pad, high + pad)

    def at(values: Any) -> Array:
        """Within the axis: what lies beyond is shown at its end."""
        inside: Array = np.clip(np.asarray(values, float), low - pad * 0.8, high + pad * 0.8)
        return inside

    _band(axes, head["smallest"])
    axes.scatter(at(draws), 4.0 + spread, s=5, color=GREY, alpha=0.65, linewidths=0)
    if head["low"] is not None:
        axes.plot([head["low"], head["high"]], [3, 3], color=COLOURS[0], linewidth=2.0, solid_capstyle="butt")
    axes.plot([head["value"]], [3], "o", color=COLOURS[0], markersize=5)
    axes.plot(at(frozen[:1]), [2] * len(frozen[:1]), "D", color=COLOURS[1], markersize=4.5)
    axes.plot(at(rivals), [1] * len(rivals), "|", color=COLOURS[2], markersize=8)
    axes.plot(at(paths), [0] * len(paths), "|", color=COLOURS[3], markersize=8, markeredgewidth=1.5)
    labels = ["money at ½ and 2×", "rival rules", "feedback frozen", "mean, 95 %", "each draw"]
    _rows(axes, labels, head["unit"], "Effect" if head["against"] is None else "Above or below")
    table = [("each draw", v) for v in draws] + [("feedback frozen", v) for v in frozen[:1]]
    table += [(f"variant {name}", v) for name, v in marks.items()]
    keep(axes, pd.DataFrame({"name": [n for n, _ in table], "value": [v for _, v in table]}), head["unit"] or " ")
    one = pd.DataFrame({"name": ["mean"], "value": [head["value"]], "low": [head["low"]], "high": [head["high"]]})
    keep(axes, one, head["unit"] or " ")


def _forest(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Each effect that decides, with its interval and its own smallest effect of interest."""
    places = np.arange(len(rows))[::-1]
    for place, row in zip(places, rows, strict=True):
        axes.barh(place, 2 * row["smallest"], 0.8, left=-row["smallest"], color=GREY, alpha=0.22)
        low, high = row["low"], row["high"]
        if low is not None and high is not None:
            axes.plot([low, high], [place, place], color=COLOURS[0], linewidth=2.0, solid_capstyle="butt")
        axes.plot([row["value"]], [place], "o", color=COLOURS[0], markersize=4.5)
    names = [row["outcome"] if len({r["contrast"] for r in rows}) == 1 else row["contrast"] for row in rows]
    _rows(axes, names[::-1], rows[0]["unit"], "Effect" if rows[0]["against"] is None else "Above or below")
    keep(axes, pd.DataFrame([{"name": n, "value": r["value"], "low": r["low"], "high": r["high"],
                              "smallest effect": r["smallest"]} for n, r in zip(names, rows, strict=True)]),
         rows[0]["unit"] or " ")  # fmt: skip


def _band(axes: Axes, smallest: float) -> None:
    axes.axvspan(-smallest, smallest, color=GREY, alpha=0.18, linewidth=0)


def _rows(axes: Axes, labels: Sequence[str], unit: str, what: str) -> None:
    axes.set_yticks(range(len(labels)), [style.fit(label, 1.15, style.SMALL) for label in labels])
    axes.set_ylim(-0.6, len(labels) - 0.4)
    axes.axvline(0.0, color=INK, linewidth=0.7)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:+g}" if v else "0"))
    told = f"{what}{f', {unit}' if unit else ''}; shaded: too small to matter"
    axes.set_xlabel(style.fit(told, WIDTH - 1.2, style.SMALL), size=style.SMALL, color=INK, labelpad=2)
    axes.xaxis.set_label_coords(0.33, -0.28 * 5 / max(3, len(labels)))
    _plain(axes)


def _plain(axes: Axes) -> None:
    """Ink and thin frames only."""
    axes.set_facecolor("none")
    axes.tick_params(labelsize=style.SMALL, colors=INK, length=2.5, width=0.6)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(GREY)
        spine.set_linewidth(0.6)
