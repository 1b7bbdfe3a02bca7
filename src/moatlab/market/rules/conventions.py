"""Conventions that several rules share: codes of pricing rules, half-lives, annuities, relative stocks."""

from __future__ import annotations

import math

from moatlab.market.state.compiled import Rows, inlined

#: Apps that a rule with several loops over them takes at once: as many as a cache holds the rows of.
AT_ONCE = 512


@inlined
def fading(half_life: float) -> float:
    """Share of a stock lost in a month, of that half-life in months."""
    return 1.0 - math.exp(-math.log(2.0) / half_life)


#: Decimal logarithms from natural ones, which cost half as much.
LOG10_E = 0.4342944819032518


@inlined
def relative_data(stock: float, mean: float) -> float:
    """log10 of a data stock against the mean of its peers, 0 at the mean and bounded for those with none."""
    return LOG10_E * math.log((stock + mean + 1e-9) / (2.0 * mean + 1e-9)) if mean > 0.0 else 0.0


#: Codes of the rules that set a price, in the order of the registry's choices.
OPTIMAL, FROZEN, MARKUP = 0, 1, 2


@inlined
def annuity(rate: float, months: float) -> float:
    """Present value of 1 a month for ``months`` at a monthly ``rate``."""
    if rate < 1e-12:
        return months
    return (1.0 - (1.0 + rate) ** -months) / rate


@inlined
def together(one: Rows, other: Rows) -> bool:
    """Whether two clouds belong to one company."""
    return bool(one.company != 0 and one.company == other.company)
