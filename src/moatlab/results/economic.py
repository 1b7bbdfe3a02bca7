"""Economic profit of layers, firms and owners, computed after a run from its ledger and books.

For each layer, firm or owner, with stocks S_j of capital (`moatlab.results.measure`), lives L_j in months, spending
x_j, plant K of which the market writes off d, and the cost of capital c a year:

    profit = sales + income won - cost of goods - overhead - sum_j S_j / L_j - d - (c / 12) (sum_j S_j + K)
    S_j' = S_j (1 - 1 / L_j) + x_j,   K' = K - d + x_plant

What a firm has not written off when it exits is written off after it, in its layer and for its owner, as it would have
been: the present value of write-offs and capital cost is that of the spending either way.  Nothing here is read by the
market.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moatlab.results.measure import ASSETS, PLANT, Measure, asset_of
from moatlab.results.payments import INFRASTRUCTURE, KINDS_OF_PAYMENT, LAYERS

Array = NDArray[np.float64]
Columns = dict[str, Array]

#: What payments are to a firm, in the order of the last axis of flows; sorts of capital follow.
SALES, WON, GOODS, OVERHEAD, PURCHASES, INTERNAL = range(6)
_STOCKS = 6
_ITEMS = _STOCKS + len(ASSETS)
_PLANT = [asset.name for asset in ASSETS].index(PLANT)
_SPENT = [at for at in range(len(ASSETS)) if at != _PLANT]

#: By kind of payment: what it is to its payer (-1: no cost), and to its payee (-1: no income).
_TO_PAYER = np.full(len(KINDS_OF_PAYMENT), -1)
_TO_PAYEE = np.full(len(KINDS_OF_PAYMENT), -1)
for _kind in KINDS_OF_PAYMENT:
    _asset = asset_of(_kind)
    if _asset is not None:
        _TO_PAYER[_kind.code] = _STOCKS + [asset.name for asset in ASSETS].index(_asset)
    elif _kind.use in ("cost of goods", "overhead"):
        _TO_PAYER[_kind.code] = GOODS if _kind.use == "cost of goods" else OVERHEAD
    if _kind.sale or _kind.name == "income won":
        _TO_PAYEE[_kind.code] = SALES if _kind.sale else WON
_SALE = np.array([kind.sale for kind in KINDS_OF_PAYMENT])


def flows_of_layers(payments: Array) -> Array:
    """[months, layers, items] M$ from the months' sums by kind of payment [months, kinds]."""
    flows = np.zeros((payments.shape[0], len(LAYERS), _ITEMS))
    for kind in KINDS_OF_PAYMENT:
        amount = payments[:, kind.code]
        if kind.payer in LAYERS:
            layer = LAYERS.index(kind.payer)
            if _TO_PAYER[kind.code] >= 0:
                flows[:, layer, _TO_PAYER[kind.code]] += amount
            if kind.sale:
                flows[:, layer, PURCHASES] += amount
        if kind.payee in LAYERS and _TO_PAYEE[kind.code] >= 0:
            flows[:, LAYERS.index(kind.payee), _TO_PAYEE[kind.code]] += amount
    return flows


def flows_of_firms(postings: Any, months: int, row_of: NDArray[np.int64], rows: int, owner_of: Any) -> Array:
    """[months, rows, items] M$ from single payments; ``row_of`` [accounts] is -1 for accounts without a row.

    ``owner_of`` [accounts] are numbers of owners, below 0 for none: sales between firms of one owner are internal.
    """
    flows = np.zeros(months * rows * _ITEMS)
    kind, month, amount = postings["kind"], postings["month"].astype(np.int64), postings["amount"]

    def add(account: Any, item: Any, where: Any) -> None:
        row = row_of[account]
        chosen = where & (row >= 0) & (item >= 0)
        cell = (month[chosen] * rows + row[chosen]) * _ITEMS + item[chosen]
        np.add.at(flows, cell, amount[chosen])

    everywhere, sale = np.ones(len(kind), bool), _SALE[kind]
    add(postings["payer"], _TO_PAYER[kind], everywhere)
    add(postings["payee"], _TO_PAYEE[kind], everywhere)
    add(postings["payer"], np.full(len(kind), PURCHASES), sale)
    buyer, seller = owner_of[postings["payer"]], owner_of[postings["payee"]]
    add(postings["payee"], np.full(len(kind), INTERNAL), sale & (buyer >= 0) & (buyer == seller))
    return flows.reshape(months, rows, _ITEMS)


def profits(flows: Array, plant: Array, wear: Array, measure: Measure) -> Columns:
    """The accounts of rows, each [months, rows] in M$.

    ``flows`` [months, rows, items]; ``plant`` [rows] is the book of month 0, M$; ``wear`` [months, rows] the share of
    its plant's book that the market writes off, which a life of plant in the measure replaces.
    """
    months, rows, _ = flows.shape
    assets = measure.assets
    lives = [asset.life if asset.life is not None else math.inf for asset in assets]
    finite = np.array([0.0 < life < math.inf for life in lives])
    rates = np.array([1.0 / life if 0.0 < life < math.inf else 0.0 for life in lives])
    at_once = np.array([life == 0.0 for life in lives])
    whole = np.array([a.standing * life if math.isfinite(life) else 0.0 for a, life in zip(assets, lives, strict=True)])
    spending = flows[:, :, _STOCKS:]
    stock = spending[0] * (whole * finite) if months else np.zeros((rows, len(assets)))
    stock[:, _PLANT] = plant
    amortisation, depreciation, capital = (np.zeros((months, rows)) for _ in range(3))
    by_market = assets[_PLANT].life is None
    for month in range(months):
        capital[month] = stock.sum(axis=1)
        off = stock * rates + spending[month] * at_once
        if by_market:
            off[:, _PLANT] = stock[:, _PLANT] * wear[month]
        amortisation[month] = off[:, _SPENT].sum(axis=1)
        depreciation[month] = off[:, _PLANT]
        stock = stock - off + spending[month]
    gross = flows[:, :, SALES] - flows[:, :, GOODS]
    worn = _worn(spending[:, :, _PLANT], plant, wear)
    before = gross + flows[:, :, WON] - flows[:, :, OVERHEAD]
    return {
        "sales": flows[:, :, SALES],
        "internal": flows[:, :, INTERNAL],
        "value_added": flows[:, :, SALES] - flows[:, :, PURCHASES],
        "income_won": flows[:, :, WON],
        "gross_profit_after_depreciation": gross - worn,
        "operating_profit": gross - worn - flows[:, :, OVERHEAD] - spending[:, :, _SPENT].sum(axis=2),
        "amortisation": amortisation,
        "capital": capital,
        "economic_profit": before - amortisation - depreciation - measure.cost_of_capital / 12.0 * capital,
    }


def _worn(capex: Array, plant: Array, wear: Array) -> Array:
    """Depreciation as the market books it [months, rows], M$."""
    book, worn = plant.copy(), np.zeros_like(capex)
    for month in range(capex.shape[0]):
        worn[month] = wear[month] * book
        book = book - worn[month] + capex[month]
    return worn


def shares(amounts: Array) -> Array:
    """Each column's part of a month's sum of positive amounts [months, columns], not-a-number where there is none."""
    positive = np.maximum(amounts, 0.0)
    total = positive.sum(axis=1, keepdims=True)
    found: Array = np.divide(positive, total, out=np.full(amounts.shape, np.nan), where=total > 0.0)
    return found


def area_under_demand(paid: Array, rent: Array, elasticity: float, choke: float) -> Array:
    """Surplus (M$) of buyers who pay ``paid`` (M$) at ``rent``: demand of constant elasticity that ends at ``choke``.

    The integral of h (u / r)^-e from r to choke, with h = paid / rent hours; nothing beyond the choke rent.
    """
    log = np.log(np.maximum(choke, 1e-300) / np.where(rent > 0.0, rent, np.nan))
    log = np.maximum(np.nan_to_num(log), 0.0)
    slope = 1.0 - elasticity
    # The limit at an elasticity of one is the log itself.
    factor = log if abs(slope) < 1e-9 else np.expm1(slope * log) / slope
    found: Array = paid * factor
    return found


class Economics:
    """Economic profit of a run, by layer, firm and owner; computed when it is first asked for.

    ``raw(name)`` gives a recorded table in one piece, ``about`` says what the run was (`Results.about`).
    """

    def __init__(self, raw: Callable[[str], Any], about: Mapping[str, Any]) -> None:
        self._raw, self._about = raw, about
        self.measure: Measure = about["measure"]
        self._months = int(about["months"])
        self._single: dict[tuple[str, int], Columns] = {}

    @cached_property
    def generative(self) -> Array:
        """Generative AI's share of GPU-hours by month, 0 where none are sold."""
        share: Array = np.nan_to_num(np.asarray(self._raw("market")["generative_share"], float))
        return share

    @cached_property
    def outside_surplus(self) -> Array:
        """Surplus of outside buyers of GPU-hours by month, M$, at the mean rent."""
        outside = self._about["outside"]
        code = next(kind.code for kind in KINDS_OF_PAYMENT if kind.name == "outside compute")
        rent, paid = np.asarray(self._raw("market")["rent"], float), np.asarray(self._raw("payments")[:, code], float)
        choke = self.measure.outside_choke * outside["reference_rent"]
        return area_under_demand(paid, rent, outside["spot_elasticity"], choke)

    @cached_property
    def layers(self) -> Columns:
        """The accounts by layer, [months, layers] each."""
        columns = profits(self._flows_of_layers, self._layer_books, self._wear, self.measure)
        columns["generative_profit"] = self._attributed(columns["economic_profit"], LAYERS)
        columns["economic_share"] = shares(columns["generative_profit"])
        return columns

    @cached_property
    def _flows_of_layers(self) -> Array:
        return flows_of_layers(np.asarray(self._raw("payments"), float))

    @cached_property
    def _layer_books(self) -> Array:
        books, first = np.asarray(self._about["first_books"], float), self._about["first_account"]
        sums = np.zeros(len(LAYERS))
        for at, layer in enumerate(LAYERS):
            ends = [start for start in first.values() if start > first[layer]]
            sums[at] = books[first[layer] : min(ends, default=len(books))].sum()
        return sums

    @cached_property
    def _wear(self) -> Array:
        """Share of the book that the market wrote off, by month and layer: recorded depreciation over the book."""
        worn = np.asarray(self._raw("layers")["depreciation"], float).reshape(self._months, len(LAYERS))
        capex = self._flows_of_layers[:, :, _STOCKS + _PLANT]
        book, wear = self._layer_books.copy(), np.zeros_like(worn)
        for month in range(self._months):
            wear[month] = np.divide(worn[month], book, out=np.zeros(len(LAYERS)), where=book > 0.0)
            book = book - worn[month] + capex[month]
        return wear

    def _attributed(self, amounts: Array, layers: Any) -> Array:
        """Amounts [months, rows] of rows in these layers, those of infrastructure by generative AI's share."""
        found: Array = np.where(np.isin(layers, INFRASTRUCTURE), amounts * self.generative[:, None], amounts)
        return found

    # Firms ----------------------------------------------------------------------------------------------------------

    @property
    def named(self) -> list[tuple[str, int]]:
        """Kind and row of every firm that the scenario names."""
        slugs = self._about["slugs"]
        return [(kind, row) for kind in LAYERS for row in range(len(slugs[kind]))]

    @cached_property
    def flows_of_named(self) -> Array:
        """Flows [months, firms, items] of the firms that the scenario names."""
        kept: Array = self._raw("flows")
        return kept if len(kept) else self._flows(self.named)

    def _flows(self, firms: list[tuple[str, int]]) -> Array:
        postings, first = self._raw("postings"), self._about["first_account"]
        last = max((int(postings[end].max()) for end in ("payer", "payee") if len(postings)), default=0)
        accounts = [first[kind] + row for kind, row in firms]
        size = max([last, *accounts]) + 1
        row_of, owner_of = np.full(size, -1), np.full(size, -1)
        row_of[accounts] = np.arange(len(accounts))
        owners = list(self._about["slugs"]["owners"])
        for kind, row in self.named:
            owner_of[first[kind] + row] = owners.index(self._owner(kind, row))
        return flows_of_firms(postings, self._months, row_of, len(firms), owner_of)

    def _owner(self, kind: str, row: int) -> str:
        return str(self._about["owner_of"][f"{kind}.{self._about['slugs'][kind][row]}"])

    def _accounts(self, firms: list[tuple[str, int]], flows: Array) -> Columns:
        books, first = np.asarray(self._about["first_books"], float), self._about["first_account"]
        plant = np.array([books[at] if (at := first[k] + row) < len(books) else 0.0 for k, row in firms])
        wear = self._wear[:, [LAYERS.index(kind) for kind, _ in firms]]
        return profits(flows, plant, wear, self.measure)

    @cached_property
    def firms(self) -> Columns:
        """The accounts of the firms that the scenario names, [months, firms] each, in the order of `named`."""
        return self._accounts(self.named, self.flows_of_named)

    @cached_property
    def apps(self) -> Columns:
        """The accounts of all apps, generated ones included, [months, apps] each; needs the ledger."""
        rows = [("apps", row) for row in range(len(self._about["app_categories"]))]
        return self._accounts(rows, self._flows(rows))

    def firm(self, kind: str, row: int, column: str) -> Array:
        """One column of the accounts of one firm, by month."""
        generated = kind == "apps" and row >= len(self._about["slugs"]["apps"])
        if (
            column != "internal"
            and ("apps" if generated else "firms") not in self.__dict__
            and not len(self._raw("flows"))
        ):
            return self._alone(kind, row)[column][:, 0]
        if generated:
            return self.apps[column][:, row]
        return self.firms[column][:, self.named.index((kind, row))]

    def _alone(self, kind: str, row: int) -> Columns:
        """The accounts of one firm out of its own payments: the same bytes as among all, in a tenth of the time."""
        if (kind, row) not in self._single:
            postings, account = self._raw("postings"), self._about["first_account"][kind] + row
            mine = postings[(postings["payer"] == account) | (postings["payee"] == account)]
            last = max((int(mine[end].max()) for end in ("payer", "payee") if len(mine)), default=0)
            row_of = np.full(max(last, account) + 1, -1)
            row_of[account] = 0
            flows = flows_of_firms(mine, self._months, row_of, 1, np.full(len(row_of), -1))
            self._single[kind, row] = self._accounts([(kind, row)], flows)
        return self._single[kind, row]

    # Owners ---------------------------------------------------------------------------------------------------------

    @cached_property
    def owners(self) -> Columns:
        """The accounts by owner, [months, owners] each, in the order of ``slugs["owners"]``."""
        names = list(self._about["slugs"]["owners"])
        kinds = [kind for kind, _ in self.named]
        groups = np.zeros((len(self.named), len(names)))
        for at, (kind, row) in enumerate(self.named):
            groups[at, names.index(self._owner(kind, row))] = 1.0
        apps = np.array([kind == "apps" for kind in kinds], float)

        def summed(of_firms: Array, of_apps: Array) -> Array:
            """By owner; generated startups, the last, have what the named apps leave of their layer."""
            total = of_firms @ groups
            total[:, -1] += of_apps - of_firms @ apps
            return total

        firms, layers = self.firms, self.layers
        columns = {
            name: summed(firms[name], layers[name][:, 0])
            for name in ("sales", "internal", "value_added", "gross_profit_after_depreciation", "operating_profit",
                         "capital", "income_won", "economic_profit")
        }  # fmt: skip
        columns["revenue"] = columns.pop("sales") - columns.pop("internal")
        columns["receipts"] = columns["revenue"] + columns["income_won"]
        lost = np.zeros((self._months, len(names)))
        for row, path in enumerate(self._lost.T):
            lost[:, names.index(self._owner("labs", row))] += path
        columns["income_lost"] = lost
        attributed = self._attributed(firms["economic_profit"], kinds)
        columns["generative_profit"] = summed(attributed, layers["economic_profit"][:, 0]) - lost
        columns["economic_profit"] = columns["economic_profit"] - lost
        columns["economic_share"] = shares(columns["generative_profit"])
        return columns

    @cached_property
    def _lost(self) -> Array:
        """What the companies of labs lose of their other businesses [months, labs], M$: booked while the lab lives."""
        lost = np.asarray(self._raw("lost"), float).reshape(self._months, len(self._about["slugs"]["labs"]))
        rows = self._raw("firms")
        labs = rows[rows["kind"] == LAYERS.index("labs")]
        alive = np.zeros(lost.shape, bool)
        alive[labs["month"], labs["row"]] = True
        return np.where(alive, lost, 0.0)
