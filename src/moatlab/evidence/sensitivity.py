"""Which parameter moves an outcome: the analyses of Morris and Sobol, by SALib, on a batch of runs.

A design of kind ``morris`` or ``sobol`` lays its points out in a fixed order, and the analyses read the outcomes in
that order; they are linear in every point, so one that failed cannot be left out (SALib would return not-a-number, or
shift all that follows).  An incomplete design is refused with what is missing.

The coordinates are those of the unit cube in which the sample was laid out: an elementary effect is the change of the
outcome over the whole range of a parameter, whatever its unit and scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from moatlab.errors import InputError
from moatlab.evidence.inference import Array
from moatlab.scenario.addresses import nearest

if TYPE_CHECKING:
    from moatlab.experiments import Batch
    from moatlab.experiments.experiment import Layout

#: Resamples of SALib's bootstrap, its level, and its seed (0 would leave SALib unseeded).
RESAMPLES, LEVEL, SEED = 1000, 0.95, 20230119
#: Missing points that a refusal lists.
LISTED = 5
ANALYSES = ("morris", "sobol")


@dataclass(frozen=True)
class Sensitivity:
    """The analysis of one outcome in one arm, or of its difference between two.

    ``table`` has a row a parameter, in the order of the design.  Morris: ``mu`` (mean elementary effect), ``mu_star``
    (mean of absolute values) with ``mu_star_low`` and ``mu_star_high``, ``sigma`` (their standard deviation: large
    where the effect depends on the other parameters or bends).  Sobol: ``first`` (share of the variance that goes if
    the parameter is known) and ``total`` (share that stays if all others are known), each with ``_low`` and ``_high``.
    ``pairs`` has a row a pair of parameters with the ``second``-order share, for Sobol designs that ask for it.
    """

    method: str
    outcome: str
    arm: str
    table: pd.DataFrame
    pairs: pd.DataFrame
    variance: float
    points: int
    replications: int

    @property
    def size(self) -> str:
        """The size of the design in words."""
        return f"{self.points} points, {self.replications} seed{'s' if self.replications > 1 else ''} each"

    @property
    def measure(self) -> str:
        """The column that ranks the parameters."""
        return "mu_star" if self.method == "morris" else "total"

    def ranked(self) -> pd.DataFrame:
        """The table with the most important parameter first."""
        return self.table.sort_values(self.measure, ascending=False, kind="stable", ignore_index=True)

    def plot(self) -> Any:
        """A picture as a matplotlib figure."""
        from moatlab import show

        return show.sensitivity([self], f"moatlab, {self.size}")


def sensitivity(batch: Batch, outcome: str, arm: str | None = None, versus: str | None = None) -> Sensitivity:
    """Analyse an outcome in ``arm`` (by default the control), or ``arm`` less ``versus``, over a batch's design.

    Replications of a point are averaged.  Raises `InputError` for a design of another kind, an outcome or arm that
    does not exist, runs that are missing, and values that are not defined.
    """
    experiment = batch.experiment
    design = experiment.design
    if design.kind not in ANALYSES:
        raise InputError(f"{experiment.name}: sensitivity takes a design of kind morris or sobol, not {design.kind}")
    if outcome not in experiment.outcomes:
        raise InputError(f"there is no outcome {outcome!r}; {nearest(outcome, experiment.outcomes)}")
    chosen = experiment.control if arm is None else arm
    for name in (chosen, *([versus] if versus is not None else [])):
        if name not in experiment.arms:
            raise InputError(f"there is no arm {name!r}; {nearest(name, experiment.arms)}")
    values = _of_points(batch, outcome, chosen)
    if versus is not None:
        values = values - _of_points(batch, outcome, versus)
    told = chosen if versus is None else f"{chosen} - {versus}"
    return analyse(design, values, outcome, told, int(batch.plan["replication"].nunique()))


def analyse(
    design: Layout, values: Array, outcome: str = "outcome", arm: str = "", replications: int = 1
) -> Sensitivity:
    """The same from the outcome's ``values`` [points], in the order of the design's points."""
    try:
        from SALib.analyze import morris, sobol
    except ImportError:
        raise InputError("sensitivity needs SALib: pip install 'moatlab[analysis]'") from None
    names, variance = list(design.names), float(values.var())
    pairs = pd.DataFrame(columns=["one", "other", "second", "second_low", "second_high"])
    if design.kind == "morris":
        found = morris.analyze(
            design.problem, design.unit_sample(), values, num_resamples=RESAMPLES, conf_level=LEVEL,
            num_levels=design.levels, seed=np.random.default_rng(SEED),
        )  # fmt: skip
        columns: dict[str, Any] = {"parameter": names, "mu": found["mu"], "mu_star": found["mu_star"]}
        columns |= _bounds("mu_star", found["mu_star"], found["mu_star_conf"])
        columns["mu_star_low"] = np.maximum(columns["mu_star_low"], 0.0)
        columns["sigma"] = found["sigma"]
    elif variance == 0.0:
        # Shares of no variance: SALib divides by it.
        nothing = np.zeros(len(names))
        columns = {"parameter": names}
        for name in ("first", "total"):
            columns |= {name: nothing, **_bounds(name, nothing, nothing)}
    else:
        found = sobol.analyze(
            design.problem, values, calc_second_order=design.second_order, num_resamples=RESAMPLES, conf_level=LEVEL,
            seed=SEED,
        )  # fmt: skip
        columns = {"parameter": names}
        for name, theirs in (("first", "S1"), ("total", "ST")):
            columns |= {name: found[theirs], **_bounds(name, found[theirs], found[f"{theirs}_conf"])}
        if design.second_order:
            at = np.triu_indices(len(names), 1)
            second, half = np.asarray(found["S2"])[at], np.asarray(found["S2_conf"])[at]
            pairs = pd.DataFrame({
                "one": [names[i] for i in at[0]], "other": [names[i] for i in at[1]], "second": second,
                **_bounds("second", second, half),
            })  # fmt: skip
    table = pd.DataFrame({name: column if name == "parameter" else np.asarray(column, np.float64)
                          for name, column in columns.items()})  # fmt: skip
    return Sensitivity(design.kind, outcome, arm, table, pairs, variance, int(values.size), replications)


def _bounds(name: str, value: Any, half: Any) -> dict[str, Array]:
    middle, reach = np.asarray(value, np.float64), np.asarray(half, np.float64)
    return {f"{name}_low": middle - reach, f"{name}_high": middle + reach}


def _of_points(batch: Batch, outcome: str, arm: str) -> Array:
    """The mean over replications at every point, in order; refuses a design with a gap."""
    plan = batch.plan[batch.plan["arm"] == arm]
    rows = batch.outcomes()
    mine = rows[(rows["arm"] == arm) & (rows["outcome"] == outcome)].set_index(["point", "replication"])["value"]
    wanted = pd.MultiIndex.from_frame(plan[["point", "replication"]])
    values: Any = mine.reindex(wanted)
    gaps = values.index[~np.isfinite(values.to_numpy(np.float64))]
    if len(gaps):
        missing = batch.missing()
        gone = {(a, p, r): s for a, p, r, s in missing[["arm", "point", "replication", "status"]].to_numpy()}
        told = [f"point {p}, replication {r} ({gone.get((arm, p, r), 'its value is not defined')})" for p, r in gaps]
        more = f"; and {len(told) - LISTED} more" if len(told) > LISTED else ""
        raise InputError(
            f"the {batch.experiment.design.kind} design is incomplete in arm {arm}, outcome {outcome}: "
            f"{len(gaps)} of {len(wanted)} runs have no value: {'; '.join(told[:LISTED])}{more}"
        )
    means: Array = values.groupby(level="point").mean().sort_index().to_numpy(np.float64)
    return means
