"""Breakdown values: how slow decay, how strong the loop, how dear entry would have to be for an advantage to last.

One parameter at a time is multiplied by a factor, until what a dollar returns a year at the end of the horizon reaches
the smallest return of interest.  The factor is found by bisection, on the same few draws and seeds throughout, and
taken to be monotone; beyond the largest factor that is tried it is censored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from moatlab.errors import InputError
from moatlab.evidence.durability.plan import Case, Plan
from moatlab.evidence.durability.response import LAST, LEAST_RETURN
from moatlab.evidence.durability.worlds import run_arm, run_control
from moatlab.market.grants import NotComparableError
from moatlab.market.market import Market
from moatlab.scenario.addresses import resolve
from moatlab.scenario.moats import Stock
from moatlab.scenario.scenario import Scenario

#: The largest factor either way, and steps of the bisection.
WIDEST, STEPS = 64.0, 6
#: What fades a stock whose decay is no parameter of its own.
FADES = {
    "row erosion": "clouds.priority_decay",
    "row depth_fading": "users.*.portability",
    "churn": "users.*.hazard_committed",
}
#: The feedback that is made stronger, by layer.
LOOPS = {
    "apps": "users.*.network_taste",
    "labs": "labs.ecosystem_taste",
    "clouds": "clouds.access_gain",
    "chipmakers": "chipmakers.ecosystem_taste",
}
ENTRY = "apps.entry_cost"


@dataclass(frozen=True, slots=True)
class Question:
    """One parameter of a case: ``what`` is decay, loop or entry, ``upwards`` whether a larger value helps."""

    case: Case
    what: str
    address: str
    upwards: bool


@dataclass(frozen=True)
class Breakdown:
    """The answer: the ``factor`` on the parameter at which the advantage lasts, 1 where it lasts anyhow.

    Infinite upwards, or 0 downwards, where it does not last at the largest factor tried; ``returns`` are $ a year per $
    at the factor 1 and at the last that was tried.
    """

    question: Question
    factor: float
    returns: tuple[float, float]

    @property
    def said(self) -> str:
        """As a table shows it."""
        if math.isnan(self.factor):
            return "-"
        if self.factor == 1.0:
            return "lasts anyhow"
        if self.factor in (0.0, math.inf):
            return f"not at x {1 / WIDEST:.3g}" if self.factor == 0.0 else f"not at x {WIDEST:.3g}"
        return f"x {self.factor:.2g}"


def questions(cases: Sequence[Case]) -> list[Question]:
    """What is asked: of leaders, whose advantages are the ones to break down."""
    found = []
    for case in cases:
        if case.holder != "leader" or not case.stock.bought_with:
            continue
        address, upwards = fading_address(case.stock)
        if address:
            found.append(Question(case, "decay", address, upwards))
        if case.kind in LOOPS:
            found.append(Question(case, "loop", LOOPS[case.kind], True))
        if case.kind == "apps":
            found.append(Question(case, "entry", ENTRY, True))
    return found


def fading_address(stock: Stock) -> tuple[str, bool]:
    """The parameter that fades a stock, and whether a larger value makes it fade more slowly."""
    if stock.decay in FADES:
        return FADES[stock.decay], False
    how, _, name = stock.decay.rpartition(" ")
    return name, how == "half-life"


def scaled(scenario: Scenario, address: str, factor: float) -> Scenario:
    """The scenario with a parameter, of all rows where it is theirs, multiplied; clipped to its declared range."""
    where = resolve(address, scenario.all_slugs, "breakdown")
    declared = where.declared
    slugs: Sequence[str | None] = [None] if declared.scope == "kind" else scenario.slugs(declared.kind)
    changes: dict[str, object] = {}
    for slug in slugs:
        name = ".".join(part for part in (declared.kind, slug, declared.name) if part)
        value = (scenario.kind_value(declared.kind, declared.name) if slug is None
                 else scenario.value(declared.kind, slug, declared.name))  # fmt: skip
        changes[name] = min(max(float(value) * factor, declared.low), declared.high)
    return scenario.set(changes)


def answer(plan: Plan, question: Question, worlds: Sequence[tuple[Scenario, int]]) -> Breakdown:
    """The factor at which the advantage lasts, over some draws and seeds."""

    def returns(factor: float) -> float:
        found = [
            one for scenario, seed in worlds if (one := _return(plan, question, scenario, seed, factor)) is not None
        ]
        return float(np.mean(found)) if found else math.nan

    factor, ends = bisect(returns, LEAST_RETURN, question.upwards)
    return Breakdown(question, factor, ends)


def bisect(
    returns: Callable[[float], float], least: float, upwards: bool, widest: float = WIDEST, steps: int = STEPS
) -> tuple[float, tuple[float, float]]:
    """The factor nearest to 1 at which ``returns`` reaches ``least``, by bisection of its logarithm.

    1 where it does so anyhow, infinite or 0 where it does not at the widest, not-a-number where there is no return;
    with it the returns at 1 and at the factor found.
    """
    plain = returns(1.0)
    if math.isnan(plain) or plain >= least:
        return (math.nan if math.isnan(plain) else 1.0), (plain, plain)
    sign = 1.0 if upwards else -1.0
    near, far = 0.0, math.log(widest)
    reached = returns(math.exp(sign * far))
    if not reached >= least:
        return (math.inf if upwards else 0.0), (plain, reached)
    for _ in range(steps):
        middle = 0.5 * (near + far)
        found = returns(math.exp(sign * middle))
        if found >= least:
            far, reached = middle, found
        else:
            near = middle
    return math.exp(sign * far), (plain, reached)


def _return(plan: Plan, question: Question, scenario: Scenario, seed: int, factor: float) -> float | None:
    """$ a year per $ at the end of the horizon in one world; None where the grant has no price, or nobody to get it."""
    try:
        start = Market(scaled(scenario, question.address, factor), rng=seed)
    except InputError:
        return None  # values that contradict one another
    if plan.month:
        start.run(plan.month)
    control = run_control(plan, start)
    row = control.holders[question.case.kind].get(question.case.holder)
    if row is None:
        return None
    try:
        found = run_arm(plan, start, control, question.case, row, "free")
    except NotComparableError:
        return None
    return float(12.0 * found.profit[-LAST:].mean() / plan.worth)
