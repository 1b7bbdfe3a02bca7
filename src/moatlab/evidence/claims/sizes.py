"""Effects of claims in units that a reader cares for: per cent, points of a hundred, or the metric's own."""

from __future__ import annotations

import math

from moatlab.evidence.claims.files import Claim
from moatlab.experiments.spec import Outcome
from moatlab.results.addresses import find_metric
from moatlab.results.text.numbers import short

#: Units that are shares of something, of which differences are points of a hundred.
_SHARES = ("share", "share per month", "share per year", "probability")
POINTS, PERCENT = "points", "%"


def unit_of(claim: Claim, outcome: str) -> str:
    """The unit of an effect on an outcome: "%" of a logarithm, "points" of a share, else the metric's own."""
    of = claim.outcomes[outcome]
    if of.log:
        return PERCENT
    if of.per or _metric_unit(claim, of) in _SHARES:
        return POINTS
    unit = _metric_unit(claim, of)
    return "" if unit in ("0 to 1", "dimensionless") else unit


def level(claim: Claim, outcome: str, value: float) -> str:
    """A level of an outcome, as an arm has it."""
    of = claim.outcomes[outcome]
    if not math.isfinite(value):
        return "-"
    if of.log:
        unit = "" if of.per else _metric_unit(claim, of)
        return f"{short(math.exp(min(value, 700.0)))} {unit}".strip()
    if unit_of(claim, outcome) == POINTS:
        return f"{100.0 * value:.{0 if abs(value) >= 0.0995 or value == 0.0 else 1}f} %"
    return f"{short(value)} {unit_of(claim, outcome)}".strip()


def amount(claim: Claim, outcome: str, value: float, signed: bool = True) -> str:
    """An effect as a number in its `unit_of`, without the unit."""
    if not math.isfinite(value):
        return "-"
    scaled = in_unit(claim, outcome, value)
    digits = 0 if abs(scaled) >= 9.95 else 1 if abs(scaled) >= 0.95 else 2
    text = f"{scaled:+,.{digits}f}" if unit_of(claim, outcome) in (PERCENT, POINTS) else f"{scaled:+.2g}"
    text = text if signed else text.lstrip("+-")
    return text.lstrip("+-") if not any(c in "123456789" for c in text) else text


def in_unit(claim: Claim, outcome: str, value: float) -> float:
    """An effect in its `unit_of`."""
    unit = unit_of(claim, outcome)
    if unit == PERCENT:
        return 100.0 * math.expm1(min(value, 20.0))
    return 100.0 * value if unit == POINTS else value


def effect(claim: Claim, outcome: str, value: float, low: float, high: float) -> str:
    """An effect with its interval, as in ``+4.1 % (1.2 to 7.0)``."""
    unit = unit_of(claim, outcome)
    inside = f"({amount(claim, outcome, low)} to {amount(claim, outcome, high)})"
    return f"{amount(claim, outcome, value)} {unit} {inside}".replace("  ", " ")


def _metric_unit(claim: Claim, outcome: Outcome) -> str:
    found = find_metric(outcome.metric, claim.scenario.all_slugs)
    return found.unit if found is not None else ""
