"""Whether the text of a figure can be read."""

from __future__ import annotations

from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox


def renderer_of(figure: Figure) -> FigureCanvasAgg:
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()  # type: ignore[no-untyped-call]
    return canvas


def boxes(figure: Figure) -> list[tuple[str, Bbox]]:
    """Text and extent of every text that is drawn, ticks outside the limits left out."""
    renderer = renderer_of(figure).get_renderer()  # type: ignore[no-untyped-call]
    hidden: set[int] = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-6 * (high - low)
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not axis.get_visible() or not axes.axison or not low - slack <= tick.get_loc() <= high + slack:
                    hidden |= {id(tick.label1), id(tick.label2)}
    texts = [t for t in figure.findobj(Text) if isinstance(t, Text)]
    shown = [t for t in texts if t.get_visible() and t.get_text().strip() and id(t) not in hidden]
    labels = [t for t in shown if t.axes is None or t.axes.axison or t not in (t.axes.xaxis.label, t.axes.yaxis.label)]
    return [(t.get_text(), Text.get_window_extent(t, renderer)) for t in labels]


def cut_off(figure: Figure) -> list[str]:
    """Texts that reach beyond the sheet."""
    sheet = figure.bbox
    return [text for text, box in boxes(figure) if box.x0 < 0 or box.y0 < 0 or box.x1 > sheet.x1 or box.y1 > sheet.y1]


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts of which one lies on the other by more than 2.5 pixels both ways."""
    return [
        (one, other)
        for (one, first), (other, second) in combinations(boxes(figure), 2)
        if min(first.x1, second.x1) - max(first.x0, second.x0) > 2.5
        and min(first.y1, second.y1) - max(first.y0, second.y0) > 2.5
    ]
