"""What a batch says, for its methods `Batch.verdicts` and `Batch.plot`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from moatlab.errors import InputError
from moatlab.evidence.report import differences, judged, path_differences, picture
from moatlab.evidence.verdicts import Verdict, Verdicts
from moatlab.results.addresses import find_metric
from moatlab.scenario.addresses import nearest

if TYPE_CHECKING:
    from moatlab.experiments import Batch
    from moatlab.show.arms import Arms


def verdicts(batch: Batch) -> Verdicts:
    """The verdicts on a batch, which is a look that its folder keeps."""
    return Verdicts(judged(batch))


def plot(batch: Batch, name: str = "arms") -> Any:
    """A picture of a batch by name, as a matplotlib figure.  Raises `InputError` for another name."""
    if not len(batch.outcomes()):
        raise InputError(f"{batch.folder} has no successful run yet, so there is nothing to show")
    there = pictures(batch, differences(batch), judged(batch) if name == "verdicts" else [])
    if name not in there:
        raise InputError(f"there is no picture {name!r}; {nearest(name, [*there, 'verdicts'])}")
    return there[name]()


def pictures(batch: Batch, gaps: pd.DataFrame, judged_: list[Verdict]) -> dict[str, Any]:
    """Every picture that a batch gives, by name, each drawn when it is called; ``gaps`` are its paired differences."""
    from moatlab.show.arms import plan

    there: dict[str, Any] = dict(plan(gather(batch, gaps)))
    if judged_:
        there["verdicts"] = partial(picture, batch, judged_)
    return there


def gather(batch: Batch, effects: pd.DataFrame) -> Arms:
    """What the pictures need of a batch."""
    from moatlab.show.arms import Arms

    experiment, scenario = batch.experiment, batch.experiment.scenario
    units: dict[str, str] = {}
    names: dict[str, str] = {}
    for metric in batch.metrics:
        known = find_metric(metric, scenario.metric_slugs) if scenario is not None else None
        units[metric] = known.unit if known is not None else ""
        kind, slug, *rest = metric.split(".") if "." in metric else ("", metric)
        named = scenario is not None and rest
        names[metric] = f"{scenario.display_name(kind, slug)}: {rest[0]}" if named and scenario else metric
    runs = int(batch.sql("select min(n) as n from (select count(*) as n from runs where status = 'done' group by arm)")
               ["n"].iloc[0])  # fmt: skip
    return Arms(
        title=experiment.name, source=f"moatlab, {experiment.name} on {scenario.title if scenario else 'a function'}",
        start=scenario.start if scenario is not None else "2000-01", months=experiment.months,
        arms=tuple(experiment.arms), control=experiment.control, runs=runs, confidence=experiment.test.confidence,
        bands={m: batch.bands(m).rename(columns={"median": "mid"}) for m in batch.metrics},
        differences={m: path_differences(batch, m) for m in batch.metrics},
        effects=effects, units=units, names=names,
        metric_of={name: o.metric for name, o in experiment.outcomes.items()}, smallest=experiment.smallest_effect,
    )  # fmt: skip
