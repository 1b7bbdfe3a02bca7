"""Two batches against each other: the runs that both have, by parameters and seed, outcome by outcome.

A run of the one is paired with that run of the other which has the same point of the design and the same seed, so what
is compared shares its random draws, as arms of one batch do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from moatlab.errors import InputError
from moatlab.evidence.effects import Effect, contrast
from moatlab.evidence.units import of_experiment
from moatlab.evidence.verdicts import Prediction, Verdict, judge
from moatlab.scenario.addresses import nearest

if TYPE_CHECKING:
    from moatlab.experiments import Batch

#: What the two batches are called as arms of the comparison.
FIRST, SECOND = "first", "second"


@dataclass(frozen=True)
class BetweenBatches:
    """Verdicts on the second batch less the first, ``notes`` on what was left out, and the pairs of each arm."""

    verdicts: list[Verdict]
    notes: list[str]
    pairs: dict[str, int]


def between(first: Batch, second: Batch, arm: str | None = None) -> BetweenBatches:
    """Paired differences of the outcomes that two batches have in common, in ``arm`` or in every arm of both.

    The smallest effects of interest are those of the first batch.  Raises `InputError` where they share no arm, no
    outcome, or fewer than two runs of an arm.
    """
    arms = [name for name in first.experiment.arms if name in second.experiment.arms]
    if arm is not None:
        for batch in (first, second):
            if arm not in batch.experiment.arms:
                raise InputError(f"{batch.folder} has no arm {arm!r}; {nearest(arm, batch.experiment.arms)}")
        arms = [arm]
    if not arms:
        raise InputError(f"{first.folder} and {second.folder} have no arm in common: "
                         f"{', '.join(first.experiment.arms)}; {', '.join(second.experiment.arms)}")  # fmt: skip
    names, notes = _outcomes(first, second)
    one, other = first.outcomes(), second.outcomes()
    family: list[tuple[Effect, Prediction]] = []
    pairs = {}
    for name in arms:
        places = _pairs(first, second, name)
        pairs[name] = len(places)
        if len(places) < 2:
            raise InputError(
                f"arm {name}: runs with the same parameters and seed: {len(places)}, a comparison needs 2; run both "
                "batches with the same seeds"
            )
        table = pd.concat([_arm(one, name, FIRST, None), _arm(other, name, SECOND, places)], ignore_index=True)
        for outcome in names:
            effect = contrast(table, outcome, {SECOND: 1.0, FIRST: -1.0}, of_experiment(first.experiment), name)
            smallest = first.experiment.smallest_effect.get(outcome, 0.0)
            family.append((effect, Prediction("open", smallest)))
    if first.manifest.get("source") != second.manifest.get("source"):
        notes.append("the batches were run by different versions of the model")
    return BetweenBatches(judge(family), notes, pairs)


def _outcomes(first: Batch, second: Batch) -> tuple[list[str], list[str]]:
    """The outcomes that both declare alike, and what is said of the others."""
    one, other = first.experiment.outcomes, second.experiment.outcomes
    horizons = first.experiment.months, second.experiment.months
    names, notes = [], []
    for name, outcome in one.items():
        if name not in other:
            continue
        mine, theirs = ((o.metric, o.months or (0, m - 1), o.reduce)
                        for o, m in zip((outcome, other[name]), horizons, strict=True))  # fmt: skip
        if mine == theirs:
            names.append(name)
        else:
            notes.append(f"outcome {name} is left out: it is not the same number in both")
    if not names:
        raise InputError(
            f"{first.folder} and {second.folder} have no outcome in common; {'; '.join(notes)}".rstrip("; ")
        )
    return names, notes


def _pairs(first: Batch, second: Batch, arm: str) -> dict[tuple[int, int], tuple[int, int]]:
    """Point and replication in the first batch of each run of the second that has its counterpart there."""

    def known(batch: Batch) -> dict[tuple[object, ...], tuple[int, int]]:
        plan = batch.runs()
        plan = plan[(plan["arm"] == arm) & (plan["status"] == "done")]
        uncertain = sorted(batch.experiment.uncertainties)
        keys = zip(plan["seed"], *(plan[name] for name in uncertain), strict=True)
        places = zip(plan["point"].astype(int), plan["replication"].astype(int), strict=True)
        return {(tuple(uncertain), *key): place for key, place in zip(keys, places, strict=True)}

    there = known(first)
    return {place: there[key] for key, place in known(second).items() if key in there}


def _arm(
    outcomes: pd.DataFrame, arm: str, name: str, places: dict[tuple[int, int], tuple[int, int]] | None
) -> pd.DataFrame:
    """The outcomes of an arm under another name, at the places that their counterparts have."""
    mine = outcomes[outcomes["arm"] == arm].assign(arm=name)
    if places is None:
        return mine
    at = list(zip(mine["point"].astype(int), mine["replication"].astype(int), strict=True))
    mine = mine[[place in places for place in at]]
    moved = [places[place] for place in at if place in places]
    return mine.assign(point=[point for point, _ in moved], replication=[seed for _, seed in moved])
