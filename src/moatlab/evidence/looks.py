"""Looks at a batch: written down in its folder, counted, and judged at the level that is left.

A *question* is one outcome and one contrast in one experiment, whatever its seeds and points.  Judging it on runs that
no earlier look saw is a new look; the same runs again are the same look.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moatlab.evidence.effects import Effect
from moatlab.evidence.spending import ONCE, Look, look, spent
from moatlab.evidence.verdicts import Earlier, Prediction, Verdict, judge
from moatlab.experiments.fresh import ATTEMPTS, LOOKS, attempt
from moatlab.experiments.journal import Journal

if TYPE_CHECKING:
    from moatlab.experiments import Batch
    from moatlab.experiments.spec import Contrast

Row = dict[str, Any]


def question(batch: Batch, outcome: str, contrast: Contrast) -> str:
    """The digest of what is asked: model, scenario, arms, outcome and contrast; not its seeds, points and runs."""
    spec, about = batch.experiment.spec, batch.manifest
    tables = spec.model_dump(mode="json", include={"set", "events", "uncertainties"})
    arms = {name: spec.all_arms[name].model_dump(mode="json", include={"set", "events", "luck"})
            for name in contrast.weights}  # fmt: skip
    asked = [
        about.get("model"), about.get("scenario_digest"), about.get("own_agents"), batch.experiment.spec.months, tables,
        arms, spec.design.kind, spec.design.model_dump(mode="json")["points"],
        spec.outcomes[outcome].model_dump(mode="json", include={"metric", "months", "reduce"}),
        contrast.weights, contrast.points,
    ]  # fmt: skip
    made = spec.outcomes[outcome]
    further = [made.plus, made.per, made.log, contrast.against]
    asked += [further] if any(further) else []
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Seen:
    """Runs of each arm that ended by now, and those that the experiment plans."""

    runs: int
    planned: int


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question with what the journal says of earlier looks at it."""

    question: str
    data: str
    seen: Seen
    before: tuple[Row, ...]
    new: bool

    @property
    def planned(self) -> int:
        """What was planned at the first look: what is planned later moves no border."""
        return int(self.before[0]["planned"]) if self.before else self.seen.planned

    def look(self, alpha: float, scale: float) -> Look:
        """Which look this is."""
        seen = max((row["runs"] / self.planned for row in self.before), default=None)
        number = 1 + max((row["look"] for row in self.before), default=0)
        found = look(self.seen.runs / self.planned, seen, number, alpha)
        return replace(found, share=found.share * scale, scale=scale)

    def decided(self, smallest: float) -> Earlier | None:
        """What the first look that decided it found."""
        for row in self.before:
            if row["finding"] in ("above", "below", "within") and row["smallest"] == smallest:
                return Earlier(row["finding"], row["p"], row["look"])
        return None


def judge_at(
    folder: Path, family: Sequence[tuple[Effect, Prediction]], questions: Sequence[str], seen: Sequence[Seen],
    level: float = 0.95,
) -> list[Verdict]:  # fmt: skip
    """Verdicts of a family, each at the level that earlier looks left; a new look is written into the folder.

    A folder that takes no look into its journal has that said in `Look.recorded`.
    """
    journal = Journal(folder / LOOKS)
    rows: dict[str, list[Row]] = {}
    for entry in journal.entries():
        for row in entry["questions"]:
            rows.setdefault(row["question"], []).append(row)
    confirms = attempt(folder)
    scale = 1.0 if confirms is None else spent(confirms[0]) - spent(confirms[0] - 1)
    asked = [_asked(rows.get(q, []), q, e, s) for (e, _), q, s in zip(family, questions, seen, strict=True)]
    tested = [prediction.tag == "emergent" for _, prediction in family]
    verdicts = judge(
        family, level=level,
        looks=[a.look(1.0 - level, scale) if t else ONCE for a, t in zip(asked, tested, strict=True)],
        earlier=[a.decided(p.smallest) if t else None for a, t, (_, p) in zip(asked, tested, family, strict=True)],
    )  # fmt: skip
    new = [_row(v, a) for v, a, t in zip(verdicts, asked, tested, strict=True) if t and a.new]
    if new:
        try:
            journal.append({"questions": new})
        except OSError:
            return [replace(v, look=replace(v.look, recorded=False)) for v in verdicts]
    return verdicts


def fresh_share(folder: Path) -> float:
    """The share of the level that the first look at the next confirmatory run of a folder has."""
    number = 1 + max((int(entry["attempt"]) for entry in Journal(folder / ATTEMPTS).entries()), default=0)
    return (spent(number) - spent(number - 1)) * spent(1.0)


def _asked(mine: Sequence[Row], question: str, effect: Effect, seen: Seen) -> _Asked:
    data = hashlib.sha256(effect.values.tobytes()).hexdigest()[:16]
    at = next((i for i, row in enumerate(mine) if row["data"] == data), len(mine))
    return _Asked(question, data, seen, tuple(mine[:at]), at == len(mine))


def _row(v: Verdict, asked: _Asked) -> Row:
    return {
        "question": asked.question, "outcome": v.effect.outcome, "contrast": v.effect.name, "data": asked.data,
        "look": v.look.number, "runs": asked.seen.runs, "planned": asked.planned, "share": v.look.share,
        "smallest": v.prediction.smallest, "finding": v.finding, "p": None if np.isnan(v.p_verdict) else v.p_verdict,
        "estimate": v.estimate,
    }  # fmt: skip


def tell_looks(folder: Path, verdicts: Sequence[Verdict]) -> list[str]:
    """Lines that say which look this is, what earlier ones were, and what level is used."""
    judged = [v for v in verdicts if v.prediction.tag == "emergent"]
    if not judged:
        return []
    last = max(judged, key=lambda v: v.look.number)
    number, percent = last.look.number, 100.0 * last.alpha
    used = 100.0 * last.alpha * last.look.share
    lines = []
    confirms = attempt(folder)
    if confirms is not None:
        lines.append(f"confirmatory run {confirms[0]} of {confirms[1]}: only seeds that no earlier look has used")
    before = [entry for entry in Journal(folder / LOOKS).entries() if any(
        row["look"] < number and row["outcome"] == last.effect.outcome and row["contrast"] == last.effect.name
        for row in entry["questions"])]  # fmt: skip
    times = "; ".join(
        f"look {row['look']} {entry['time']}, {row['runs']} runs an arm" for entry in before[-5:]
        for row in entry["questions"] if (row["outcome"], row["contrast"]) == (last.effect.outcome, last.effect.name)
    )  # fmt: skip
    lines.append(f"look {number} at this batch, with {used:.2g} % of the {percent:.3g} % of error that all looks share"
                 + (f" ({times})" if times else ""))  # fmt: skip
    if not last.look.recorded:
        lines.append(f"{folder} cannot be written, so this look is not on record")
    return lines
