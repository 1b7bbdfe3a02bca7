"""Loyalty: shares under switching costs and workflow depth, and the survival of cohorts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize, root
from scipy.special import betaln, roots_jacobi

from moatlab import Market
from tests.textbook.demand import Vector, at_rest, customers, merged, of_apps, quality, scenario


def chain(v: Vector, kappa: Vector, outside: float, hazard: float, consider: float) -> Vector:
    """Shares at rest of the Markov chain over apps and, last, no app: the stationary distribution."""
    n = len(v)
    pull = np.append(np.exp(v), outside)
    moves = np.zeros((n + 1, n + 1))
    for i in range(n + 1):
        seen = pull.copy()
        if i < n:
            seen[i] *= np.exp(kappa[i])
        rate = hazard if i < n else consider
        moves[i] = rate * seen / seen.sum()
        moves[i, i] += 1 - rate
    a = np.vstack([moves.T - np.eye(n + 1), np.ones(n + 1)])
    return np.asarray(np.linalg.lstsq(a, np.append(np.zeros(n + 1), 1.0), rcond=None)[0][:n])


@pytest.mark.parametrize("outside", [0.0, -1000.0], ids=["outside option", "no outside option"])
def test_shares_under_switching_costs(outside: float) -> None:
    case = scenario("switching").set({"users.outside_value": outside})
    v = quality(case) - 1.0
    found = customers(at_rest(case, months=20_000))
    away = np.exp(outside)
    wanted = chain(v, np.full(3, 1.5), away, 0.25, 0.2)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    # Wrong: shares of the plain logit, as if switching costs only slowed change.
    assert np.abs(np.exp(v) / (away + np.exp(v).sum()) / found - 1).min() > 0.01
    assert found[0] / found[2] > np.exp(v[0] - v[2]), "switching costs favour the better app"


def test_shares_when_tenure_deepens_the_switching_cost() -> None:
    """Depth at rest: d = (1 - joined/customers) ((1 - portability) d + gain), shares of the chain with kappa + d."""
    case = scenario("switching").set({"users.market.depth_gain": 0.1, "users.market.portability": 0.08})
    v = quality(case) - 1.0
    market = at_rest(case, months=20_000)

    def flows(depth: Vector) -> tuple[Vector, Vector]:
        n = chain(v, 1.5 + depth, 1.0, 0.25, 0.2)
        stay = np.exp(v + 1.5 + depth) / (1.0 + np.exp(v).sum() + np.exp(v) * (np.exp(1.5 + depth) - 1.0))
        # At rest as many join as leave.
        return n, 0.25 * (1.0 - stay)

    def conditions(depth: Vector) -> Vector:
        _, joined = flows(depth)
        return np.asarray((1.0 - joined) * (0.92 * depth + 0.1) - depth)

    depth = root(conditions, np.full(3, 0.5), tol=1e-13).x
    np.testing.assert_allclose(of_apps(market, "depth"), depth, rtol=1e-9)
    np.testing.assert_allclose(customers(market), flows(depth)[0], rtol=1e-9)
    # Wrong: the depth of a customer who never leaves, gain / portability.
    assert np.all(depth < 0.9 * 0.1 / 0.08)


def cohort(market: Market, months: int) -> Vector:
    """Customers of all apps at month 0 and after each of ``months``."""
    found = [customers(market).sum()]
    for _ in range(months):
        market.step()
        found.append(customers(market).sum())
    return np.array(found)


def test_two_types_of_customers() -> None:
    """S(t) = f (1 - h_T)^t + (1 - f) (1 - h_C)^t: churn falls as the tourists leave."""
    found = cohort(Market(scenario("retention"), rng=1), 36)
    t = np.arange(37)
    np.testing.assert_allclose(found, 0.5 * 0.7**t + 0.5 * 0.98**t, rtol=1e-12)
    # Wrong: one type with the mean hazard.
    assert np.abs(found - 0.84**t).max() > 0.2


#: Survival of two segments' subscribers over twelve renewals, per cent (Fader and Hardie 2007).
RENEWALS = {
    "high end": [100, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1, 46.8, 44.5, 42.7, 40.9, 39.4],
    "regular": [100, 63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1, 22.3, 20.7, 19.4, 18.3, 17.3],
}
#: The estimates that Fader and Hardie publish, from the first seven renewals.
PUBLISHED = {"high end": (0.668, 3.806), "regular": (0.704, 1.182)}


def survival(a: float, b: float, t: Vector) -> Vector:
    """Of the shifted beta-geometric: hazards vary as Beta(a, b), S(t) = B(a, b + t) / B(a, b)."""
    return np.asarray(np.exp(betaln(a, b + t) - betaln(a, b)))


def estimate(data: Vector) -> Vector:
    """Maximum likelihood of (a, b) from the first seven renewals."""
    s = data[:8] / 100.0

    def loss(x: Vector) -> float:
        a, b = np.exp(x)
        model = survival(a, b, np.arange(8.0))
        return -float(np.sum(-np.diff(s) * np.log(-np.diff(model))) + s[-1] * np.log(model[-1]))

    return np.asarray(np.exp(minimize(loss, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9}).x))


def spread_of_hazards(a: float, b: float, pairs: int = 10) -> dict[str, Any]:
    """Categories whose two types carry the nodes of a Gauss-Jacobi rule for Beta(a, b): exact below 4 pairs - 1."""
    nodes, weights = roots_jacobi(2 * pairs, b - 1.0, a - 1.0)
    hazard, weight = (1.0 + nodes) / 2.0, weights / weights.sum()
    tables: dict[str, Any] = {"users": {}, "apps": {}}
    for k in range(pairs):
        low, high = 2 * k, 2 * k + 1
        size = float(weight[low] + weight[high])
        tables["users"][f"part-{k}"] = {
            "market_size": max(size, 1e-9),
            "adoption_p": 0.0,
            "adoption_q": 0.0,
            "hazard_committed": float(hazard[low]),
            "hazard_tourist": float(hazard[high]),
            "tourist_share": float(weight[high]) / size,
            "switching_cost": 0.0,
        }
        tables["apps"][f"part-{k}"] = {"category": f"part-{k}", "customers": size}
    return merged(tables, {"apps": {"market": {"customers": 0.0}}})


@pytest.mark.parametrize("segment", RENEWALS)
def test_beta_geometric_retention_of_published_cohorts(segment: str) -> None:
    data = np.array(RENEWALS[segment], float)
    a, b = estimate(data)
    np.testing.assert_allclose((a, b), PUBLISHED[segment], atol=2e-3)
    found = cohort(Market(scenario("retention", spread_of_hazards(a, b)), rng=1), 12)
    np.testing.assert_allclose(found, survival(a, b, np.arange(13.0)), rtol=1e-10)
    # Within two points of the data, of which the estimate did not see the last five.
    assert np.abs(100 * found - data).max() < 2.0
    # Wrong: one hazard for all, the mean, which loses nearly everybody by then.
    assert np.abs(100 * (1 - a / (a + b)) ** np.arange(13) - data).max() > 10
