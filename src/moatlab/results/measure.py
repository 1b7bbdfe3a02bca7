"""How economic profit is measured: what counts as capital, for how long it lasts, and what it costs.

Economic profit is what sales leave after every cost, the cost of the capital tied up included.  Spending that works
for longer than its month (training, research, features, marketing, designs of chips, plant) is capital, in every layer
alike: it is written off geometrically over a declared life, and what is not yet written off costs its owners what they
could earn elsewhere.  These declarations are conventions of whoever measures.  They are in this one table, they are no
parameters of the market, and no rule reads them: with others, the same run gives other figures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from moatlab.errors import InputError
from moatlab.results.payments import KINDS_OF_PAYMENT, PaymentKind
from moatlab.scenario.addresses import nearest


@dataclass(frozen=True, slots=True)
class Asset:
    """One sort of capital.

    ``life`` is in months (0: no capital, a cost of its month; infinite: never written off; None: as the market itself
    writes it off).  ``standing`` is the stock at month 0, as a share of a whole life of month 0's spending: 1 where
    spending had long been what it was, less where it had been growing.  ``payments`` are the kinds that build it up.
    """

    name: str
    life: float | None
    standing: float
    payments: tuple[str, ...]
    reason: str


#: All sorts of capital.  Research that no row names, as a newcomer's before it sells, counts as `FOUNDING`.
ASSETS = (
    Asset("training", 18.0, 0.5, ("lab training",), "a frontier model of early 2023 was matched by open ones, and "
          "replaced by its maker, within one to two years; spending had been doubling yearly, so half a life stands"),
    Asset("research", 24.0, 0.5, ("lab staff",), "methods outlive a model, until rivals and publications have them"),
    Asset("features", 24.0, 0.5, ("app rnd",), "software is commonly written off over two to three years; new firms"),
    Asset("founding", 24.0, 0.0, (), "what a newcomer spends before it sells is features; none at month 0"),
    Asset("own models", 18.0, 0.0, ("app training",), "as labs' models; made at a point in time, so none at month 0"),
    Asset("marketing", 20.0, 0.5, ("marketing",), "about the time that a customer stays; new firms"),
    Asset("designs", 48.0, 1.0, ("chip rnd",), "a generation of chips is designed in two years and sold for two; "
          "research at its old pace"),
    Asset("plant", None, 0.0, ("chips", "buildings", "construction"), "chips, buildings and fabs as the market writes "
          "them off (clouds.life, foundry.life), from the books of month 0"),
)  # fmt: skip
PLANT = "plant"
#: What other payments of a use count as.
_OTHERWISE = {"rnd": "founding", "marketing": "marketing", "capex": PLANT}


def asset_of(kind: PaymentKind) -> str | None:
    """The sort of capital that a payment builds up, None for a cost of its month and for what is no cost."""
    named = next((asset.name for asset in ASSETS if kind.name in asset.payments), None)
    return named or _OTHERWISE.get(kind.use)


@dataclass(frozen=True)
class Measure:
    """The conventions behind economic profit.

    ``cost_of_capital`` is a share of capital a year, the same for every layer: what listed companies of technology
    were asked for in early 2023, before the premium for small firms (12 %; .08 and .20 span what can be defended).
    ``outside_choke`` is the rent at which outside buyers would do without GPU-hours, as a multiple of the reference
    rent: their demand has a constant elasticity, under which the area is infinite without such an end.
    """

    cost_of_capital: float = 0.12
    outside_choke: float = 10.0
    assets: tuple[Asset, ...] = ASSETS

    def scaled(self, factor: float) -> Measure:
        """With all declared lives times ``factor``; plant stays as the market writes it off."""
        lives = {a.name: a.life * factor for a in self.assets if a.life is not None}
        return self.with_lives(lives)

    def with_lives(self, lives: dict[str, float]) -> Measure:
        """With other lives (months) by the name of the asset.  Raises `InputError` for names and lives not valid."""
        known = {asset.name: asset for asset in self.assets}
        for name, life in lives.items():
            if name not in known:
                raise InputError(f"there is no asset {name!r}; {nearest(name, known)}", "measure")
            if not life >= 0.0:
                raise InputError(f"the life of {name} is from 0 months, not {life:g}", "measure")
        return replace(self, assets=tuple(replace(a, life=lives.get(a.name, a.life)) for a in self.assets))

    @classmethod
    def read(cls, texts: Iterable[str]) -> Measure:
        """The default measure with changes such as ``training=12``, ``lives=0.5``, ``cost_of_capital=0.08``.

        ``lives`` multiplies all declared lives.  Raises `InputError` for other names and for what is no number.
        """
        measure = cls()
        for text in texts:
            name, equals, value = (part.strip() for part in text.partition("="))
            try:
                number = float(value)
            except ValueError:
                number = math.nan
            if not equals or not number >= 0.0:
                raise InputError("write NAME=NUMBER, as in cost_of_capital=0.08, a number from 0", f"measure {text!r}")
            if name in ("cost_of_capital", "outside_choke"):
                if math.isinf(number):
                    raise InputError(f"{name} is a finite number", f"measure {text!r}")
                capital = name == "cost_of_capital"
                measure = (
                    replace(measure, cost_of_capital=number) if capital else replace(measure, outside_choke=number)
                )
            elif name == "lives":
                measure = measure.scaled(number)
            elif name in {asset.name for asset in measure.assets}:
                measure = measure.with_lives({name: number})
            else:
                valid = ["cost_of_capital", "outside_choke", "lives", *(asset.name for asset in measure.assets)]
                raise InputError(f"a measure has no {name!r}; {nearest(name, valid)}", f"measure {text!r}")
        return measure

    def told(self) -> str:
        """The measure in a line."""
        lives = ", ".join(
            f"{asset.name} {'as the market' if asset.life is None else f'{asset.life:g} months'}"
            for asset in self.assets
        )
        return f"cost of capital {100 * self.cost_of_capital:g} % a year; lives: {lives}"


def _check() -> None:
    """Each kind of payment builds up one sort of capital at most, and only investment does."""
    for kind in KINDS_OF_PAYMENT:
        owners = [asset.name for asset in ASSETS if kind.name in asset.payments]
        assert len(owners) <= (kind.use in _OTHERWISE), (kind.name, owners)


_check()
