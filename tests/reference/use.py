"""Worth of tokens: from the demand for them, by numeric integration, and not from its closed form."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

from scipy.integrate import quad
from scipy.optimize import brentq

from tests.reference.model import Reference


def growth(model: Reference, points: float, factor: float = 1.0) -> float:
    """Worth of tokens over that to a usual customer with models of no points: a logistic curve."""
    s = model.shared
    start = factor / (s.users_usage_ceiling - 1.0) if s.users_usage_ceiling > 1.0 else float("inf")
    odds = start * 10.0 ** (s.users_usage_growth * points)
    return float(s.users_usage_ceiling * odds / (1.0 + odds)) if start < float("inf") else 1.0


@lru_cache(maxsize=100_000)
def relative_demand(price: float, eta: float, reference: float, time: float) -> float:
    """Tokens over those at the reference price."""
    return float(((price + time) / (reference + time)) ** -eta)


@lru_cache(maxsize=100_000)
def left(price: float, eta: float, reference: float, choke: float, time: float) -> float:
    """Area under relative demand from a price to the choke price, over the reference price."""
    cuts = [10.0**e for e in range(-8, 9) if min(price, choke) < 10.0**e < max(price, choke)]
    knots = [min(price, choke), *cuts, max(price, choke)]
    area = sum(
        quad(relative_demand, a, b, args=(eta, reference, time), epsabs=0, epsrel=1e-13)[0] for a, b in pairwise(knots)
    )
    return float(area / reference if price <= choke else -area / reference)


def worth(model: Reference, price: float) -> float:
    """What tokens at a price leave, per unit of an app's worth of them."""
    s = model.shared
    return left(price, s.users_usage_elasticity, s.users_reference_price, s.users_choke_price, s.users_time_price)


def price_at(model: Reference, value: float) -> float:
    """The price at which tokens leave that much."""
    low, high = 0.0, 1e9
    if worth(model, low) <= value:
        return low
    return float(brentq(lambda p: worth(model, p) - value, low, high, xtol=1e-14, rtol=1e-14, maxiter=500))


def token_worth(model: Reference, app: Any, points: float) -> float:
    """What customers would pay for tokens at the reference price, utils."""
    return float(app.user.usage_value * growth(model, points, app.usage_factor))


def quota(model: Reference, app: Any, price: float) -> float:
    """Tokens that a customer wants at a price."""
    s = model.shared
    if price > s.users_choke_price:
        return 0.0
    alpha = app.user.price_taste * app.price_taste_factor
    demand = relative_demand(price, s.users_usage_elasticity, s.users_reference_price, s.users_time_price)
    return float(app.token_worth / (alpha * s.users_reference_price) * demand)


def of_model(model: Reference, app: Any, points: float, price: float) -> float:
    """Utils per customer of models of that capability at that price of a token."""
    tokens = token_worth(model, app, points) * max(0.0, worth(model, price))
    return float(app.user.quality_taste * app.user.ai_centrality * points + tokens)


def of_point(model: Reference, app: Any) -> float:
    """Utils per customer of a further point, by a difference quotient."""
    step = 1e-4
    more = growth(model, app.capability + step, app.usage_factor)
    more -= growth(model, app.capability - step, app.usage_factor)
    tokens = app.user.usage_value * more / (2 * step) * max(0.0, worth(model, app.token_cost))
    return float(app.user.quality_taste * app.user.ai_centrality + tokens)
