"""A batch judged: paired effects of every arm, and a verdict on each outcome, as its experiment file declares them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from moatlab.errors import InputError
from moatlab.evidence.effects import Effect, Points, contrast, of_arms
from moatlab.evidence.identical import why_the_same
from moatlab.evidence.looks import Seen, judge_at, question, tell_looks
from moatlab.evidence.units import Draws, of_experiment
from moatlab.evidence.verdicts import Predicted, Prediction, Verdict
from moatlab.experiments.registered import Registered, registered
from moatlab.experiments.spec import Contrast
from moatlab.results.text.numbers import aligned, p_text, short

if TYPE_CHECKING:
    from moatlab.experiments import Batch


def effects_of(batch: Batch, on: Registered | None = None) -> list[tuple[Effect, Prediction, Contrast]]:
    """The registered contrasts, or every arm less the control, on each outcome, with what was predicted of it.

    What no complete pair has a value for is left out.
    """
    experiment, outcomes, points = batch.experiment, batch.outcomes(), of_experiment(batch.experiment)
    says = (on or registered(batch.folder, experiment.spec)).declared
    same = says["test"]["kind"] == "equivalence"
    found = []
    for name, outcome in says["outcomes"].items():
        if name not in experiment.outcomes:
            continue  # registered, and no longer in the file
        for label, table in says["contrasts"].items():
            asked = Contrast(**table)
            if not set(asked.weights) <= set(experiment.arms) or (asked.outcomes and name not in asked.outcomes):
                continue
            try:
                effect = contrast(outcomes, name, asked.weights, asked.points or points, label, asked.against or 0.0)
            except InputError:
                continue  # no pair is complete; `moatlab status` says what is missing
            word: Predicted = asked.predicted.get(name, outcome["predicted"])
            word = "none" if same and word == "open" else word
            tag = outcome.get("claim") or says["claim"]
            found.append((effect, Prediction(word, outcome["smallest_effect"] or 0.0, tag), asked))
    return found


def judged(batch: Batch) -> list[Verdict]:
    """Verdicts on all effects of a batch as one family, in the order of the file, at the level that earlier looks left.

    The look is written into the batch's folder.  The smallest effect of interest, the prediction, the claim's tag and
    the confidence are those that were registered; where the test is of equivalence, an outcome of which nothing else is
    predicted is predicted to have no effect.
    """
    experiment = batch.experiment
    on = registered(batch.folder, experiment.spec)
    found = effects_of(batch, on)
    ended = batch.runs().query("status != 'missing'").groupby("arm").size()
    seen = [min(int(ended.get(arm, 0)) for arm in asked.weights) for _, _, asked in found]
    return judge_at(
        batch.folder, [(effect, prediction) for effect, prediction, _ in found],
        [question(batch, effect.outcome, asked) for effect, _, asked in found],
        [Seen(runs, experiment.spec.replications * len(batch.plan["point"].unique())) for runs in seen],
        on.declared["test"]["confidence"],
    )  # fmt: skip


def tell(batch: Batch, verdicts: list[Verdict]) -> list[str]:
    """Lines of a table of verdicts, with what was predicted and when, the look, and what makes them less sure."""
    if not verdicts:
        return []
    on = registered(batch.folder, batch.experiment.spec)
    level = on.declared["test"]["confidence"]
    width = f"{100 * level:g} % interval"
    head = ["outcome", "contrast", "baseline", "effect", width, "smallest", "d_z", "P of the verdict", "predicted",
            "verdict"]  # fmt: skip
    rows, notes, same = [], {}, why_the_same(batch, verdicts)
    for v in verdicts:
        low, high = v.effect.mean.interval(level)
        mark = "*" if v.effect.caution else ""
        told = v.reason if v.verdict == "undecided" or v.finding == "same" or v.earlier is not None else ""
        if v.finding == "same" and same.keys() & v.effect.weights:
            told = ""  # said of the arm as a whole
        notes[v.effect.outcome, v.effect.name] = v.effect.caution or told
        rows.append([
            v.effect.outcome, v.effect.name, short(v.effect.baseline), short(v.estimate),
            f"[{short(low)}, {short(high)}]", f"±{short(v.prediction.smallest)}" if v.prediction.smallest else "none",
            short(v.effect.dz, 2), p_text(v.p_verdict), v.prediction.predicted, v.verdict + mark,
        ])  # fmt: skip
    shape = verdicts[0].effect.values.shape
    units = f"{shape[1]} seeds" if shape[0] == 1 else f"{shape[0]} draws x {shape[1]} seeds"
    title = f"Paired differences, judged ({on.declared['claim']} claim; {units})"
    if on.declared["prediction"]:
        title += f"\npredicted: {on.declared['prediction']}"
    lines = aligned(title, head, rows)
    lines += [f"  {outcome}, {name}: {note}" for (outcome, name), note in notes.items() if note]
    lines += [f"  {line}" for line in (*same.values(), *tell_looks(batch.folder, verdicts), *on.notes)]
    return [*lines, ""]


def picture(batch: Batch, verdicts: list[Verdict]) -> Any:
    """The verdicts of a batch as a matplotlib figure."""
    from moatlab import show

    experiment = batch.experiment
    subtitle = f"{experiment.question or experiment.name}  Shaded: smaller than the smallest effect of interest"
    counts = Counter(verdict.verdict for verdict in verdicts)
    told = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    return show.effects(verdicts, f"{experiment.name}: {told}", subtitle, experiment.name)


def differences(batch: Batch, points: Points | None = None) -> pd.DataFrame:
    """By outcome and treatment: outcome, arm, pairs, mean, low, high (of the mean, at the experiment's confidence).

    A pair of which one run is missing or undefined does not count.  ``points`` are those of `contrast`, by default
    what the design says.
    """
    experiment, outcomes = batch.experiment, batch.outcomes()
    rows = []
    for name in experiment.outcomes:
        for arm in (arm for arm in experiment.arms if arm != experiment.control):
            weights = {arm: 1.0, experiment.control: -1.0}
            try:
                effect = contrast(
                    outcomes, name, weights, of_experiment(batch.experiment) if points is None else points
                )
            except InputError:
                continue
            low, high = effect.mean.interval(experiment.test.confidence)
            rows.append((name, arm, effect.pairs, effect.estimate, low, high))
    return pd.DataFrame(rows, columns=["outcome", "arm", "pairs", "mean", "low", "high"])


def differences_by_point(batch: Batch) -> pd.DataFrame:
    """The same at each point of a grid or of chosen combinations, over its replications, with the column ``point``."""
    count = len(batch.experiment.plan.points)
    here = [differences(batch, [float(at == place) for at in range(count)]) for place in range(count)]
    return pd.concat([table.assign(point=place) for place, table in enumerate(here)], ignore_index=True)


def path_differences(batch: Batch, metric: str) -> pd.DataFrame:
    """By treatment and month: arm, month, pairs, mean, low, high of the paired difference in one metric."""
    experiment = batch.experiment
    points = of_experiment(experiment)
    count = points.count if isinstance(points, Draws) else len(points)
    table = batch.paths(metric)
    seeds = sorted(table["replication"].unique())
    full = pd.MultiIndex.from_product([range(count), seeds], names=["point", "replication"])
    by_arm = {
        str(arm): rows.pivot(index=["point", "replication"], columns="month", values="value").reindex(full)
        for arm, rows in table.groupby("arm")
    }
    parts = []
    for arm in (arm for arm in experiment.arms if arm != experiment.control):
        if not {arm, experiment.control} <= set(by_arm):
            continue
        weights = {arm: 1.0, experiment.control: -1.0}
        both = np.stack([by_arm[name].to_numpy(np.float64) for name in weights])
        for at, month in enumerate(by_arm[arm].columns):
            try:
                effect = of_arms(metric, weights, both[:, :, at].reshape(2, count, -1), points)
            except InputError:
                continue  # no pair has a value in this month
            low, high = effect.mean.interval(experiment.test.confidence) if effect.values.size > 1 else (np.nan, np.nan)
            parts.append((arm, month, effect.pairs, effect.estimate, low, high))
    return pd.DataFrame(parts, columns=["arm", "month", "pairs", "mean", "low", "high"])
