"""The summary of a run as data: what a program reads instead of the printed tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from moatlab.results.frames import Array, Frames
from moatlab.results.payments import LAYERS
from moatlab.results.text.captured import economic_shares, leaders_of, profit_shares
from moatlab.results.text.numbers import DIGITS
from moatlab.results.text.summary import FIGURES
from moatlab.results.text.windows import Paths, Period, periods, total_of
from moatlab.scenario.months import month_name

#: Dollars of a layer, M$ of the period.
DOLLARS = ("revenue", "value_added", "gross_profit", "gross_profit_after_depreciation", "operating_profit",
           "economic_profit", "generative_profit")  # fmt: skip
#: Dollars of an owner.
OF_OWNERS = ("revenue", "value_added", "gross_profit_after_depreciation", "operating_profit", "economic_profit",
             "generative_profit", "income_won", "income_lost")  # fmt: skip


def as_data(frames: Frames) -> dict[str, Any]:
    """The first and the last year of a run: layers, leaders, figures, each as median, low and high over seeds.

    Dollars are M$ of the period; shares are between 0 and 1.
    """
    paths = Paths(frames)
    return {
        "scenario": frames.title, "start": frames.start, "months": len(frames.months), "seeds": frames.seeds,
        "events": [text for _, text in frames.events], "dollars": "M$ of the period",
        "periods": [_period(paths, span) for span in periods(frames)],
    }  # fmt: skip


def _period(paths: Paths, span: Period) -> dict[str, Any]:
    start = paths.frames.start
    whole, generative = (profit_shares(paths, span, only) for only in (False, True))
    economic = economic_shares(paths, span)
    layers = {}
    for layer in LAYERS:
        found: dict[str, Any] = {name: spread(total_of(paths.layer(layer, name), span)) for name in DOLLARS}
        found["profit_share"] = spread(whole[layer])
        found["profit_share_generative"] = spread(generative[layer])
        found["economic_share"] = spread(economic[layer])
        leaders, shares, effective = leaders_of(paths, layer, span)
        found["effective_firms"] = spread(np.array(effective))
        found["leaders"] = dict(sorted(leaders.items(), key=lambda item: (-item[1], item[0])))
        found["leader_share"] = spread(np.array(shares))
        layers[layer] = found
    figures = {title.format(unit="$ m").strip(): spread(take(paths, span)) for title, take, _ in FIGURES}
    return {"name": span.name, "first": month_name(span.first, start), "last": month_name(span.end - 1, start),
            "layers": layers, "owners": _owners(paths, span), "figures": figures}  # fmt: skip


def _owners(paths: Paths, span: Period) -> dict[str, Any]:
    owners = paths.frames.owners
    if owners is None or owners.empty:
        return {}
    months = owners[owners["month"].between(span.first, span.end - 1)]
    sums = months.groupby(["owner", "seed"])[list(OF_OWNERS)].sum()
    return {str(owner): {name: spread(own[name].to_numpy(np.float64)) for name in OF_OWNERS}
            for owner, own in sums.groupby("owner")}  # fmt: skip


def spread(values: Array) -> dict[str, float | None]:
    """Median and 5 and 95 % quantiles of the seeds that have a value, in six significant digits."""
    known = values[np.isfinite(values)]
    if not known.size:
        return {"median": None, "low": None, "high": None}
    ends = zip(("median", "low", "high"), np.quantile(known, (0.5, 0.05, 0.95)), strict=True)
    return {name: float(f"{value:.{DIGITS}g}") for name, value in ends}
