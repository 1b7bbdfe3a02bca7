"""Claims judged on what was run: the headline's verdict in its family, further effects, and how far it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray

from moatlab.errors import InputError
from moatlab.evidence.claims import flips
from moatlab.evidence.claims.bank import Bank, by_year
from moatlab.evidence.claims.decide import CONTRADICTED, UNDECIDED, Decided, decided, family, one, together, word_of
from moatlab.evidence.claims.files import Claim
from moatlab.evidence.claims.variants import BASE, all_variants
from moatlab.evidence.effects import Effect, of_arms
from moatlab.evidence.verdicts import Predicted, Prediction, Tag, Verdict, judge

Array = NDArray[np.float64]
#: Level of error of a family of verdicts.
ALPHA = 0.05


@dataclass(frozen=True, eq=False)
class Robustness:
    """How far the verdict holds.

    ``draws``: the share of draws whose own effect says so; ``words`` what they say, as shares.  ``structures``: the
    share of rival structures (alone, and in pairs) in which the mean effect says so, of ``tried``; ``overturned`` are
    those in which it does not.  ``flip`` is the nearest flip.  ``paths``: by path, whether it holds there.
    """

    draws: float
    words: dict[str, float]
    structures: float
    tried: int
    overturned: tuple[str, ...]
    flip: flips.Flip
    paths: dict[str, bool]
    effects: dict[str, float]


@dataclass(frozen=True, eq=False)
class Feedback:
    """The headline's effect with the feedback frozen, and how much of it the feedback makes (paired over draws)."""

    frozen: Effect
    change: Effect

    @property
    def shown(self) -> bool:
        """Whether freezing the feedback changes the effect beyond noise."""
        low, high = self.change.interval
        return bool(low > 0.0 or high < 0.0)


@dataclass(frozen=True, eq=False)
class Judged:
    """A claim with its verdict: ``word``, the P value after Holm, and the word that the data come closest to."""

    claim: Claim
    tag: Tag
    word: str
    p: float
    nearest: str
    headline: tuple[Verdict, ...]
    further: tuple[Verdict, ...]
    robustness: Robustness
    feedback: tuple[Feedback, ...]
    years: dict[str, Array]

    @property
    def main(self) -> Verdict:
        """Of the effects that decide, the one to quote: the surest that contradicts, or the least sure."""
        against = [v for v in self.headline if one(v.effect, v.prediction)[0] == CONTRADICTED]
        return min(against, key=lambda v: v.p) if against else max(self.headline, key=lambda v: (v.p == v.p, v.p))


def judge_all(banks: Sequence[Bank], alpha: float = ALPHA) -> list[Judged]:
    """All claims of some banks as one family, in order.  Raises `InputError` for a claim without any complete pair."""
    parts = [(bank, claim) for bank in banks for claim in bank.group.claims]
    heads = [_headline(bank, claim) for bank, claim in parts]
    near = [decided(head) for head in heads]
    tags = [_tag(claim) for _, claim in parts]
    words = family(list(zip(tags, near, strict=True)), alpha)
    return [
        _judged(bank, claim, head, tag, word, p, best)
        for (bank, claim), head, tag, (word, p), best in zip(parts, heads, tags, words, near, strict=True)
    ]


def _tag(claim: Claim) -> Tag:
    """The tag of the headline: that of its outcomes."""
    tags = {claim.tag(outcome) for outcome, _ in claim.headline}
    return next(tag for tag in get_args(Tag) if tag in tags)


def effect_of(
    bank: Bank, claim: Claim, outcome: str, contrast: str, variant: str = BASE, frozen: bool = False
) -> Effect:  # fmt: skip
    """A contrast of a claim by draw, each draw's seeds averaged.

    Raises `InputError` where no draw has a value in all of its arms.
    """
    asked, of = claim.contrasts[contrast], claim.outcomes[outcome]
    arms = [bank.group.arm_of(claim, arm, frozen) for arm in asked.weights]
    values = np.stack([bank.values(of, arm, variant) for arm in arms])[:, :, None]
    return of_arms(outcome, asked.weights, values, label=contrast, against=asked.against or 0.0)


def _prediction(claim: Claim, outcome: str, contrast: str) -> Prediction:
    word = cast(Predicted, claim.predicted(outcome, contrast))
    return Prediction(word, claim.outcomes[outcome].smallest_effect or 0.0, cast(Tag, claim.tag(outcome)))


def _headline(bank: Bank, claim: Claim) -> list[tuple[Effect, Prediction]]:
    found = []
    for outcome, contrast in claim.headline:
        try:
            found.append((effect_of(bank, claim, outcome, contrast), _prediction(claim, outcome, contrast)))
        except InputError as problem:
            raise InputError(f"{claim.id}: {problem}") from None
    return found


def _judged(
    bank: Bank, claim: Claim, head: list[tuple[Effect, Prediction]], tag: Tag, word: str, p: float, near: Decided
) -> Judged:  # fmt: skip
    further = []
    for outcome in claim.outcomes:
        for contrast, asked in claim.contrasts.items():
            if (outcome, contrast) in claim.headline or (asked.outcomes and outcome not in asked.outcomes):
                continue
            try:
                effect = effect_of(bank, claim, outcome, contrast)
            except InputError:
                continue  # a firm that is never there has no price
            further.append((effect, _prediction(claim, outcome, contrast)))
    feedback = [] if claim.spec.frozen is None else [
        _feedback(bank, claim, outcome, contrast, effect)
        for (outcome, contrast), (effect, _) in zip(claim.headline, head, strict=True)
    ]  # fmt: skip
    holds = near[0] if word == UNDECIDED or tag != "emergent" else word
    return Judged(
        claim, tag, word, p, near[0], tuple(judge(head)), tuple(judge(further)),
        _robustness(bank, claim, head, holds), tuple(f for f in feedback if f is not None), _years(bank, claim),
    )  # fmt: skip


def _feedback(bank: Bank, claim: Claim, outcome: str, contrast: str, free: Effect) -> Feedback | None:
    """The same effect with the feedback frozen, and the paired difference of the two."""
    asked, of = claim.contrasts[contrast], claim.outcomes[outcome]
    stacks = [
        np.stack([bank.values(of, bank.group.arm_of(claim, arm, frozen)) for arm in asked.weights])
        for frozen in (False, True)
    ]
    weights = {**asked.weights, **{f"{arm}, frozen": -weight for arm, weight in asked.weights.items()}}
    try:
        frozen = effect_of(bank, claim, outcome, contrast, frozen=True)
        change = of_arms(outcome, weights, np.concatenate(stacks)[:, :, None], label=f"{contrast}, feedback")
    except InputError:
        return None
    return Feedback(frozen, change)


def _per_draw(bank: Bank, claim: Claim, outcome: str, contrast: str, variant: str = BASE) -> Array:
    """The contrast of each draw, not-a-number where an arm has no value."""
    asked, of = claim.contrasts[contrast], claim.outcomes[outcome]
    arms = [bank.values(of, bank.group.arm_of(claim, arm), variant) for arm in asked.weights]
    total: Array = np.sum([w * v for w, v in zip(asked.weights.values(), arms, strict=True)], axis=0)
    return total - (asked.against or 0.0)


def _robustness(bank: Bank, claim: Claim, head: list[tuple[Effect, Prediction]], holds: str) -> Robustness:
    predictions = [prediction for _, prediction in head]
    own = [_per_draw(bank, claim, *place) for place in claim.headline]
    said = [together([word_of(v[draw], p) for v, p in zip(own, predictions, strict=True)])
            for draw in range(len(own[0]))]  # fmt: skip
    known = [word for word in said if word != UNDECIDED]
    words = {word: known.count(word) / len(known) for word in dict.fromkeys(known)}
    effects, says, same = dict[str, float](), dict[str, str](), set[str]()
    for variant in all_variants(bank.group.sizes.pairs).values():
        means = []
        for (outcome, contrast), base, (effect, _) in zip(claim.headline, own, head, strict=True):
            there = _per_draw(bank, claim, outcome, contrast, variant.name)
            moved = there - base[: len(there)]
            moved = moved[np.isfinite(moved)]
            # The same draws without the variant take out that these are few.
            means.append(effect.estimate + float(moved.mean()) if moved.size else float("nan"))
            if variant.kind != "path" and moved.size and not moved.any():
                same.add(variant.name)
        effects[variant.name] = means[0]
        says[variant.name] = together([word_of(m, p) for m, p in zip(means, predictions, strict=True)])
    # A rival that an arm overrules, so that nothing changes, is no test.
    rivals = [v for v in all_variants(bank.group.sizes.pairs).values() if v.kind != "path" and v.name not in same]
    found = [
        flips.nearest(v, bank.group.sample.z[: len(v)], bank.group.sample.names,
                      flips.border(float(np.nanmean(v)), prediction.smallest))
        for v, prediction in zip(own, predictions, strict=True)
    ]  # fmt: skip
    return Robustness(
        words.get(holds, 0.0), words,
        float(np.mean([says[v.name] == holds for v in rivals])) if rivals else float("nan"), len(rivals),
        tuple(v.meaning for v in rivals if v.kind == "structure" and says[v.name] != holds),
        min(found, key=lambda flip: abs(flip.distance)),
        {v.name: says[v.name] == holds for v in all_variants().values() if v.kind == "path"}, effects,
    )  # fmt: skip


def _years(bank: Bank, claim: Claim) -> dict[str, Array]:
    """By year the quartiles and median over draws, [3, years]: of the outcome that decides, in each arm compared.

    Of a claim that several effects decide, those of each effect, or of each level, called by its outcome and contrast.
    """
    if len(claim.headline) > 1:
        found = {}
        for outcome, contrast in claim.headline:
            weights = claim.contrasts[contrast].weights
            tables = [w * _by_year(bank, claim, outcome, arm) for arm, w in weights.items()]
            found[f"{outcome}: {contrast}"] = _quartiles(np.sum(tables, axis=0))
        return found
    outcome, contrast = claim.headline[0]
    return {arm: _quartiles(_by_year(bank, claim, outcome, arm)) for arm in claim.contrasts[contrast].weights}


def _by_year(bank: Bank, claim: Claim, outcome: str, arm: str) -> Array:
    """An outcome of an arm by year and draw."""
    years = by_year(claim.outcomes[outcome], bank.group.horizon)
    return np.stack([bank.values(year, bank.group.arm_of(claim, arm)) for year in years])


def _quartiles(table: Array) -> Array:
    known = np.isfinite(table).any(axis=1)
    lines = np.full((3, len(table)), np.nan)
    lines[:, known] = np.nanquantile(table[known], (0.25, 0.5, 0.75), axis=1)
    return lines
