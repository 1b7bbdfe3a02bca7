"""Prices: logit-Bertrand, joint owners, nests, monopoly, limits, stickiness, pay per use.

Each market runs until it rests.  The answer comes from the first-order conditions by scipy, from PyBLP or from a closed
form; next to it stands the plausible wrong formula, which the tolerance has to reject.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq, root
from scipy.special import lambertw

from moatlab import Scenario
from tests.textbook.demand import Vector, at_rest, cost, customers, of_apps, quality, scenario

TOLERANCE = 1e-9


def agree(found: Any, wanted: Any, wrong: Any, tolerance: float = TOLERANCE) -> None:
    """``found`` is ``wanted``, and would not be if the rule were the ``wrong`` one."""
    np.testing.assert_allclose(found, wanted, rtol=tolerance)
    assert np.all(np.abs(np.asarray(wrong) - np.asarray(found)) > 1e3 * tolerance * np.abs(found)), "the test is blind"


def logit(v: Vector, price: Vector, outside: float = 1.0) -> Vector:
    """Shares of the plain logit."""
    pull = np.exp(v - price)
    return np.asarray(pull / (outside + pull.sum()))


def nash(v: Vector, c: Vector, outside: float = 1.0, owner: Sequence[int] | None = None, moved: float = 1.0) -> Vector:
    """Bertrand-Nash prices: s_i + moved * sum over the owner's products j of (p_j - c_j) ds_j/dp_i = 0."""
    owners = np.arange(len(v)) if owner is None else np.asarray(owner)
    together = owners[:, None] == owners[None, :]

    def conditions(price: Vector) -> Vector:
        s = logit(v, price, outside)
        slopes = np.outer(s, s) - np.diag(s)
        return np.asarray((s + moved * (together * slopes) @ (price - c)) / s)

    found = root(conditions, c + 1.5 / moved, tol=1e-13)
    assert found.success
    return np.asarray(found.x)


def blp(v: Vector, c: Vector, firms: Sequence[Any], nests: Sequence[int] | None = None, rho: float = 0.0) -> Vector:
    """The same by PyBLP."""
    pyblp = pytest.importorskip("pyblp")
    pyblp.options.verbose = False
    logging.getLogger("pyblp").setLevel(logging.ERROR)
    n = len(v)
    data = {"market_ids": np.zeros(n), "firm_ids": np.asarray(firms), "prices": np.zeros(n), "v": v}
    more = {}
    if nests is not None:
        data["nesting_ids"] = np.asarray(nests)
        more["rho"] = rho
    formulas = (pyblp.Formulation("0 + prices + v"), None, pyblp.Formulation("0 + v"))
    simulation = pyblp.Simulation(
        formulas, data, beta=[-1.0, 1.0], gamma=[1.0], xi=np.zeros(n), omega=np.zeros(n), **more
    )
    solved = simulation.replace_endogenous(costs=c, iteration=pyblp.Iteration("simple", {"atol": 1e-14}))
    return np.asarray(solved.product_data.prices.ravel())


@pytest.mark.parametrize("firms", [2, 3, 5, 10])
def test_bertrand_nash_prices_of_unequal_firms(firms: int) -> None:
    case = scenario(f"bertrand-{firms}")
    market = at_rest(case)
    wanted = nash(quality(case), cost(case))
    # Wrong: the markup of a firm too small to move the market, mu / alpha.
    agree(of_apps(market, "price"), wanted, cost(case) + 1.0)
    np.testing.assert_allclose(customers(market), logit(quality(case), wanted), rtol=TOLERANCE)


def test_bertrand_nash_prices_by_pyblp() -> None:
    case = scenario("bertrand-5")
    found = of_apps(at_rest(case), "price")
    agree(found, blp(quality(case), cost(case), range(5)), cost(case) + 1.0)


def test_price_elasticities() -> None:
    """Own -p (1 - s), cross p_j s_j, measured with a small change of one price."""
    frozen = scenario("bertrand-3").set({f"apps.{app}.price": 3.0 for app in ("one", "two", "three")})
    frozen = frozen.set({"apps.*.price_rule": "frozen"})
    step = 1e-5
    bumped = [at_rest(frozen.set({"apps.one.price": 3.0 * np.exp(sign * step)})) for sign in (1, -1)]
    found = (np.log(customers(bumped[0])) - np.log(customers(bumped[1]))) / (2 * step)
    s = customers(at_rest(frozen))
    # Wrong: the elasticity of a firm that takes customers from the outside option only.
    agree(found, [-3.0 * (1 - s[0]), 3.0 * s[0], 3.0 * s[0]], [-3.0, 0.0, 0.0], 1e-8)


def test_pass_through_of_a_rise_in_cost() -> None:
    """A dearer firm one: it passes on less than its cost, and its rivals follow it a little."""
    case = scenario("bertrand-3")
    step = 1e-4
    found = []
    for sign in (1, -1):
        found.append(of_apps(at_rest(case, levy=[sign * step, 0.0, 0.0]), "price"))
    v, c = quality(case), cost(case)
    shift = np.array([step, 0.0, 0.0])
    wanted = (nash(v, c + shift) - nash(v, c - shift)) / (2 * step)
    # Wrong: constant markups, which pass on all of it.
    agree((found[0] - found[1]) / (2 * step), wanted, [1.0, 0.0, 0.0], 1e-7)


def test_monopoly_is_a_lambert_w() -> None:
    case = scenario("monopoly")
    market = at_rest(case)
    v, c = quality(case)[0], cost(case)[0]
    w = lambertw(np.exp(v - c - 1.0)).real
    # Wrong: the odds at cost without what its own markup costs in share, W(exp(V - c)).
    agree(of_apps(market, "price"), [c + 1.0 + w], [c + 1.0 + lambertw(np.exp(v - c)).real])
    np.testing.assert_allclose(customers(market), w / (1.0 + w), rtol=TOLERANCE)
    step = 1e-5
    dear, cheap = (of_apps(at_rest(case, levy=[sign * step]), "price")[0] for sign in (1, -1))
    agree((dear - cheap) / (2 * step), 1.0 / (1.0 + w), 1.0, 1e-7)


def test_customers_who_cannot_abstain() -> None:
    case = scenario("no-outside")
    v, c = quality(case), cost(case)
    market = at_rest(case)
    # Wrong: an outside option of value 0.
    agree(of_apps(market, "price"), nash(v, c, outside=0.0), nash(v, c, outside=1.0))
    assert customers(market).sum() == pytest.approx(1.0, abs=1e-12)


def test_homogeneous_products_are_sold_at_cost() -> None:
    """p - c = 2 mu for two equal firms without an outside option: the markup vanishes with mu."""
    for mu in (0.5, 0.1, 0.02, 0.004):
        case = scenario("homogeneous").set({"users.market.taste_scale": mu})
        found = of_apps(at_rest(case), "price") - 1.0
        # Wrong: a markup that does not know the rival, mu / alpha.
        agree(found, [2 * mu, 2 * mu], [mu, mu], 1e-7)


def test_a_better_firm_takes_what_it_is_better_by_in_the_limit() -> None:
    """As mu -> 0 the firm with 0.2 lower cost sells to all at its rival's cost (limit pricing)."""
    for mu in (0.04, 0.02, 0.01):
        case = scenario("homogeneous").set({"users.market.taste_scale": mu})
        market = at_rest(case, levy=[-0.2, 0.0])
        # p_1 - c_1 = mu (1 + e^-d) and p_2 - c_2 = mu (1 + e^d), with d = (p_1 - p_2) / mu.
        d = brentq(lambda d, mu=mu: d - (0.8 - 1.0) / mu - np.exp(-d) + np.exp(d), -50.0, 50.0, xtol=1e-15)
        wanted = np.array([0.8, 1.0]) + mu * (1.0 + np.exp([-d, d]))
        # Wrong: prices at each firm's own cost, as if both markups vanished with mu.
        agree(of_apps(market, "price"), wanted, [0.8, 1.0], 1e-8)
        assert abs(wanted[0] - 1.0) < 0.04
    assert customers(market)[0] > 0.93


def test_owners_of_several_products_and_a_merger() -> None:
    case = scenario("owners")
    v, c = quality(case), cost(case)
    before = of_apps(at_rest(Scenario.from_dict({**_tables(case), "events": []})), "price")
    after = of_apps(at_rest(case, events=300), "price")
    # Wrong: each product priced for itself.
    agree(before[:4], nash(v, c, owner=[0, 0, 1, 1, 2])[:4], nash(v, c)[:4])
    agree(after, nash(v, c, owner=[0, 0, 0, 0, 2]), nash(v, c, owner=[0, 0, 1, 1, 2]))
    agree(after, blp(v, c, [0, 0, 0, 0, 2]), before)
    assert np.all(after > before), "a merger without savings raises all prices"


def _tables(case: Scenario) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(case.to_toml())


NESTS = [0, 0, 0, 1, 1, 1]
#: Of the case `nested`: not one half, where rho and 1 - rho could be taken for one another.
RHO = 0.6


def test_nested_logit_prices_by_pyblp() -> None:
    alone = scenario("nested").set({"apps.*.company": ""})
    found = of_apps(at_rest(alone), "price")
    v, c = quality(alone), cost(alone)
    # Wrong: the plain logit's.
    agree(found, blp(v, c, range(6), NESTS, RHO), nash(v, c))


def test_nested_logit_prices_of_owners_within_and_across_nests() -> None:
    case = scenario("nested")
    market = at_rest(case)
    v, c = quality(case), cost(case)
    firms = [0, 1, 2, 3, 1, 3]
    wanted = blp(v, c, firms, NESTS, RHO)
    # Wrong: products priced each for itself, of which only the companies' own feel much.
    alone = blp(v, c, range(6), NESTS, RHO)
    agree(of_apps(market, "price")[[1, 3, 4, 5]], wanted[[1, 3, 4, 5]], alone[[1, 3, 4, 5]])
    np.testing.assert_allclose(of_apps(market, "price"), wanted, rtol=TOLERANCE)
    # Shares: probability of the nest times that within it.
    e = np.exp((v - wanted) / (1 - RHO)).reshape(2, 3)
    nests = e.sum(axis=1) ** (1 - RHO)
    share = nests / (1.0 + nests.sum())
    np.testing.assert_allclose(customers(market), (share[:, None] * e / e.sum(axis=1)[:, None]).ravel(), rtol=TOLERANCE)


CROWDED: dict[str, Any] = {"users.crowding": 0.5, "users.crowding_start": 2.0}


def test_prices_where_all_apps_are_one_nest_by_pyblp() -> None:
    """Five apps where two would be plain: lambda = (2/5)^.5, the nested logit of one nest with rho = 1 - lambda."""
    case = scenario("bertrand-5").set(CROWDED)
    market = at_rest(case)
    part = float(market.state.users["dissimilarity"][0])
    assert part == pytest.approx((2.0 / 5.0) ** 0.5, rel=1e-12)
    v, c = quality(case), cost(case)
    wanted = blp(v, c, range(5), [0] * 5, 1.0 - part)
    # Wrong: the plain logit's.
    agree(of_apps(market, "price"), wanted, nash(v, c))
    e = np.exp((v - wanted) / part)
    np.testing.assert_allclose(
        customers(market), e / e.sum() * e.sum() ** part / (1.0 + e.sum() ** part), rtol=TOLERANCE
    )


def test_a_merger_where_all_apps_are_one_nest_by_pyblp() -> None:
    merged = {"apps.one.company": "both", "apps.two.company": "both"}
    case = scenario("bertrand-5").set(CROWDED | merged)
    market = at_rest(case)
    part = float(market.state.users["dissimilarity"][0])
    v, c = quality(case), cost(case)
    wanted = blp(v, c, [0, 0, 2, 3, 4], [0] * 5, 1.0 - part)
    found = of_apps(market, "price")
    # Wrong, for the two that merge: products priced each for itself.
    alone = blp(v, c, range(5), [0] * 5, 1.0 - part)
    agree(found[:2], wanted[:2], alone[:2])
    np.testing.assert_allclose(found, wanted, rtol=TOLERANCE)


def test_elasticities_where_all_apps_are_one_nest() -> None:
    """Own -(p / lambda)(1 - (1 - lambda) s_in - lambda s), cross (p / lambda) ((1 - lambda) s_in + lambda s)."""
    frozen = scenario("bertrand-3").set({f"apps.{app}.price": 3.0 for app in ("one", "two", "three")})
    frozen = frozen.set({"apps.*.price_rule": "frozen", "users.crowding": 0.7, "users.crowding_start": 1.0})
    step = 1e-5
    bumped = [at_rest(frozen.set({"apps.one.price": 3.0 * np.exp(sign * step)})) for sign in (1, -1)]
    found = (np.log(customers(bumped[0])) - np.log(customers(bumped[1]))) / (2 * step)
    s = customers(at_rest(frozen))
    part = 3.0**-0.7
    sigma = ((1 - part) / s.sum() + part) * s[0]
    # Wrong: the plain logit's.
    agree(found, [-3.0 / part * (1 - sigma), 3.0 / part * sigma, 3.0 / part * sigma],
          [-3.0 * (1 - s[0]), 3.0 * s[0], 3.0 * s[0]], 1e-8)  # fmt: skip


def test_nests_of_labs_within_the_nest_of_all_apps() -> None:
    """At rest each price is cost plus share over its fall with the price, shares by the three levels of choice."""
    case = scenario("nested").set({"apps.*.company": "", **CROWDED})
    market = at_rest(case)
    v, c, price = quality(case), cost(case), of_apps(market, "price")
    part = (2.0 / 6.0) ** 0.5

    def shares(p: Any) -> Any:
        e = np.exp((v - p) / (part * (1 - RHO))).reshape(2, 3)
        nests = e.sum(axis=1) ** (1 - RHO)
        inside = nests.sum() ** part
        within = (e / e.sum(axis=1)[:, None] * (nests / nests.sum())[:, None]).ravel()
        return within * inside / (1.0 + inside)

    np.testing.assert_allclose(customers(market), shares(price), rtol=TOLERANCE)
    for app in range(6):
        falls = shares(price + 1e-20j * (np.arange(6) == app))[app]
        assert price[app] - c[app] == pytest.approx(-falls.real / (falls.imag / 1e-20), rel=1e-9)


def test_nests_of_one_app_are_the_plain_logit() -> None:
    two = scenario("bertrand-2")
    apart = {
        "labs": {"other": {"name": "Other", "price": 10.0, "price_rule": "frozen", "cash": 1e6}},
        "graph": {"only": {"apps.one": ["labs.model"], "apps.two": ["labs.other"]}},
        "users": {"market": {"nest_correlation": 0.7}},
    }
    found = at_rest(scenario("bertrand-2", apart))
    np.testing.assert_allclose(of_apps(found, "price"), of_apps(at_rest(two), "price"), rtol=1e-12)


def test_stickiness_over_a_horizon() -> None:
    """r = 1 - (1 - h)^H: at rest, and as the share of the static response that demand has felt after H months."""
    case = scenario("horizon")
    moved = 1.0 - 0.9**12
    market = at_rest(case)
    v, c = quality(case), cost(case)
    found = of_apps(market, "price")
    # Wrong: r = 1, the static equilibrium; and r = the hazard times the horizon, which is above 1 here.
    agree(found, nash(v, c, moved=moved), nash(v, c))
    agree(found, nash(v, c, moved=moved), nash(v, c, moved=1.2))
    step = 1e-6
    still = {f"apps.{app}.price": float(p) for app, p in zip(case.slugs("apps"), found, strict=True)}
    frozen = case.set({**still, "apps.*.price_rule": "frozen"})
    paths = []
    for sign in (1, -1):
        moving = at_rest(frozen)
        moving.state.apps["price"][0] = found[0] * np.exp(sign * step)
        moving.state.apps["next_price"][0] = moving.state.apps["price"][0]
        moving.run(12)
        paths.append(customers(moving)[0])
    response = (np.log(paths[0]) - np.log(paths[1])) / (2 * step)
    s = logit(v, found)[0]
    # Wrong: the mean of the response over the horizon.
    mean = 1.0 - np.mean([0.9**t for t in range(1, 13)])
    agree(response, -found[0] * (1 - s) * moved, -found[0] * (1 - s) * mean, 1e-7)


def test_everyone_reconsidering_is_the_static_equilibrium_exactly() -> None:
    """Hazard 1: the horizon does not matter."""
    case = scenario("bertrand-3")
    one, many = (of_apps(at_rest(case.set({"apps.planning_horizon": h})), "price") for h in (1.0, 48.0))
    assert np.array_equal(one, many)


def test_pay_per_use() -> None:
    """Each maximises its profit, given the others': the metered over a price per token, the other over its plan's."""
    case = scenario("metered")
    market = at_rest(case)
    c, eta, choke = 0.5, 0.8, 50.0
    gamma = cost(case)
    v = np.array([3.0, 2.0, 2.5])
    usual = gamma / c

    def use(i: int, price: float) -> float:
        return float(usual[i] * (price / c) ** -eta)

    def worth(i: int, quota: float) -> float:
        # The demand for tokens, seen from the other side: what a further token is worth, summed over the quota.
        def further(q: float) -> float:
            return float(min(choke, c * (q / usual[i]) ** (-1.0 / eta)))

        knee = use(i, choke)
        return choke * knee + float(quad(further, knee, quota, epsabs=0.0, epsrel=1e-13)[0])

    def shares(x: Vector) -> Vector:
        u = [v[i] + worth(i, use(i, x[i])) - x[i] * use(i, x[i]) for i in (0, 1)]
        u.append(v[2] + worth(2, usual[2]) - x[2])
        u = [value - worth(2, usual[2]) for value in u]
        e = np.exp(u)
        return np.asarray(e / (1.0 + e.sum()))

    def profit(i: int, own: float, x: Vector) -> float:
        y = np.array(x)
        y[i] = own
        margin = (own - c) * use(i, own) if i < 2 else own - c * usual[2]
        return float(shares(y)[i] * margin)

    def conditions(x: Vector) -> Vector:
        h = 1e-6
        return np.array([(profit(i, x[i] + h, x) - profit(i, x[i] - h, x)) / (2 * h) for i in range(3)])

    wanted = root(conditions, np.array([1.0, 1.0, 2.0]), tol=1e-13).x
    found = np.append(of_apps(market, "token_price")[:2], of_apps(market, "price")[2])
    # Wrong: a price per token at the markup that only the use of tokens, or only the loss of customers, would give.
    s = shares(wanted)
    only_customers = [brentq(lambda p, i=i: (p - c) * use(i, p) * (1 - s[i]) - 1.0, c, 1e6) for i in (0, 1)]
    agree(found[:2], wanted[:2], only_customers, 1e-7)
    np.testing.assert_allclose(found[2], wanted[2], rtol=1e-7)
    np.testing.assert_allclose(of_apps(market, "price")[0], wanted[0] * use(0, wanted[0]), rtol=1e-7)
    np.testing.assert_allclose(customers(market), s, rtol=1e-7)


def test_a_bundled_product_is_free_and_its_owner_pays() -> None:
    """The case of three firms, one of them bundled: its rivals face a product at price 0."""
    more = {"apps": {"one": {"incumbent": True, "price_rule": "bundled"}}}
    case = scenario("bertrand-3", more)
    market = at_rest(case)
    v, c = quality(case), cost(case)
    price = of_apps(market, "price")
    assert price[0] == 0.0

    def rivals(x: Vector) -> Vector:
        full = np.array([0.0, *x])
        s = logit(v, full)
        return np.asarray(x - c[1:] - 1.0 / (1.0 - s[1:]))

    agree(price[1:], root(rivals, c[1:] + 1.5, tol=1e-13).x, nash(v, c)[1:])
    paid = market.results.ledger.to_pandas()
    support = paid[(paid["kind"] == "app support") & (paid["payee"] == "apps.one")]
    assert len(support) == 0 or (support["amount"] > 0).all()
    assert market.results.series("apps.one.gross_profit").iloc[-1] == pytest.approx(
        -c[0] * customers(market)[0], rel=1e-2
    )
