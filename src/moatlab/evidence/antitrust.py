"""What an agency computes of a merger: elasticities, diversion, concentration, pricing pressure, simulated prices.

Differentiated products in logit or nested-logit demand, with one nest of all products under the option outside and
nests within it, prices by Bertrand-Nash (Werden and Froeb 1994; Farrell and Shapiro 2010; Jaffe and Weyl 2013).  The
formulas are those of the R package `antitrust` (Taragin and Sandfort): with products that share one slope they give its
numbers.  Arrays are of products in one order; matrices have the product whose price moves, or whose owner decides, in
the row.

Ownership is a matrix of weights: in row i what whoever sets the price of i counts of a dollar that j earns, a dollar of
i being 1.  One company has weights of 1; a silent stake of 30 % in j has .3; control by way of that stake 1 / .3 in the
rows of what it controls (O'Brien and Salop 2000).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, root

from moatlab.errors import InputError

Array = NDArray[np.float64]

#: The merger guidelines of 2023 (U.S. Department of Justice and Federal Trade Commission), guideline 1: a merger is
#: presumed to lessen competition beyond this HHI and this change, or this share and this change.
CONCENTRATED, CHANGE, LARGE_SHARE = 1800.0, 100.0, 0.30
#: A small but significant and non-transitory increase in price.
SSNIP = 0.05
#: Prices have been found when a round changes none of them by more than this share.
_CLOSE = 1e-13
_ROUNDS = 20_000


@dataclass(frozen=True)
class Products:
    """Differentiated products of one market at given prices, and how demand moves from there.

    ``price`` and ``cost`` are in $; ``share`` is of all who choose, so that the rest choose none; ``slope`` is the fall
    of log odds per $ of the product's price; ``moved`` the share of that which firms count on when they set prices
    (customers who reconsider within their horizon, 1 for all); ``nest`` numbers the nests and ``correlation`` is the
    correlation of tastes within them (0 for the plain logit); ``dissimilarity`` is lambda of the nest of all products,
    the scale of tastes among them over that against none (1 for the plain logit); ``sets`` says whose price its rule
    sets, the others' stay; ``surplus_slope`` turns log odds into dollars of consumer surplus.
    """

    names: tuple[str, ...]
    price: Array
    cost: Array
    share: Array
    slope: Array
    moved: Array
    nest: NDArray[np.int64]
    sets: NDArray[np.bool_]
    correlation: float = 0.0
    surplus_slope: float = 1.0
    dissimilarity: float = 1.0

    def calibrated(self) -> Products:
        """The same as one sees them who infers slopes from margins: all customers choose again, by what firms count on.

        Elasticities, diversion and margins are the same; shares move less with prices than where `moved` is below 1.
        """
        part = float(self.share @ self.moved / self.share.sum()) if self.share.sum() > 0.0 else 1.0
        return replace(self, slope=self.slope * self.moved, moved=np.ones_like(self.moved),
                       surplus_slope=self.surplus_slope * part)  # fmt: skip

    @property
    def same_nest(self) -> NDArray[np.bool_]:
        """Whether two products share a nest, [products, products]."""
        return np.asarray(self.nest[:, None] == self.nest)

    @property
    def within(self) -> Array:
        """Shares within nests."""
        nests = self.same_nest @ self.share
        return np.divide(self.share, nests, out=np.ones_like(self.share), where=nests > 0.0)

    @property
    def rivalry(self) -> Array:
        """(1 - lambda) s_in + lambda s: what takes the place of shares in a logit's elasticities (Berry 1994)."""
        everybody = self.share.sum()
        among = self.share / everybody if everybody > 0.0 else self.share
        return np.asarray((1.0 - self.dissimilarity) * among + self.dissimilarity * self.share)

    def at(self, price: Array) -> Products:
        """The same at other prices, with the shares that demand then has."""
        part = 1.0 - self.correlation
        chosen = self.share.sum()
        nests = self.same_nest @ self.share / chosen
        # Prices that run away are for whoever looks for them to notice.
        with np.errstate(over="ignore", invalid="ignore"):
            pulls = self.within * np.exp(-self.slope * (price - self.price) / (self.dissimilarity * part))
            sums = self.same_nest @ pulls
            inside = np.divide(pulls, sums, out=np.zeros_like(pulls), where=sums > 0.0)
            attraction = nests * sums**part
            # Each nest once: its products' shares within it add up to 1.
            category = (inside * attraction).sum()
            whole = chosen * category**self.dissimilarity
            share = inside * attraction / category * whole / (1.0 - chosen + whole)
        return replace(self, price=price, share=share)

    # What demand does -----------------------------------------------------------------------------------------------

    def response(self) -> Array:
        """-d ln s_i / d(slope_i p_i): (1 - rho s_i|g - (1 - rho) sigma_i) / (lambda (1 - rho)), sigma the `rivalry`."""
        rho = self.correlation
        left = 1.0 - rho * self.within - (1.0 - rho) * self.rivalry
        return np.asarray(left / (self.dissimilarity * (1.0 - rho)))

    def elasticities(self) -> Array:
        """Percent by which demand for the product of the row moves with a percent of the price of the column's."""
        rho, paid = self.correlation, self.slope * self.moved * self.price / self.dissimilarity
        cross = paid * (self.rivalry + rho / (1.0 - rho) * self.within * self.same_nest)
        return np.asarray(cross - np.diag(paid / (1.0 - rho)))

    def diversion(self) -> Array:
        """Of the customers whom a rise of the row's price drives away, the part that goes to the column's; else -1.

        The rest goes to no product.
        """
        rho = self.correlation
        drawn = (1.0 - rho) * self.rivalry + rho * self.within * self.same_nest
        ratios = drawn / (self.dissimilarity * (1.0 - rho) * self.response())[:, None]
        np.fill_diagonal(ratios, -1.0)
        return np.asarray(ratios)

    def margins(self, owner: Array) -> Array:
        """Margins in $ at which these prices are Bertrand-Nash for that ownership."""
        others = owner * self.diversion()
        np.fill_diagonal(others, 0.0)
        alone = 1.0 / (self.slope * self.moved * self.response())
        return np.asarray(np.linalg.solve(np.eye(len(self.price)) - others, alone))

    # Prices ---------------------------------------------------------------------------------------------------------

    def equilibrium(
        self, owner: Array, cost: Array | None = None, sets: NDArray[np.bool_] | None = None
    ) -> Products:  # fmt: skip
        """Bertrand-Nash prices for that ownership, at these costs (by default the products'), and their shares.

        Products that do not set their price keep it.  Raises `InputError` where no such prices are found.
        """
        cost = self.cost if cost is None else cost
        free = self.sets if sets is None else sets
        alone = self.dissimilarity * (1.0 - self.correlation) / (self.slope * self.moved)
        found = replace(self, cost=cost)
        same = self.same_nest

        def wanted(products: Products) -> Array:
            # The fixed point of Morrow and Skerlos (2011), which is found from any start.
            rho = products.correlation
            drawn = (1.0 - rho) * products.rivalry + rho * products.within * same
            return np.where(free, cost + alone + (owner * drawn) @ (products.price - cost), products.price)

        for _ in range(_ROUNDS):
            price = wanted(found)
            if not np.all(np.isfinite(price)):
                break
            close = np.abs(price - found.price) <= _CLOSE * np.maximum(np.abs(price), 1e-6)
            found = found.at(price)
            if close.all():
                return found

        def gap(price: Array) -> Array:
            return wanted(replace(self, cost=cost).at(price)) - price

        solved = root(gap, self.price, tol=1e-13)
        if not solved.success or not np.all(np.isfinite(solved.x)):
            raise InputError(
                "no Bertrand-Nash prices for that ownership: with such weights a price rises without bound"
            )
        return found.at(np.asarray(solved.x))

    def best_price(self, product: int, cost: float, elsewhere: float) -> float:
        """The price that is best for one product at its rivals' prices; ``elsewhere`` is what a lost customer brings.

        What the company earns on those who leave for its other products counts like a cost.
        """
        step = 1.0 / float(self.slope[product] * self.moved[product])

        def gap(price: float) -> float:
            prices = self.price.copy()
            prices[product] = price
            return price - cost - elsewhere - step / float(self.at(prices).response()[product])

        low = cost + elsewhere
        high = low + 2.0 * step
        while gap(high) < 0.0:
            high = low + 2.0 * (high - low)
        return float(brentq(gap, low, high, xtol=1e-12, rtol=1e-14))

    def surplus_change(self, after: Products) -> float:
        """Consumer surplus at the prices of ``after`` less that at these, $ per customer who chooses."""
        outside = 1.0 - self.share.sum()
        then = 1.0 - after.share.sum()
        if outside <= 0.0 or then <= 0.0:
            raise InputError("without an option outside, consumer surplus has no level")
        return float(np.log(outside / then) / self.surplus_slope)

    def pass_through(self, owner: Array, step: float = 1e-4) -> Array:
        """$ by which the price of the row's product moves with a dollar of the column's cost (central differences)."""
        columns = []
        for product in range(len(self.price)):
            moved = np.zeros_like(self.cost)
            moved[product] = step * max(1.0, abs(float(self.cost[product])))
            up, down = (self.equilibrium(owner, self.cost + sign * moved).price for sign in (1.0, -1.0))
            columns.append((up - down) / (2.0 * moved[product]))
        return np.column_stack(columns)

    def monopolist(self, members: Sequence[int]) -> Array:
        """Relative price changes of ``members`` if one firm sold them all and rivals kept their prices."""
        mine = np.zeros(len(self.price), bool)
        mine[list(members)] = True
        owner = np.where(mine[:, None] & mine, 1.0, np.eye(len(self.price)))
        after = self.equilibrium(owner, sets=mine & self.sets)
        change: Array = after.price[mine] / self.price[mine] - 1.0
        return change

    def smallest_market(self, parties: Sequence[int], rise: float = SSNIP) -> tuple[int, ...] | None:
        """The smallest market around ``parties``: products are added, the closest substitutes first, until a single
        seller of them all would raise one of their prices by ``rise``.  None where not even all products do.
        """
        members = list(dict.fromkeys(parties))
        diversion = self.diversion()
        while True:
            changes = self.monopolist(members)
            if changes.max() >= rise:
                return tuple(members)
            rest = [i for i in range(len(self.price)) if i not in members]
            if not rest:
                return None
            members.append(max(rest, key=lambda i: float(diversion[parties, i].sum())))


# Ownership ----------------------------------------------------------------------------------------------------------


def one_owner(companies: Sequence[int]) -> Array:
    """Weights where products of one number belong to one company."""
    numbers = np.asarray(companies)
    return np.asarray(numbers[:, None] == numbers, float)


def with_stake(
    owner: Array, holders: Sequence[int], held: Sequence[int], share: float, *, control: bool = False
) -> Array:
    """Ownership once the company of ``holders`` has a stake in that of ``held``: silent, or with control of it."""
    after = owner.copy()
    after[np.ix_(holders, held)] = share
    if control:
        after[np.ix_(held, holders)] = 1.0 / share
    return after


# Screens ------------------------------------------------------------------------------------------------------------


def hhi(shares: Array, owner: Array) -> float:
    """Herfindahl-Hirschman index, 0 to 10,000, of shares that add up to 1; modified for stakes (O'Brien and Salop)."""
    return float(1e4 * shares @ owner @ shares)


def presumed(after: float, change: float, joint: float) -> bool:
    """Whether the guidelines of 2023 presume that a merger lessens competition."""
    return change > CHANGE and (after > CONCENTRATED or joint > LARGE_SHARE)


def pricing_pressure(
    price: Array, margin: Array, diversion: Array, before: Array, after: Array, saving: Array | None = None
) -> Array:
    """Net upward pricing pressure as a share of the price: GUPPI, generalised to several products.

    ``margin`` is a share of the price, ``saving`` the fall of marginal cost as a share of it.  Times the price it is
    UPP in $.
    """
    kept = np.zeros_like(price) if saving is None else saving
    then = 1.0 - (1.0 - margin) * (1.0 - kept)
    weighed = diversion * (price / price[:, None])
    return np.asarray((weighed * after) @ then / np.diag(after) - (weighed * before) @ margin / np.diag(before))


def compensating_reductions(
    price: Array, margin: Array, diversion: Array, before: Array, after: Array
) -> Array:  # fmt: skip
    """Falls of marginal cost, as shares of it, that leave prices where they are (CMCR; Werden 1996)."""
    weighed = -diversion * (price / price[:, None])
    own = np.diag(after) / np.diag(before)
    then = np.linalg.solve(weighed * after, own * ((weighed * before) @ margin))
    return np.asarray((then - margin) / (1.0 - margin))


def in_proportion(shares: Array) -> Array:
    """Diversion in proportion to shares, where nothing more is known; -1 for the product itself."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = shares / (1.0 - shares)[:, None]
    np.fill_diagonal(ratios, -1.0)
    return np.nan_to_num(ratios, nan=0.0, posinf=0.0)


def rows_of(members: Iterable[bool]) -> list[int]:
    """The rows that are true."""
    return [row for row, member in enumerate(members) if member]
