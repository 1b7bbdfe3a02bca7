"""Stretches of a run, and its tables as arrays with a row a seed: what the printed summary is computed from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from moatlab.results.frames import Array, Frames
from moatlab.results.metrics import ratio
from moatlab.results.payments import INFRASTRUCTURE
from moatlab.results.text.numbers import columns
from moatlab.scenario.months import month_name


@dataclass(frozen=True)
class Period:
    """Some months of a run, as they are called in headings."""

    name: str
    first: int
    end: int

    @property
    def months(self) -> slice:
        """The columns of these months."""
        return slice(self.first, self.end)


def periods(frames: Frames) -> list[Period]:
    """The first twelve months and the last twelve; all months where there are fewer than thirteen."""
    months = len(frames.months)
    spans = [(0, min(12, months))] + [(months - 12, months)] * (months > 12)
    return [Period(span_name_of(frames, *span), *span) for span in spans]


def span_name_of(frames: Frames, first: int, end: int) -> str:
    """A calendar year by its number, other months by the first and the last."""
    begins, ends = (month_name(month, frames.start) for month in (first, end - 1))
    if begins[:4] == ends[:4] and begins.endswith("-01") and ends.endswith("-12"):
        return begins[:4]
    return begins if begins == ends else f"{begins} to {ends}"


class Paths:
    """The tables of a run as arrays with a row a seed and a column a month."""

    def __init__(self, frames: Frames) -> None:
        self.frames = frames
        self._shape = len(frames.seeds), len(frames.months)
        self._layers = {str(layer): rows for layer, rows in frames.layers.groupby("layer")}

    def market(self, column: str) -> Array:
        """A metric of the market."""
        return self._array(self.frames.market, column)

    def layer(self, layer: str, column: str) -> Array:
        """A metric of a layer."""
        return self._array(self._layers[layer], column)

    def generative(self, layer: str, column: str) -> Array:
        """Dollars of a layer that are attributed to generative AI."""
        dollars = self.layer(layer, column)
        return dollars * np.nan_to_num(self.market("generative_share")) if layer in INFRASTRUCTURE else dollars

    def _array(self, frame: pd.DataFrame, column: str) -> Array:
        ordered = frame.sort_values(["seed", "month"], kind="stable")
        return ordered[column].to_numpy(dtype=np.float64).reshape(self._shape)


Form = Callable[[float], str]


def cell(values: Array, form: Form) -> str:
    """The value of one seed; of several, the median and the band.  A dash where no seed has a value."""
    known = values[np.isfinite(values)]
    if not known.size:
        return "-"
    middle = form(float(np.median(known)))
    if values.size == 1:
        return middle
    low, high = (form(float(np.quantile(known, q))) for q in (0.05, 0.95))
    low = low.removesuffix(" %")
    return f"{middle} ({low}{' to ' if low.startswith('-') else '-'}{high.removesuffix(' %')})"


def table(title: str, head: list[str], rows: list[list[str]], left: tuple[int, ...] = (0,)) -> list[str]:
    """Lines of a table whose title is the head of its first column; all columns but ``left`` stand on the right."""
    return columns([[title, *head], *rows], left)


def total_of(path: Array, span: Period) -> Array:
    """The sum over the months of a period, seed by seed."""
    total: Array = np.nansum(path[:, span.months], axis=1)
    return total


def mean_of(path: Array, span: Period) -> Array:
    """The mean over the months in which there is a value."""
    part = path[:, span.months]
    return ratio(np.nansum(part, axis=1), np.isfinite(part).sum(axis=1))
