"""Verdicts: what an interval says about a prediction, given the smallest effect of interest.

More seeds make any difference significant, so a verdict never rests on "different from zero".  The line of effects is
cut at the smallest effect of interest, s:

    below        within        above
    ------------|----+----|------------
               -s    0    s

and an effect is *above*, *below* or *within* when its interval lies wholly there; else it is undecided (Lakens, Scheel
and Isager 2018; Kruschke 2018 for the Bayesian counterpart).  The 95 % interval decides above and below, the 90 %
interval within, which is the pair of one-sided tests at 5 %; so a wrong verdict has a probability of 5 % at most.
Several verdicts of one experiment are a family, corrected by Holm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from moatlab.errors import InputError
from moatlab.evidence.effects import Effect
from moatlab.evidence.inference import Method, holm
from moatlab.evidence.planning import to_decide
from moatlab.results.text.numbers import short

Tag = Literal["input", "mechanical", "emergent"]
TAGS: tuple[Tag, ...] = get_args(Tag)
Predicted = Literal["higher", "lower", "none", "open"]
PREDICTED: tuple[Predicted, ...] = get_args(Predicted)
Finding = Literal["above", "below", "within", "undecided"]
#: What a finding makes of a prediction.
WORDS: dict[tuple[str, str], str] = {
    ("higher", "above"): "supported", ("higher", "below"): "contradicted", ("higher", "within"): "no effect",
    ("lower", "below"): "supported", ("lower", "above"): "contradicted", ("lower", "within"): "no effect",
    ("none", "within"): "supported", ("none", "above"): "contradicted", ("none", "below"): "contradicted",
    ("open", "above"): "rises", ("open", "below"): "falls", ("open", "within"): "no effect",
}  # fmt: skip


@dataclass(frozen=True)
class Prediction:
    """What was written down before running: sign, smallest effect of interest (unit of the outcome), and tag.

    ``input``: the answer was put in, so it is calibration; ``mechanical``: the sign follows from an equation, so the
    size is reported; ``emergent``: feedback decides, and only then there is a verdict on the sign.
    """

    predicted: Predicted = "open"
    smallest: float = 0.0
    tag: Tag = "emergent"

    def __post_init__(self) -> None:
        if self.predicted not in PREDICTED:
            raise InputError(f"a prediction is one of {', '.join(PREDICTED)}, not {self.predicted!r}")
        if self.tag not in TAGS:
            raise InputError(f"a claim is tagged with one of {', '.join(TAGS)}, not {self.tag!r}")
        if not (np.isfinite(self.smallest) and self.smallest >= 0.0):
            raise InputError(f"the smallest effect of interest is a number from 0, not {self.smallest!r}")


@dataclass(frozen=True, eq=False)
class Verdict:
    """A judged effect.  ``p`` is the P value of the decision that the data come closest to (``nearest``, if it stood
    alone), ``p_holm`` the same corrected for the ``family``, and ``finding`` what ``p_holm`` admits."""

    effect: Effect
    prediction: Prediction
    finding: Finding
    nearest: Finding
    p: float
    p_holm: float
    family: int

    @property
    def estimate(self) -> float:
        """The effect, in the unit of the outcome."""
        return self.effect.estimate

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval."""
        return self.effect.interval

    def __str__(self) -> str:
        low, high = self.interval
        size = f", {self.effect.relative:+.1%} of {short(self.effect.baseline)}" if self.effect.baseline else ""
        return f"{self.effect.outcome}: {short(self.estimate)} [{short(low)}, {short(high)}]{size}: {self.verdict}"

    __repr__ = __str__

    @property
    def verdict(self) -> str:
        """One word or two: supported, contradicted, no effect, undecided; rises or falls where nothing was predicted;
        "calibration" for an input and "size only" for a mechanical sign."""
        if self.prediction.tag == "input":
            return "calibration"
        if self.prediction.tag == "mechanical":
            return "size only"
        if self.finding == "undecided":
            return "undecided"
        return WORDS[self.prediction.predicted, self.finding]

    @property
    def agreeing(self) -> float:
        """Share of units (draws of the parameters, or seeds) whose own contrast lies where the mean's does."""
        where = _regions(self.effect.units, self.prediction.smallest)
        return float((where == _regions(np.array([self.effect.estimate]), self.prediction.smallest)[0]).mean())

    @property
    def reason(self) -> str:
        """Why, in a line."""
        small = self.prediction.smallest
        low, high = self.effect.interval
        where = f"[{short(low)}, {short(high)}] against ±{short(small)}"
        if self.prediction.tag == "input":
            return "the answer was put in: no verdict"
        if self.prediction.tag == "mechanical":
            return "the sign follows from an equation: the size is what is found"
        if self.effect.values.size < 2:
            return "one pair has no interval"
        if self.finding == "undecided":
            if self.nearest != "undecided" and self.family > 1:
                return f"{where}: decided alone, not among {self.family} outcomes (Holm)"
            more = to_decide(self.effect, small)
            about = f"; about {more:,} {self.effect.unit}s would decide" if more is not None else ""
            return f"{where}: on both sides{about}"
        told = {"above": "wholly above", "below": "wholly below", "within": "within"}[self.finding]
        if self.finding == "within" and self.effect.p <= 0.05:
            told += "; it is there, but smaller than what is of interest"
        return f"{where}: {told}"

    def row(self) -> dict[str, Any]:
        """The verdict as a row of a table, after the columns of its effect."""
        return {
            **self.effect.row(), "predicted": self.prediction.predicted, "smallest": self.prediction.smallest,
            "tag": self.prediction.tag, "p_decision": self.p, "p_holm": self.p_holm, "finding": self.finding,
            "verdict": self.verdict, "agreeing": self.agreeing, "reason": self.reason,
        }  # fmt: skip


def _regions(values: Any, smallest: float) -> Any:
    return np.where(values > smallest, 1, np.where(values < -smallest, -1, 0))


def decision(effect: Effect, smallest: float, method: Method = "t") -> tuple[Finding, float]:
    """The finding that the data come closest to, and the level at which they would just decide for it.

    Twice the one-sided P values stand for the two-sided interval; that of equivalence is taken as it is.
    With no smallest effect (0) only what is exactly zero in every pair is within.
    """
    mean = effect.by(method)
    if mean.estimate == mean.error == 0.0:
        return "within", 0.0  # exactly nothing happened, in every pair
    options: dict[Finding, float] = {
        "above": min(1.0, 2.0 * mean.p_above(smallest)),
        "below": min(1.0, 2.0 * mean.p_below(-smallest)),
    }
    if smallest > 0.0:
        options["within"] = mean.p_within(smallest)
    best = min(options, key=lambda name: options[name])
    return best, options[best]


def judge(judged: Sequence[tuple[Effect, Prediction]], method: Method = "t", level: float = 0.95) -> list[Verdict]:
    """Verdicts of one family of effects, in order.

    Those with a verdict on the sign (tag ``emergent``) are the family that Holm's correction counts.
    """
    decisions = [decision(effect, prediction.smallest, method) for effect, prediction in judged]
    counted = [prediction.tag == "emergent" for _, prediction in judged]
    p = np.array([p if counts else np.nan for (_, p), counts in zip(decisions, counted, strict=True)])
    corrected = holm(p)
    found = []
    for (effect, prediction), (best, alone), family_p, counts in zip(
        judged, decisions, corrected, counted, strict=True
    ):
        final = float(family_p) if counts else alone
        found.append(Verdict(
            effect, prediction, best if final <= 1.0 - level else "undecided",
            best if alone <= 1.0 - level else "undecided", alone, final, sum(counted),
        ))  # fmt: skip
    return found


def verdicts_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One row a verdict."""
    return pd.DataFrame([verdict.row() for verdict in verdicts])
