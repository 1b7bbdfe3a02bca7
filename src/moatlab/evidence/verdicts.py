"""Verdicts: what an interval says about a prediction, given the smallest effect of interest.

More seeds make any difference significant, so a verdict never rests on "different from zero".  The line of effects is
cut at the smallest effect of interest, s:

    below        within        above
    ------------|----+----|------------
               -s    0    s

and an effect is *above*, *below* or *within* when its 95 % interval lies wholly there; else it is undecided (Lakens,
Scheel and Isager 2018; Kruschke 2018 for the Bayesian counterpart).  Each end of the interval is on the wrong side of
the truth with a probability of 2.5 %, so whatever the true effect, a wrong verdict has one of 5 % at most.  Several
verdicts of one experiment are a family, corrected by Holm; several looks at one batch share the level
(`moatlab.evidence.spending`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from moatlab.errors import InputError
from moatlab.evidence.effects import Effect
from moatlab.evidence.inference import Method, holm
from moatlab.evidence.planning import Needed, to_decide
from moatlab.evidence.spending import ONCE, Look
from moatlab.results.text.html import page, rows
from moatlab.results.text.numbers import short

Tag = Literal["input", "mechanical", "emergent"]
TAGS: tuple[Tag, ...] = get_args(Tag)
Predicted = Literal["higher", "lower", "none", "open"]
PREDICTED: tuple[Predicted, ...] = get_args(Predicted)
Finding = Literal["above", "below", "within", "same", "undecided"]
#: The verdict on what does not differ in any pair.
SAME = "the same"
#: What a finding makes of a prediction.
WORDS: dict[tuple[str, str], str] = {
    ("higher", "above"): "supported", ("higher", "below"): "contradicted", ("higher", "within"): "no effect",
    ("lower", "below"): "supported", ("lower", "above"): "contradicted", ("lower", "within"): "no effect",
    ("none", "within"): "supported", ("none", "above"): "contradicted", ("none", "below"): "contradicted",
    ("open", "above"): "rises", ("open", "below"): "falls", ("open", "within"): "no effect",
    ("higher", "same"): SAME, ("lower", "same"): SAME, ("none", "same"): "supported", ("open", "same"): SAME,
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


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier look decided: its finding, the P of that verdict, and the number of the look."""

    finding: Finding
    p: float
    look: int


@dataclass(frozen=True, eq=False)
class Verdict:
    """A judged effect.

    ``p`` is the P value of the decision that the data come closest to (``nearest``, if it stood alone), ``p_holm`` the
    same corrected for the ``family``, and ``p_verdict`` corrected for earlier looks too: ``finding`` is what it admits
    at ``alpha``.  What an ``earlier`` look decided stays decided, and is no more part of the family.  ``open`` are the
    members of the family that are undecided, this one included.  None of the P values is a number where all pairs are
    the same: there is nothing to test.
    """

    effect: Effect
    prediction: Prediction
    finding: Finding
    nearest: Finding
    p: float
    p_holm: float
    p_verdict: float
    family: int
    open: int = 1
    look: Look = ONCE
    earlier: Earlier | None = None
    alpha: float = 0.05

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

    def _repr_html_(self) -> str:
        return Verdicts([self])._repr_html_()

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

    def next_alpha(self, more: float) -> float:
        """The level of error of the next test of this effect with ``more`` times the runs: Holm's for what is open."""
        return self.alpha * self.look.next_share(more, self.alpha) / max(1, self.open)

    @cached_property
    def needed(self) -> Needed | None:
        """Units that would decide it with a power of 90 %, were the estimate the truth, at the level that is left."""
        if self.finding != "undecided" or self.effect.values.size < 2:
            return None
        return to_decide(self.effect, self.prediction.smallest, self.next_alpha)

    @property
    def reason(self) -> str:
        """Why, in a line."""
        small = self.prediction.smallest
        low, high = self.effect.mean.interval(1.0 - self.alpha)
        where = f"[{short(low)}, {short(high)}] against ±{short(small)}"
        if self.finding == "same":
            return f"no difference in any of {self.effect.pairs} pairs"
        if self.prediction.tag == "input":
            return "the answer is an assumption: no verdict"
        if self.prediction.tag == "mechanical":
            return "the sign follows from an equation; only the size is a result"
        if self.effect.values.size < 2:
            return "one pair has no interval"
        if self.earlier is not None:
            alone = "" if self.nearest in (self.finding, "undecided") else f"; this look alone says {self.nearest}"
            return f"decided at look {self.earlier.look}{alone}"
        if self.finding == "undecided":
            return f"{where}: {self._undecided()}"
        told = {"above": "entirely above", "below": "entirely below", "within": "within"}[self.finding]
        if self.finding == "within" and self.effect.p <= self.alpha:
            told += "; different from zero, but smaller than the smallest effect of interest"
        return f"{where}: {told}"

    def _undecided(self) -> str:
        """What stands in the way, and what would help."""
        ways = [f"among {self.family} outcomes (Holm)"] if self.family > 1 else []
        if self.look.share < 1.0:
            ways.append(f"at look {self.look.number}, which has {100.0 * self.look.share * self.alpha:.2g} % of error")
        why = (
            f"conclusive on its own, but not {' '.join(ways)}"
            if self.nearest != "undecided" and ways
            else "on both sides"
        )
        return why + (f"; about {self.needed} would decide (power 90 %)" if self.needed is not None else "")

    def row(self) -> dict[str, Any]:
        """The verdict as a row of a table, after the columns of its effect."""
        return {
            **self.effect.row(), "predicted": self.prediction.predicted, "smallest": self.prediction.smallest,
            "tag": self.prediction.tag, "p_decision": self.p, "p_holm": self.p_holm, "p_verdict": self.p_verdict,
            "look": self.look.number, "look_share": self.look.share, "finding": self.finding,
            "verdict": self.verdict, "agreeing": self.agreeing, "reason": self.reason,
        }  # fmt: skip


def _regions(values: Any, smallest: float) -> Any:
    return np.where(values > smallest, 1, np.where(values < -smallest, -1, 0))


def decision(effect: Effect, smallest: float, method: Method = "t") -> tuple[Finding, float]:
    """The finding that the data come closest to, and the level at which they would just decide for it.

    Twice the one-sided P values stand for the two-sided interval, for equivalence too.  Where nothing differs in any
    pair there is nothing to test, and the level is not-a-number.
    """
    if not effect.values.any():
        return "same", float("nan")
    mean = effect.by(method)
    options: dict[Finding, float] = {
        "above": min(1.0, 2.0 * mean.p_above(smallest)),
        "below": min(1.0, 2.0 * mean.p_below(-smallest)),
    }
    if smallest > 0.0:
        options["within"] = min(1.0, 2.0 * mean.p_within(smallest))
    best = min(options, key=lambda name: options[name])
    return best, options[best]


def judge(
    judged: Sequence[tuple[Effect, Prediction]], method: Method = "t", level: float = 0.95,
    looks: Sequence[Look] | None = None, earlier: Sequence[Earlier | None] | None = None,
) -> list[Verdict]:  # fmt: skip
    """Verdicts of one family of effects, in order.

    Those with a verdict on the sign (tag ``emergent``) that can be tested, and that no ``earlier`` look decided, are
    the family that Holm's correction counts.  ``looks`` says which look at each effect this is: its share of the level.
    """
    count, alpha = len(judged), 1.0 - level
    looks, earlier = looks or [ONCE] * count, earlier or [None] * count
    decisions = [decision(effect, prediction.smallest, method) for effect, prediction in judged]
    tested = np.array([
        prediction.tag == "emergent" and before is None and not np.isnan(p)
        for (_, prediction), before, (_, p) in zip(judged, earlier, decisions, strict=True)
    ], bool)  # fmt: skip
    alone = np.array([p for _, p in decisions])
    shares = np.array([max(look.share, 1e-300) for look in looks])
    p_holm, p_verdict = (holm(np.where(tested, p, np.nan)) for p in (alone, alone / shares))
    p_verdict = np.where(tested, p_verdict, alone)
    open_ = int((tested & ~(p_verdict <= alpha)).sum())
    found = []
    for at, ((effect, prediction), (best, p)) in enumerate(zip(judged, decisions, strict=True)):
        before, final = earlier[at], float(p_verdict[at])
        finding: Finding = best if best == "same" or final <= alpha else "undecided"
        if before is not None and best != "same":
            finding, final = before.finding, before.p
        found.append(Verdict(
            effect, prediction, finding, best if best == "same" or p <= alpha else "undecided", p,
            float(p_holm[at]) if tested[at] else p, final, int(tested.sum()), open_, looks[at],
            before if best != "same" else None, alpha,
        ))  # fmt: skip
    return found


class Verdicts(list[Verdict]):
    """Verdicts of one family, in order: a list that prints as lines, and as a table in a notebook."""

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) or "no verdicts"

    def to_pandas(self) -> pd.DataFrame:
        """One row a verdict."""
        return verdicts_table(self)

    def _repr_html_(self) -> str:
        body = [
            (v.effect.outcome, v.effect.name, short(v.effect.baseline), short(v.estimate),
             f"[{short(v.interval[0])}, {short(v.interval[1])}]", v.prediction.predicted, v.verdict, v.reason)
            for v in self
        ]  # fmt: skip
        head = ("outcome", "contrast", "baseline", "effect", "95 % interval", "predicted", "verdict", "why")
        return page("Paired differences, judged", rows(head, body))


def verdicts_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One row a verdict."""
    return pd.DataFrame([verdict.row() for verdict in verdicts])
