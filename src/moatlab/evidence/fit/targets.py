"""Targets: figures that a run is held against, each with source, tag and tolerance, and how each is read off a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from moatlab.errors import InputError
from moatlab.results.payments import INFRASTRUCTURE
from moatlab.scenario.addresses import nearest
from moatlab.scenario.files import read_tables

if TYPE_CHECKING:
    from moatlab.results.results import Results

#: The layers of chips alone, without the clouds that rent them out.
CHIPS = ("chipmakers", "foundry")
Path = NDArray[np.float64]
Span = tuple[int, int]


class Target(BaseModel):
    """One figure.  It is met where the statistic lies from ``low`` to ``high``; a bound that is missing does not bind.

    ``months`` and ``base`` are first and last month, both included.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    says: str
    metric: str
    statistic: str
    months: Span
    base: Span | None = None
    low: float = -np.inf
    high: float = np.inf
    unit: str
    tag: Literal["known", "hindsight"]
    source: str

    @model_validator(mode="after")
    def _sound(self) -> Target:
        if self.statistic not in STATISTICS:
            raise ValueError(f"there is no statistic {self.statistic!r}; {nearest(self.statistic, STATISTICS)}")
        if not 0 <= self.months[0] <= self.months[1]:
            raise ValueError(f"months {self.months[0]} to {self.months[1]} are no span")
        if (self.base is not None) != (self.statistic == "change"):
            raise ValueError("base goes with the statistic change, and change with a base")
        if self.low > self.high or (np.isinf(self.low) and np.isinf(self.high)):
            raise ValueError("low and high leave nothing, or everything, inside")
        return self

    @property
    def horizon(self) -> int:
        """Months that a run needs for it."""
        return self.months[1] + 1

    def measure(self, run: Results) -> float:
        """The statistic of one run; not-a-number where it has no value.  Raises `InputError` for an unknown metric."""
        return STATISTICS[self.statistic](self, run)

    def met(self, value: float) -> bool:
        """Whether a value lies inside."""
        return bool(self.low <= value <= self.high)

    @property
    def wanted(self) -> str:
        """The range in words."""
        if np.isinf(self.low):
            return f"at most {self.high:g}"
        return f"at least {self.low:g}" if np.isinf(self.high) else f"{self.low:g} to {self.high:g}"


def _path(target: Target, run: Results, span: Span) -> Path:
    return run.series(target.metric).to_numpy(dtype=float)[span[0] : span[1] + 1]


def _mean(target: Target, run: Results) -> float:
    path = _path(target, run, target.months)
    return float(np.nanmean(path)) if np.isfinite(path).any() else np.nan


def _sum(target: Target, run: Results) -> float:
    return float(np.nansum(_path(target, run, target.months)))


def _largest(target: Target, run: Results) -> float:
    path = _path(target, run, target.months)
    return float(np.nanmax(path)) if np.isfinite(path).any() else np.nan


def _ratio_to_first(target: Target, run: Results) -> float:
    return _largest(target, run) / float(_path(target, run, target.months)[0])


def _last_to_first(target: Target, run: Results) -> float:
    path = _path(target, run, target.months)
    return float(path[-1] / path[0])


def _change(target: Target, run: Results) -> float:
    assert target.base is not None
    return _mean(target, run) / float(np.nanmean(_path(target, run, target.base)))


def _share_of(layers_counted: Sequence[str], target: Target, run: Results) -> float:
    """The part of these layers; losses of a layer count as 0, so that the parts add to the whole."""
    layers = run.layers.to_pandas()
    mine = layers[layers["month"].between(*target.months)]
    share = run.market.to_pandas().set_index("month")["generative_share"]
    weight = np.where(mine["layer"].isin(INFRASTRUCTURE), mine["month"].map(share), 1.0)
    sums = (mine[target.metric] * weight).groupby(mine["layer"]).sum().clip(lower=0.0)
    return float(sums[list(layers_counted)].sum() / sums.sum()) if sums.sum() > 0 else np.nan


STATISTICS: dict[str, Callable[[Target, Results], float]] = {
    "mean": _mean,
    "sum": _sum,
    "largest": _largest,
    "ratio_to_first": _ratio_to_first,
    "last_to_first": _last_to_first,
    "change": _change,
    "infrastructure_share": partial(_share_of, INFRASTRUCTURE),
    "chips_share": partial(_share_of, CHIPS),
}


def targets_of(scenario: str) -> list[Target]:
    """The targets of a packaged scenario, in the order of its file.  Raises `InputError` where there are none."""
    folder = files("moatlab.evidence.fit").joinpath("targets")
    known = sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    if scenario not in known:
        raise InputError(f"there are no targets for {scenario!r}; {nearest(scenario, known)}")
    return read_targets(folder.joinpath(f"{scenario}.toml").read_text(encoding="utf-8"), f"targets of {scenario}")


def read_targets(text: str, where: str) -> list[Target]:
    """Targets from a TOML text.  Raises `InputError` with the line or the target that is wrong."""
    tables = read_tables(text, where)
    found = []
    for name, table in tables.items():
        try:
            found.append(Target(name=name, **table))
        except (ValidationError, TypeError) as problem:
            first = problem.errors()[0] if isinstance(problem, ValidationError) else {"loc": (), "msg": str(problem)}
            place = ".".join([name, *(str(part) for part in first["loc"])])
            raise InputError(f"{place}: {first['msg']}", where) from None
    return found
