"""What a study shows: a row a moat, kind of firm and holder, and the verdict on all of them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from moatlab.evidence.durability.accounts import discount_rate
from moatlab.evidence.durability.plan import Case
from moatlab.evidence.durability.response import (
    HalfLife,
    Lasting,
    Ratio,
    half_life,
    lasting,
    none_lasts,
    present_value,
    ratio_of_areas,
)
from moatlab.evidence.durability.study import Study
from moatlab.evidence.inference import Array, Mean, holm


@dataclass(frozen=True)
class Shown:
    """What a study shows of one case; ``reason`` is why it is not comparable, else empty."""

    case: Case
    reason: str
    #: Draws in which it could be compared.
    units: int = 0
    #: The firm that held the grant in most draws, and what the money bought, median over draws.
    firm: str = ""
    bought: float = math.nan
    #: Present value of the profit won per dollar granted, and its median over draws.
    value: Mean | None = None
    median: float = math.nan
    half_life: HalfLife | None = None
    half_life_of_share: HalfLife | None = None
    lasting: Lasting | None = None
    amplification: Ratio | None = None
    maintained: Ratio | None = None
    erosion: Ratio | None = None
    #: Loop gain of the layer.
    gain: float = math.nan
    exits: tuple[float, float] = (math.nan, math.nan)
    #: The feedback that adds most to the area, and the answer that takes most of it, with their parts of the area.
    fed_by: tuple[str, float] = ("", math.nan)
    eroded_by: tuple[str, float] = ("", math.nan)

    @property
    def verdict(self) -> str:
        """In a word."""
        return self.lasting.verdict if self.lasting is not None else "not comparable"

    @property
    def predicted(self) -> float:
        """Amplification of a lead that is maintained, by the loop gain: 1 / (1 - g), infinite at a gain of 1."""
        return 1.0 / (1.0 - self.gain) if self.gain < 1.0 else math.inf

    def row(self) -> dict[str, object]:
        """Plain data, a column a number."""
        found: dict[str, object] = {
            "moat": self.case.moat, "layer": self.case.kind, "holder": self.case.holder, "firm": self.firm,
            "verdict": self.verdict, "reason": self.reason, "draws": self.units, "bought": self.bought,
            "unit_of_stock": self.case.stock.unit,
        }  # fmt: skip
        found |= _mean("value_per_dollar", self.value) | {"value_per_dollar_median": self.median}
        for name, life in (("half_life", self.half_life), ("half_life_of_share", self.half_life_of_share)):
            ends = (math.nan,) * 3 if life is None else (life.estimate, life.low, life.high)
            found |= {name: ends[0], f"{name}_low": ends[1], f"{name}_high": ends[2]}
            found[f"{name}_censored"] = life is not None and life.defined and life.censored
        found |= _mean("return_at_end", None if self.lasting is None else self.lasting.mean)
        found |= {
            "p_fades": math.nan if self.lasting is None else self.lasting.p_fades,
            "p_lasts": math.nan if self.lasting is None else self.lasting.p_lasts,
        }
        for name, ratio in (("amplification", self.amplification), ("amplification_maintained", self.maintained),
                            ("erosion", self.erosion)):  # fmt: skip
            ends = (math.nan,) * 3 if ratio is None else (ratio.estimate, ratio.low, ratio.high)
            found |= {name: ends[0], f"{name}_low": ends[1], f"{name}_high": ends[2]}
        return found | {
            "loop_gain": self.gain, "amplification_by_loop_gain": self.predicted,
            "exits_with_grant": self.exits[0], "exits_without": self.exits[1],
            "fed_by": self.fed_by[0], "fed_by_share": self.fed_by[1],
            "eroded_by": self.eroded_by[0], "eroded_by_share": self.eroded_by[1],
        }  # fmt: skip


def _mean(name: str, mean: Mean | None) -> dict[str, object]:
    low, high = (math.nan, math.nan) if mean is None else mean.interval()
    return {name: math.nan if mean is None else mean.estimate, f"{name}_low": low, f"{name}_high": high}


@dataclass(frozen=True)
class Durability:
    """All rows of a study, and what they say together."""

    study: Study
    rows: tuple[Shown, ...]

    @property
    def comparable(self) -> list[Shown]:
        """The rows that have an answer."""
        return [row for row in self.rows if row.lasting is not None]

    @property
    def p_none_lasts(self) -> float:
        """P value of "none lasts" by the intersection-union test."""
        return none_lasts([row.lasting for row in self.comparable if row.lasting is not None])

    @property
    def lasts(self) -> list[Shown]:
        """Rows that are shown to last, after Holm's correction for all that were asked."""
        rows = self.comparable
        p = holm([row.lasting.p_lasts for row in rows if row.lasting is not None])
        return [row for row, value in zip(rows, p, strict=True) if value <= 0.05]

    @property
    def verdict(self) -> str:
        """On the essay's claim that no moat is durable: supported, contradicted or undecided."""
        if self.lasts:
            return "contradicted"
        return "supported" if self.comparable and self.p_none_lasts <= 0.025 else "undecided"

    def sentence(self) -> str:
        """The finding in a sentence or two."""
        rows = self.comparable
        faded = sum(row.verdict == "fades" for row in rows)
        # What lasts by itself, but not after the correction, is undecided.
        undecided = len(rows) - faded - len(self.lasts)
        told = (
            f"{faded} of {len(rows)} comparable advantages have faded by the end of the horizon "
            f"({self.study.plan.after} months), {len(self.lasts)} last, {undecided} are undecided"
        )
        if self.lasts:
            best = max(self.lasts, key=lambda row: row.lasting.estimate if row.lasting is not None else 0.0)
            told += f"; strongest: {best.case.name}"
        return f"No moat is durable: {self.verdict} (P of 'none lasts' {self.p_none_lasts:.2g}). {told}."

    def to_pandas(self) -> pd.DataFrame:
        """A row a case."""
        return pd.DataFrame([row.row() for row in self.rows])


def judge(study: Study) -> Durability:
    """What the responses of a study show."""
    return Durability(study, tuple(_shown(study, case) for case in study.plan.cases))


def _shown(study: Study, case: Case) -> Shown:
    plan = study.plan
    profit = study.responses(case, "free", "profit")
    reasons = Counter(study.noted(case, "reasons"))
    if len(profit) < 2:
        told = reasons.most_common(1)[0][0] if reasons else "there is no such firm in this scenario"
        return Shown(case, told, len(profit))
    share = {arm: study.responses(case, arm, "share") for arm in plan.arms(case)}
    value = present_value(profit, discount_rate()) / plan.worth
    firms = Counter(study.noted(case, "firms")[at] for at in range(len(study.noted(case, "firms"))))
    return Shown(
        case, "", len(profit), firms.most_common(1)[0][0], float(np.median(study.noted(case, "bought"))),
        Mean(value), float(np.median(value)), half_life(profit), half_life(share["free"]),
        lasting(profit, plan.worth),
        ratio_of_areas(share["free"], share["clamped"]) if "clamped" in share else None,
        ratio_of_areas(share["maintained"], share["maintained clamped"]) if "maintained" in share else None,
        ratio_of_areas(share["free"], share["frozen"]) if "frozen" in share else None,
        study.gain(case.kind), study.exits(case, "free"),
        _strongest(share, "off ", gone=True), _strongest(share, "rivals ", gone=False),
    )  # fmt: skip


def _strongest(share: dict[str, Array], prefix: str, gone: bool) -> tuple[str, float]:
    """Of the arms with ``prefix``, that which moves the area most, and by what part of the free area.

    ``gone``: the arm takes a feedback away, so that it feeds what is missing without it; else it takes rivals' answers
    away, which erode what there is more without them.  Only what the 95 % interval tells from nothing counts.
    """
    free = share["free"].sum(axis=1)
    found: list[tuple[str, float]] = []
    for arm, paths in share.items():
        if not arm.startswith(prefix) or len(paths) != len(free):
            continue
        other = paths.sum(axis=1)
        part = Mean(free - other if gone else other - free)
        low, high = part.interval()
        if part.estimate != 0.0 and not low <= 0.0 <= high and free.mean() != 0.0:
            found.append((arm.removeprefix(prefix), part.estimate / abs(float(free.mean()))))
    best = max(found, key=lambda item: item[1], default=("", math.nan))
    return best if best[0] and best[1] > 0.0 else ("", math.nan)
