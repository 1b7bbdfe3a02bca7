"""`moatlab drivers`: which parameters and which mechanisms decide who earns what."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import pandas as pd

from moatlab.cli import study as common
from moatlab.errors import InputError
from moatlab.results.text.numbers import aligned, records
from moatlab.scenario.scenario import Scenario

if TYPE_CHECKING:
    from moatlab.evidence.drivers.study import Drivers, Plan

PICTURES = ("parameters", "mechanisms")


@dataclass(frozen=True, slots=True)
class Size:
    """Trajectories of the screening, rows of the base sample, worlds and orders of the mechanisms."""

    trajectories: int
    rows: int
    worlds: int
    orders: int


QUICK, WHOLE = Size(2, 64, 12, 1), Size(6, 512, 32, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(common.Request):
    """What the command line asked for."""

    months: tuple[int, ...] = ()


def run(request: Request) -> str:
    """Do the study as asked, write its folder, and return sentences and tables."""
    from moatlab.evidence.drivers.study import run_drivers
    from moatlab.experiments.ownership import DRIVERS

    plan = plan_of(request)
    request.pictures.check(PICTURES)
    workers = common.workers_of(request.workers)
    out = common.begin(request, DRIVERS, plan.scenario.name)
    print(common.cost(plan.runs, max(plan.months), workers, common.PLAIN), file=sys.stderr, flush=True)
    with common.progress("runs", None) as tell:
        found = run_drivers(plan, workers, tell)
    data = as_data(found)
    tables = {"parameters": found.sobol, "mechanisms": found.shapley, "screening": screening_table(found)}
    drawn = {"parameters": partial(parameters_picture, found), "mechanisms": partial(mechanisms_picture, found)}
    common.write(out, DRIVERS, plan.scenario.name, request.pictures, data, tables, drawn)
    return common.answer(request, out, data, lambda: tell_all(found))


def plan_of(request: Request) -> Plan:
    """The plan of a study; `InputError` for months that cannot be."""
    from moatlab.evidence.drivers.outcomes import MONTHS, YEAR
    from moatlab.evidence.drivers.study import Plan

    try:
        import SALib  # noqa: F401
    except ImportError:
        raise InputError("drivers needs SALib: pip install 'moatlab[analysis]'") from None
    scenario = Scenario(request.scenario).set_text(request.changes)
    months = tuple(sorted(set(request.months))) or MONTHS
    for month in months:
        if not YEAR <= month <= 1200:
            raise InputError(f"--at is a month from {YEAR} to 1200, by whose end a year is counted, not {month}")
    common.whole_from("--seed", request.seed, 1)
    size = QUICK if request.quick else WHOLE
    return Plan(scenario, months, size.trajectories, size.rows, size.worlds, size.orders, request.seed)


def tell_all(found: Drivers) -> str:
    """Sentences for the layers that vary, and the tables of the last month."""
    from moatlab.evidence.drivers.outcomes import MEASURE
    from moatlab.results.payments import LAYERS

    plan, lines = found.plan, []
    for month in plan.months:
        moved = found.sobol[(found.sobol["month"] == month)].groupby("layer")["sd"].first()
        for layer in sorted(LAYERS, key=lambda name: -float(moved[name]))[:2]:
            lines += wrap(found.sentence(layer, month), 118)
    last = plan.months[-1]
    lines.append("")
    lines += _table(found.sobol[found.sobol["month"] == last], "factor", "total",
                    f"Total indices of the layers' shares of {MEASURE} in the year to month {last} "
                    f"({plan.size} rows of the base sample)", 2)  # fmt: skip
    lines += _table(found.shapley[found.shapley["month"] == last], "mechanism", "points",
                    f"What each mechanism adds, points of the same shares (Shapley values, {plan.worlds} draws; "
                    "* told from nothing)", 1)  # fmt: skip
    lines += wrap("total index: share of the variance that would stay if all else were known; indices of a factor add "
                  f"up to more than one where factors interact. The ten parameters come from a screening of "
                  f"{len(found.screening.parameters)} (Morris, {plan.trajectories} trajectories).", 118)  # fmt: skip
    return "\n".join(lines)


def _table(table: pd.DataFrame, rows: str, value: str, title: str, digits: int) -> list[str]:
    layers = list(dict.fromkeys(table["layer"]))
    body = []
    for name in dict.fromkeys(table[rows]):
        mine = table[table[rows] == name].set_index("layer")
        cells = []
        for layer in layers:
            sure = value == "points" and (mine.loc[layer, "low"] > 0 or mine.loc[layer, "high"] < 0)
            sign = "+" if value == "points" else ""
            text = f"{round(mine.loc[layer, value], digits) + 0.0:{sign}.{digits}f}"
            cells.append(("-" if text.endswith("nan") else text) + ("*" if sure else " " if sign else ""))
        body.append([str(name), *cells])
    return aligned(title, [rows, *layers], body)


def as_data(found: Drivers) -> dict[str, Any]:
    """All of it as plain data."""
    from moatlab.evidence.drivers.outcomes import MEASURE
    from moatlab.market.state.sources import model_digest
    from moatlab.results.payments import LAYERS

    plan = found.plan
    return {
        "scenario": plan.scenario.name, "digest": plan.scenario.digest(), "source": model_digest(), "measure": MEASURE,
        "months": list(plan.months), "trajectories": plan.trajectories, "rows": plan.size, "worlds": plan.worlds,
        "orders": plan.orders, "seed": plan.seed,
        "sentences": {f"{layer}, month {month}": found.sentence(layer, month)
                      for month in plan.months for layer in LAYERS},
        "parameters": records(found.sobol), "mechanisms": records(found.shapley),
    }  # fmt: skip


def screening_table(found: Drivers) -> pd.DataFrame:
    """Morris's mean sizes, a row a parameter and outcome."""
    from moatlab.evidence.drivers.outcomes import names

    screening = found.screening
    return pd.DataFrame([
        {"parameter": parameter, "layer": layer, "month": month, "mu_star": screening.sizes[row, column]}
        for row, parameter in enumerate(screening.parameters)
        for column, (layer, month) in enumerate(names(found.plan.months))
    ])  # fmt: skip


def parameters_picture(found: Drivers) -> Any:
    """Total indices by factor and layer."""
    from moatlab import show
    from moatlab.evidence.drivers.factors import LUCK, OTHERS
    from moatlab.evidence.drivers.outcomes import MEASURE

    table = found.sobol.assign(sure=found.sobol["total_low"] > 0.0)[["month", "layer", "factor", "total", "sure"]]
    alone = table[~table["factor"].isin([OTHERS, LUCK])].groupby("factor")["total"].mean()
    luck = float(table[table["factor"] == LUCK]["total"].mean())
    title = (
        f"{alone.idxmax()} matters most of all parameters (mean total index {alone.max():.2f}), random draws {luck:.2f}"
    )
    return show.drivers(table, "factor", "total", title, f"Total Sobol indices, shares of {MEASURE}; grey: "
                        "not told from nothing", _source(found))  # fmt: skip


def mechanisms_picture(found: Drivers) -> Any:
    """Shapley values by mechanism and layer."""
    from moatlab import show
    from moatlab.evidence.drivers.outcomes import MEASURE

    sure = (found.shapley["low"] > 0.0) | (found.shapley["high"] < 0.0)
    table = found.shapley.assign(sure=sure)[["month", "layer", "mechanism", "points", "sure"]]
    certain: Any = table[table["sure"]]
    title = "No mechanism moves a layer's share for certain"
    if len(certain):
        row = certain.loc[certain["points"].abs().idxmax()]
        word = "adds" if row["points"] > 0 else "takes"
        title = (f"{str(row['mechanism']).capitalize()} {word} most: {abs(row['points']):.0f} points of the share of "
                 f"{row['layer']} in the year to month {row['month']}")  # fmt: skip
    return show.drivers(table, "mechanism", "points", title, f"Shapley values of mechanisms on and off, points of the "
                        f"layers' shares of {MEASURE}; grey: not told from nothing", _source(found), 1)  # fmt: skip


def _source(found: Drivers) -> str:
    return f"moatlab, {found.plan.scenario.name}, draws of the prior, seed {found.plan.seed}"
