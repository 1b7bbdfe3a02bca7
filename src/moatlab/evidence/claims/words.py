"""What was found, in sentences."""

from __future__ import annotations

from moatlab.evidence.claims import sizes
from moatlab.evidence.claims.decide import UNDECIDED
from moatlab.evidence.claims.files import Claim
from moatlab.evidence.claims.judging import Judged
from moatlab.evidence.effects import Effect
from moatlab.evidence.verdicts import Verdict
from moatlab.results.text.numbers import short

#: The interval of sentences and tables.
LEVEL = 0.95


def interval(effect: Effect) -> tuple[float, float]:
    """The 95 % interval of an effect."""
    return effect.mean.interval(LEVEL)


def finding(judged: Judged) -> str:
    """The finding of a claim in a sentence, with number and interval."""
    return sentence(judged.claim, judged.main)


def sentence(claim: Claim, verdict: Verdict) -> str:
    """An effect in a sentence: when, on what, how large, under what."""
    effect, outcome = verdict.effect, verdict.effect.outcome
    asked = claim.contrasts[effect.label]
    subject = _subject(claim.outcomes[outcome].label or outcome)
    low, high = interval(effect)
    if asked.against is not None:
        mean = effect.arm_mean(next(iter(asked.weights)))
        at = [sizes.level(claim, outcome, value + asked.against) for value in (low, high)]
        side = "above" if low > 0.0 else "below" if high < 0.0 else "which these runs cannot tell from"
        told = f"{sizes.level(claim, outcome, mean)} (95 % interval {at[0]} to {at[1]})"
        return f"{subject} is {told}, {side} {sizes.level(claim, outcome, asked.against)}."
    if effect.estimate == 0.0 and low == high:
        return f"{subject} is the same in every draw {asked.meaning}."
    unit = sizes.unit_of(claim, outcome)
    ends = f"({sizes.amount(claim, outcome, low)} to {sizes.amount(claim, outcome, high)})"
    small = verdict.prediction.smallest
    if small and -small < low and high < small:
        return f"{subject} hardly changes {asked.meaning} {ends} {unit}".rstrip() + "."
    size = sizes.amount(claim, outcome, effect.estimate, signed=False)
    way = "higher" if effect.estimate > 0 else "lower"
    doubt = ", which may be chance" if low < 0.0 < high else ""
    return f"{subject} is {size} {unit} {way} {ends} {asked.meaning}{doubt}.".replace("  ", " ")


def _subject(label: str) -> str:
    """When and what, from a label that ends with the time: ``In years 9 and 10 the share of apps``."""
    what, _, when = label.rpartition(", ")
    if not what:
        return label[0].upper() + label[1:]
    article = "the " if when.startswith(("first", "last", "second", "third")) else ""
    return f"In {article}{when}, {what}"


def short_effect(claim: Claim, verdict: Verdict) -> str:
    """An effect with its interval, of a level the level itself."""
    effect, outcome = verdict.effect, verdict.effect.outcome
    low, high = interval(effect)
    against = claim.contrasts[effect.label].against
    if against is not None:
        ends = [sizes.level(claim, outcome, value + against) for value in (effect.estimate, low, high)]
        return f"{ends[0]} ({ends[1]} to {ends[2]})"
    return sizes.effect(claim, outcome, effect.estimate, low, high)


def of_level(claim: Claim, contrast: str, word: str) -> str:
    """A word of a verdict; a level of which nothing was predicted is above or below, and does not rise or fall."""
    if claim.contrasts[contrast].against is None:
        return word
    return {"rises": "above", "falls": "below"}.get(word, word)


def headline_effect(judged: Judged) -> str:
    """The effect that the table quotes; of several, which one it is."""
    told = short_effect(judged.claim, judged.main)
    if len(judged.headline) == 1:
        return told
    effect = judged.main.effect
    one = len({contrast for _, contrast in judged.claim.headline}) == 1
    return f"{effect.outcome if one else effect.label}: {told}"


def smallest(claim: Claim, verdict: Verdict) -> str:
    """The smallest effect of interest of an effect."""
    outcome, small = verdict.effect.outcome, verdict.prediction.smallest
    unit = sizes.unit_of(claim, outcome)
    if unit == sizes.PERCENT:
        return f"{short(100.0 * small)} %"  # as the file says it, in logarithms
    return f"{sizes.amount(claim, outcome, small, signed=False)} {unit}".strip()


def flip(judged: Judged) -> str:
    """The nearest flip in words."""
    found = judged.robustness.flip
    if not found.parameter:
        return "no single parameter"
    way = "up" if found.distance > 0 else "down"
    return f"{abs(found.distance):.1f} SD: {found.parameter} {way}"


def paths(judged: Judged) -> str:
    """On how many of the paths from outside it holds."""
    held = judged.robustness.paths
    return f"{sum(held.values())} of {len(held)}"


def tag_test(judged: Judged) -> str:
    """Whether freezing the feedback changes the effect, in words; empty for claims without a frozen arm."""
    if not judged.feedback:
        return ""
    shown = [f for f in judged.feedback if f.shown]
    claim, frozen = judged.claim, judged.claim.spec.frozen
    assert frozen is not None
    main = judged.main.effect
    quoted = [f for f in judged.feedback if (f.frozen.outcome, f.frozen.label) == (main.outcome, main.label)]
    first = ([f for f in quoted if f.shown] or shown or quoted or list(judged.feedback))[0]
    low, high = interval(first.change)
    size = sizes.effect(claim, first.change.outcome, -first.change.estimate, -high, -low)
    of = ""
    if len(judged.feedback) > 1:
        of = f" ({first.frozen.label or first.frozen.outcome}; so in {len(shown)} of {len(judged.feedback)})"
    if shown:
        return f"With the feedback frozen ({frozen.meaning}) the effect changes by {size}{of}: the tag holds."
    return (f"With the feedback frozen ({frozen.meaning}) the effect changes by {size}, which may be chance: "
            "that the claim is emergent is not shown here.")  # fmt: skip


def holds(judged: Judged) -> str:
    """What the four figures are about: the verdict, or what an undecided one comes closest to."""
    return judged.nearest if judged.word == UNDECIDED or judged.tag != "emergent" else judged.word
