"""An agency's formulas: equal to those that the R package `antitrust` publishes, written out here again, to 1e-6.

The independent side is plain Python with loops, R's sign conventions (alpha below 0, sigma = 1 - rho, elasticities with
demand in the row, diversion matrices with -1 on the diagonal), and first-order conditions solved by scipy.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import approx_fprime, minimize, root

from moatlab.errors import InputError
from moatlab.evidence import antitrust
from moatlab.evidence.antitrust import Products, one_owner, with_stake

Vector = NDArray[np.float64]
CLOSE = 1e-6
ALPHA = -0.11
COMPANIES = [1, 2, 2, 3, 4, 1]
NESTS = [0, 0, 1, 1, 1, 2]
COST = np.array([8.0, 10.0, 6.0, 12.0, 7.0, 9.0])
VALUE = np.array([3.0, 3.6, 2.2, 3.1, 2.5, 2.9])


def r_shares(price: Vector, sigma: float) -> tuple[Vector, Vector]:
    """Shares, and shares within nests, as `calcShares` of Logit and LogitNests; the outside good is worth 0."""
    n = len(price)
    pulls = [math.exp((VALUE[i] + ALPHA * price[i]) / sigma) for i in range(n)]
    sums = {g: sum(pulls[i] for i in range(n) if NESTS[i] == g) for g in set(NESTS)}
    everything = 1.0 + sum(total**sigma for total in sums.values())
    inside = [pulls[i] / sums[NESTS[i]] for i in range(n)]
    return np.array([inside[i] * sums[NESTS[i]] ** sigma / everything for i in range(n)]), np.array(inside)


def r_elast(price: Vector, sigma: float) -> Vector:
    """`elast`: percent of the demand of the row for a percent of the price of the column."""
    share, inside = r_shares(price, sigma)
    found = np.zeros((len(price), len(price)))
    for i in range(len(price)):
        for j in range(len(price)):
            same = NESTS[i] == NESTS[j]
            found[i, j] = -ALPHA * price[j] * share[j] - same * (1.0 / sigma - 1.0) * ALPHA * price[j] * inside[j]
            if i == j:
                found[i, j] += ALPHA * price[j] / sigma
    return found


def r_margins(price: Vector, sigma: float, owner: Vector) -> Vector:
    """`calcMargins`: shares of the price that solve the first-order conditions at these prices."""
    share, _ = r_shares(price, sigma)
    revenue = price * share / (price @ share)
    return -np.linalg.solve(r_elast(price, sigma).T * owner, revenue * np.diag(owner)) / revenue


def r_prices(cost: Vector, sigma: float, owner: Vector) -> Vector:
    """`calcPrices`: prices at which margins are those of the first-order conditions."""

    def gap(price: Vector) -> Vector:
        return np.asarray(1.0 - cost / price - r_margins(price, sigma, owner))

    solved = root(gap, cost + 15.0, tol=1e-12)
    assert np.abs(gap(solved.x)).max() < 1e-10
    return np.asarray(solved.x)


def r_diversion(price: Vector, sigma: float) -> Vector:
    """`diversion`, of quantities."""
    share, _ = r_shares(price, sigma)
    elast = r_elast(price, sigma)
    n = len(price)
    return np.array([[-elast[j, i] / elast[i, i] * share[j] / share[i] for j in range(n)] for i in range(n)])


def r_cmcr(price: Vector, margin: Vector, diversion: Vector, pre: Vector, post: Vector) -> Vector:
    """`cmcr.bertrand`, relative to cost, in per cent."""
    ratio = np.outer(1.0 / price, price)
    b_pre, b_post = -diversion * ratio * pre, -diversion * ratio * post
    then = np.linalg.inv(b_post) @ ((np.diag(post) / np.diag(pre)) * (b_pre @ margin))
    return np.asarray((then - margin) / (1.0 - margin) * 100.0)


def r_upp(price: Vector, margin: Vector, diversion: Vector, pre: Vector, post: Vector, change: Vector) -> Vector:
    """`upp.bertrand`, in per cent; ``change`` is the proportional change of marginal cost."""
    after = 1.0 - price * (1.0 - margin) * (1.0 + change) / price
    found = []
    for i in range(len(price)):
        before_i = sum(diversion[i, j] * price[j] / price[i] * pre[i, j] * margin[j] for j in range(len(price)))
        after_i = sum(diversion[i, j] * price[j] / price[i] * post[i, j] * after[j] for j in range(len(price)))
        found.append(100.0 * (after_i / post[i, i] - before_i / pre[i, i]))
    return np.array(found)


def r_hhi(share: Vector, owner: Vector) -> float:
    """`HHI` with an ownership matrix of zeros and ones."""
    weights = owner.T @ owner
    weights = weights / np.diag(weights)
    return float((100 * share) @ np.where(weights > 0, 1.0, 0.0) @ (100 * share))


def products(sigma: float) -> Products:
    """The market of the case at arbitrary prices."""
    price = COST + 12.0
    n = len(COST)
    return Products(tuple("abcdef"), price, COST, r_shares(price, sigma)[0], np.full(n, -ALPHA), np.ones(n),
                    np.array(NESTS), np.ones(n, bool), 1.0 - sigma, -ALPHA)  # fmt: skip


@pytest.fixture(params=[1.0, 0.6], ids=["logit", "nested"])
def sigma(request: Any) -> float:
    return float(request.param)


def merged() -> Vector:
    return one_owner([9 if company in (1, 2) else company for company in COMPANIES])


def test_prices_before_and_after_a_merger_with_a_saving(sigma: float) -> None:
    before = products(sigma).equilibrium(one_owner(COMPANIES))
    np.testing.assert_allclose(before.price, r_prices(COST, sigma, one_owner(COMPANIES)), rtol=CLOSE)
    np.testing.assert_allclose(before.share, r_shares(before.price, sigma)[0], rtol=CLOSE)
    cheaper = COST * np.where(np.isin(COMPANIES, (1, 2)), 0.9, 1.0)
    after = before.equilibrium(merged(), cheaper)
    np.testing.assert_allclose(after.price, r_prices(cheaper, sigma, merged()), rtol=CLOSE)
    # Wrong: the merger without its saving.
    assert np.abs(after.price - r_prices(COST, sigma, merged()))[0] > 0.1
    # `CV`: the log sum over alpha, per customer who chooses.
    sums = [math.log(1.0 / (1.0 - r_shares(each.price, sigma)[0].sum())) for each in (before, after)]
    assert before.surplus_change(after) == pytest.approx((sums[1] - sums[0]) / -ALPHA, rel=CLOSE)


def test_elasticities_diversion_and_margins(sigma: float) -> None:
    at = products(sigma).equilibrium(one_owner(COMPANIES))
    np.testing.assert_allclose(at.elasticities(), r_elast(at.price, sigma), rtol=CLOSE)
    np.testing.assert_allclose(at.diversion(), r_diversion(at.price, sigma), rtol=CLOSE)
    # At rest the first-order conditions give back the costs.
    np.testing.assert_allclose(at.margins(one_owner(COMPANIES)), at.price - COST, rtol=CLOSE)
    relative = at.margins(one_owner(COMPANIES)) / at.price
    np.testing.assert_allclose(relative, r_margins(at.price, sigma, one_owner(COMPANIES)), rtol=CLOSE)


def test_the_elasticities_are_those_of_the_shares(sigma: float) -> None:
    at = products(sigma)
    for product in range(len(COST)):

        def log_share(log_price: Vector, product: int = product) -> float:
            return float(np.log(at.at(np.exp(log_price)).share[product]))

        np.testing.assert_allclose(at.elasticities()[product], approx_fprime(np.log(at.price), log_share, 1e-7),
                                   rtol=1e-4, atol=1e-6)  # fmt: skip


@pytest.mark.parametrize(("stake", "control"), [(1.0, False), (0.3, False), (0.6, True)])
def test_pricing_pressure_and_compensating_reductions(sigma: float, stake: float, control: bool) -> None:
    pre = one_owner(COMPANIES)
    at = products(sigma).equilibrium(pre)
    ones, twos = ([i for i, company in enumerate(COMPANIES) if company == number] for number in (1, 2))
    post = merged() if stake == 1.0 else with_stake(pre, ones, twos, stake, control=control)
    mine = sorted([*ones, *twos])
    part = np.ix_(mine, mine)
    margin = 1.0 - at.cost / at.price
    known = at.price[mine], margin[mine], at.diversion()[part], pre[part], post[part]
    np.testing.assert_allclose(100 * antitrust.compensating_reductions(*known), r_cmcr(*known), rtol=CLOSE, atol=1e-9)
    saving = np.linspace(0.02, 0.08, len(mine))
    np.testing.assert_allclose(100 * antitrust.pricing_pressure(*known, saving), r_upp(*known, -saving), rtol=CLOSE)
    # With the reductions that compensate, prices stay where they were.
    cost = at.cost.copy()
    cost[mine] *= 1.0 - antitrust.compensating_reductions(*known)
    np.testing.assert_allclose(at.equilibrium(post, cost).price, at.price, rtol=1e-8)


def test_the_example_of_the_packages_manual() -> None:
    """`cmcr.bertrand` and `upp.bertrand` of three products, of which the first is one firm's."""
    price, margin = np.array([50.0, 45.0, 70.0]), np.array([0.3, 0.4, 0.6])
    diversion = np.array([[-1.0, 0.6, 0.02], [0.5, -1.0, 0.2], [0.01, 0.1, -1.0]])
    pre = one_owner([1, 0, 0])
    known = price, margin, diversion, pre, np.ones((3, 3))
    np.testing.assert_allclose(100 * antitrust.compensating_reductions(*known), r_cmcr(*known), rtol=CLOSE)
    # GUPPI of the first: .6 * (45 / 50) * .4 + .02 * (70 / 50) * .6.
    assert antitrust.pricing_pressure(*known)[0] == pytest.approx(0.6 * 0.9 * 0.4 + 0.02 * 1.4 * 0.6)
    np.testing.assert_allclose(100 * antitrust.pricing_pressure(*known), r_upp(*known, np.zeros(3)), rtol=CLOSE)


def test_concentration() -> None:
    shares = np.array([0.15, 0.2, 0.25, 0.35, 0.05])
    owner = one_owner([1, 1, 2, 2, 3])
    assert antitrust.hhi(shares, owner) == pytest.approx(r_hhi(shares, owner))
    assert antitrust.hhi(shares, owner) == pytest.approx(35.0**2 + 60.0**2 + 5.0**2)
    # A silent stake of 30 % in a rival: 30 % of what the merger would add to the holder's side alone.
    stake = with_stake(np.eye(5), [0], [2], 0.3)
    assert antitrust.hhi(shares, stake) - antitrust.hhi(shares, np.eye(5)) == pytest.approx(0.3 * 15.0 * 25.0)
    assert antitrust.presumed(1900.0, 150.0, 0.2) and antitrust.presumed(1500.0, 150.0, 0.35)
    assert not antitrust.presumed(1900.0, 90.0, 0.5) and not antitrust.presumed(1700.0, 150.0, 0.25)


def test_a_silent_stake_raises_the_holders_price_and_control_the_others() -> None:
    before = products(1.0).equilibrium(np.eye(6))
    silent = before.equilibrium(with_stake(np.eye(6), [0], [1], 0.4))
    control = before.equilibrium(with_stake(np.eye(6), [0], [1], 0.4, control=True))
    rise = silent.price / before.price - 1.0
    assert rise[0] > 0.005 > rise[1] > 0.0
    assert control.price[1] > before.price[1] * 1.05
    # What the holder maximises: its own profit and .4 of the other's.
    share = r_shares(silent.price, 1.0)[0]
    gap = [(share[i] + sum(w * (silent.price[j] - COST[j]) * ALPHA * share[j] * ((i == j) - share[i])
                           for j, w in ((i, 1.0), *(((1, 0.4),) if i == 0 else ())))) for i in range(2)]  # fmt: skip
    np.testing.assert_allclose(gap, 0.0, atol=1e-9)


def test_pass_through(sigma: float) -> None:
    owner = one_owner(COMPANIES)
    at = products(sigma).equilibrium(owner)
    bump = 1e-4
    for product in (0, 3):
        shift = np.where(np.arange(6) == product, bump, 0.0)
        wanted = (r_prices(COST + shift, sigma, owner) - r_prices(COST - shift, sigma, owner)) / (2 * bump)
        np.testing.assert_allclose(at.pass_through(owner)[:, product], wanted, rtol=1e-4, atol=1e-6)


def test_a_hypothetical_monopolist_takes_rivals_prices_as_they_are(sigma: float) -> None:
    at = products(sigma).equilibrium(one_owner(COMPANIES))

    def loss(mine: Vector) -> float:
        price = at.price.copy()
        price[[1, 3]] = mine
        return -float((mine - COST[[1, 3]]) @ r_shares(price, sigma)[0][[1, 3]])

    best = minimize(loss, at.price[[1, 3]], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14}).x
    np.testing.assert_allclose(at.monopolist([1, 3]), best / at.price[[1, 3]] - 1.0, rtol=1e-4)


def test_the_smallest_market_grows_by_the_closest_substitutes() -> None:
    at = products(0.6).equilibrium(np.eye(6))
    assert at.smallest_market([0, 1]) == (0, 1)
    found = at.smallest_market([5], 0.2)
    assert found is not None and found[0] == 5 and len(found) > 1
    assert at.monopolist(found).max() >= 0.2 > at.monopolist(found[:-1]).max()
    assert at.smallest_market([0], 50.0) is None


def test_prices_that_are_not_set_stay_and_weights_without_an_equilibrium_are_refused() -> None:
    kept = np.array([True, False, True, True, True, True])
    case = products(1.0)
    found = case.equilibrium(np.ones((6, 6)), sets=kept)
    assert found.price[1] == case.price[1] and found.price[0] > case.price[0]
    ones, halves = np.ones(2), np.array([0.5, 0.5])
    full = Products(("a", "b"), 2.0 * ones, ones, halves, ones, ones, np.zeros(2, np.int64), np.ones(2, bool))
    with pytest.raises(InputError, match="no Bertrand-Nash"):
        full.equilibrium(np.ones((2, 2)))
    with pytest.raises(InputError, match="option outside"):
        full.surplus_change(full)
