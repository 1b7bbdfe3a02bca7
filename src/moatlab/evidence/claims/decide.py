"""What effects say about a claim: one word for one effect, for several together, and for a family of claims.

A claim whose headline is several effects is supported if every one of them is (an intersection-union test: the largest
of their P values counts), contradicted if any is (the smallest counts, times their number), and without effect if one
of them has none and none contradicts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moatlab.evidence.effects import Effect
from moatlab.evidence.inference import holm
from moatlab.evidence.verdicts import SAME, WORDS, Prediction, Tag, decision

SUPPORTED, CONTRADICTED, NOTHING, UNDECIDED = "supported", "contradicted", "no effect", "undecided"
#: From the best for a claim to the worst.
_RANKS = (SUPPORTED, "rises", "falls", NOTHING, SAME, CONTRADICTED)
#: Verdicts of claims without one on their sign.
BY_TAG: dict[Tag, str] = {"mechanical": "size only", "input": "calibration only"}
Decided = tuple[str, float]


def word_of(value: float, prediction: Prediction) -> str:
    """What an effect of exactly this size would say."""
    if np.isnan(value):
        return UNDECIDED
    small = prediction.smallest
    finding = "above" if value > small else "below" if value < -small else "within"
    return WORDS[prediction.predicted, finding]


def together(words: Sequence[str]) -> str:
    """What several effects say together: the worst of it."""
    return UNDECIDED if UNDECIDED in words else max(words, key=_RANKS.index)


def decided(effects: Sequence[tuple[Effect, Prediction]]) -> Decided:
    """The word that the effects together come closest to, and the level at which they would just decide for it."""
    each = [one(effect, prediction) for effect, prediction in effects]
    count = len(each)
    contradicted = [p for word, p in each if word == CONTRADICTED]
    if contradicted:
        return CONTRADICTED, min(1.0, min(contradicted) * count)
    return together([word for word, _ in each]), float(np.nanmax([0.0, *(p for _, p in each)]))


def one(effect: Effect, prediction: Prediction) -> Decided:
    """The same of one effect."""
    finding, p = decision(effect, prediction.smallest)
    return WORDS[prediction.predicted, finding], p


def family(claims: Sequence[tuple[Tag, Decided]], alpha: float) -> list[tuple[str, float]]:
    """The verdict on each claim of a family, and its P value by Holm; only emergent claims are members."""
    tested = np.array([p if tag == "emergent" else np.nan for tag, (_, p) in claims])
    corrected = holm(tested)
    found = []
    for (tag, (word, p)), level in zip(claims, corrected, strict=True):
        if tag != "emergent":
            found.append((BY_TAG[tag], p))
        else:
            found.append((word if np.isnan(level) or level <= alpha else UNDECIDED, float(level)))
    return found
