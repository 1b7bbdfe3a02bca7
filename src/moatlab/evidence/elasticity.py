"""Price shocks on any seller, and what they do to what it sells: elasticities measured in the market that runs.

Both runs of a pair hold the seller's own price rule still from the month of the shock on; in one of them the price is
moved once.  The elasticity after some months is d ln(volume) / d ln(price), both of that month, so that what rivals,
customers and routing do in the meantime counts, and a price that does not stay where it was put counts as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moatlab.errors import InputError
from moatlab.evidence.inference import Mean
from moatlab.market.rule import Rule
from moatlab.results.payments import LAYERS
from moatlab.scenario.addresses import split_firm
from moatlab.scenario.registry import Moves, declare
from moatlab.scenario.scenario import Scenario

_SOURCE = "set by the user"
#: The field that holds each kind's price, in the order of `LAYERS`; a host's is a markup on its cost.
_PRICES = ("price", "price", "margin", "reserve", "price", "price")
#: A change of the price that is small, and large enough to be seen through rounding.
RISE = 0.01


class PriceShock(Rule):
    """Moves the price of one seller once, from one month on."""

    name = "shock"
    parameters = (
        declare("shock", "layer", "place", 0, (0, len(LAYERS) - 1), "The seller's layer, by its place in the stack.",
                _SOURCE, Moves("shock.price", 0, reason="a name")),
        declare("shock", "seller", "row", 0, (0, 1_000_000), "The seller, by its row.",
                _SOURCE, Moves("shock.price", 0, reason="a name")),
        declare("shock", "factor", "factor", 1.0, (0.01, 100.0), "By which the price is multiplied.",
                _SOURCE, Moves("shock.price", +1)),
        declare("shock", "first_month", "month", 0, (0, 1200), "The first month with the new price.",
                _SOURCE, Moves("shock.price", 0, reason="a date")),
    )  # fmt: skip
    metrics = (("price", "unit of the seller's good", "what was put on the price, once"),)

    layer: int
    seller: int
    factor: float
    first_month: int

    def start(self) -> None:
        """Move the price of month 0."""
        if self.first_month == 0:
            self._move()

    def run(self) -> None:
        """Move the price of the month that follows, when decisions have taken effect."""
        moved = self._move() if self.month + 1 == self.first_month else 0.0
        self.record("price", moved)

    def _move(self) -> float:
        kind = LAYERS[self.layer]
        row: Any = self.state.kind(kind)[self.seller]
        field = _PRICES[self.layer]
        # A host's markup takes all of the change, its cost being what it is.
        base = float(row["price"] if field == "margin" else row[field])
        if kind == "apps" and row["token_price"] > 0.0:
            row["token_price"] *= self.factor
        row[field] += (self.factor - 1.0) * base
        return (self.factor - 1.0) * base


def shocked(scenario: Scenario, seller: str, factor: float, month: int) -> Scenario:
    """The scenario in which a seller's price (``hosts.hub``) is multiplied by ``factor`` in ``month``, once.

    Its own rule goes on from there.  Raises `InputError` for what sells nothing and for a factor out of range.
    """
    kind, slug = split_firm(seller, scenario.all_slugs, "shock")
    if kind not in LAYERS:
        raise InputError(f"{seller} sells nothing", "shock")
    if kind == "hosts" and month == 0:
        raise InputError(f"{seller} sets its first price in month 0: a shock comes from month 1 on", "shock")
    return scenario.with_rule(PriceShock, "effect", layer=LAYERS.index(kind), seller=scenario.slugs(kind).index(slug),
                              factor=factor, first_month=month)  # fmt: skip


@dataclass(frozen=True)
class Elasticity:
    """What a lasting change of one price does to what the seller sells, some months later.

    ``own`` is d ln(volume) / d ln(price) by seed; ``price_kept`` how much of the change of the price was still there.
    """

    seller: str
    after: int
    own: NDArray[np.float64]
    price_kept: float

    @property
    def mean(self) -> float:
        """Mean over seeds; not-a-number where the seller sold nothing in any run."""
        known = self.own[np.isfinite(self.own)]
        return float(known.mean()) if len(known) else float("nan")

    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean."""
        known = self.own[np.isfinite(self.own)]
        return Mean(known).interval() if len(known) > 1 else (float("nan"), float("nan"))


def elasticities(
    scenario: Scenario, sellers: Sequence[str], month: int = 12, after: Sequence[int] = (1, 6, 12),
    seeds: Sequence[int] = tuple(range(1, 9)), rise: float = RISE, engine: str | Executor = "serial",
    workers: int | None = None, out: Path | None = None,
) -> list[Elasticity]:  # fmt: skip
    """Own-price elasticities of the volumes that ``sellers`` sell, ``after`` so many months at the new price.

    One month after is the first month at that price.  Raises `InputError` for sellers, months and rises that there
    are not.
    """
    from moatlab.evidence.compare import compare

    if not (-0.5 <= rise <= 1.0) or rise == 0.0:
        raise InputError(f"a rise is a share from -0.5 to 1 and not 0, not {rise:g}", "elasticity")
    wrong = [months for months in after if months < 1]
    if wrong or not after:
        raise InputError("months after the change are whole numbers from 1", "elasticity")
    found = []
    for seller in sellers:
        still = _held(scenario, seller, month)
        names = (f"{seller}.customers", f"{seller}.price")
        e = compare(still, shocked(still, seller, 1.0 + rise, month), seeds, month + max(after), engine, workers,
                    metrics=list(names), out=None if out is None else out / seller.replace(".", "-"))  # fmt: skip
        with np.errstate(divide="ignore", invalid="ignore"):
            volume, price = (np.log(e.paths(name)[1] / e.paths(name)[0]) for name in names)
            for months in after:
                at = month + months - 1
                own = np.where(price[:, at] != 0.0, volume[:, at] / price[:, at], np.nan)
                kept = float(np.nanmean(price[:, at]) / np.log1p(rise)) if np.isfinite(price[:, at]).any() else np.nan
                found.append(Elasticity(seller, months, own, kept))
    return found


def _held(scenario: Scenario, seller: str, month: int) -> Scenario:
    """The scenario whose seller keeps its price from ``month`` on, as far as its kind has such a rule."""
    kind = split_firm(seller, scenario.all_slugs, "elasticity")[0]
    if kind not in LAYERS:
        raise InputError(f"{seller} sells nothing", "elasticity")
    if kind == "foundry":
        return scenario
    address = f"{seller}.price_rule"
    return scenario.with_events(f"month {month}: set {address} frozen") if month else scenario.set({address: "frozen"})
