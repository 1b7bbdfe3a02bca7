"""Worth of tokens to customers: one utility behind quotas, prices, sources, make-or-buy, outside option, surplus.

A customer uses tokens as long as they are worth their full price, what is paid and what the customer's own time adds::

    q(P) = K / (alpha P0) y(P)^-eta    for y(P) <= y(choke), else nothing;    y(P) = (P + h) / (P0 + h)

eta is the elasticity of use, P0 the reference price, h the price of the customer's time, and K what is paid for tokens
at P0, in utils.  Customers of some apps want more than others (f), and all who can do more with a better model want
more at any price: K grows with f and with capability, up to a ceiling, as nobody can spend more than he has.  What
tokens at price P leave to the customer is the area under q beyond P::

    V(P) = K v(P),    v(P) = (1 + h / P0) (y(choke)^(1-eta) - y^(1-eta)) / (1 - eta),    dV/dP = -alpha q(P)

by Roy's identity; at eta = 1 the power is a logarithm, at eta = 0 use is fixed up to the choke price.  V is never
negative, rises with K and falls with P: better models and cheaper tokens make no customer worse off.  It is bounded, as
K has a ceiling and time a price (Becker 1965), whatever tokens cost.
"""

from __future__ import annotations

import math

from moatlab.market.state.compiled import Rows, inlined

LN10 = math.log(10.0)
#: A full price below this share of the reference counts as this: its powers have to stay numbers.
LEAST = 1e-60


@inlined
def worth_factor(factor: float, capability: float, shared: Rows) -> float:
    """K over that of a usual customer with models of 0 points: f 10^(growth theta), which levels off at the ceiling."""
    least = 1.0 / shared.users_usage_ceiling
    wanted = factor * math.exp(LN10 * shared.users_usage_growth * capability)
    return wanted / (1.0 - least + least * wanted)


@inlined
def growth_per_point(grown: float, shared: Rows) -> float:
    """d ln K / d theta where K is that many times a usual customer's with models of 0 points."""
    return float(LN10 * shared.users_usage_growth * (1.0 - grown / shared.users_usage_ceiling))


@inlined
def token_worth(app: Rows, user: Rows, capability: float, shared: Rows) -> float:
    """K: what the app's customers would pay for tokens at the reference price with models of that capability, utils."""
    return float(user.usage_value * worth_factor(app.usage_factor, capability, shared))


@inlined
def full_price(price: float, shared: Rows) -> float:
    """y: the price of a token with the customer's time, over that at the reference price."""
    full = (price + shared.users_time_price) / (shared.users_reference_price + shared.users_time_price)
    return float(max(full, LEAST))


@inlined
def demand(full: float, eta: float) -> float:
    """y^-eta."""
    return float(1.0 / full if eta == 1.0 else full**-eta)


@inlined
def time_factor(shared: Rows) -> float:
    """1 + h / P0: the full price over the price of a token, at the reference price."""
    return float(1.0 + shared.users_time_price / shared.users_reference_price)


@inlined
def worth_of_price(price: float, shared: Rows) -> float:
    """v(P): what tokens at that price leave to a customer, utils per unit of K; below 0 beyond the choke price."""
    eta = shared.users_usage_elasticity
    choke = full_price(shared.users_choke_price, shared)
    full = full_price(price, shared)
    if eta == 1.0:
        return time_factor(shared) * math.log(choke / full)
    # As expm1, which keeps its digits near eta = 1.
    return time_factor(shared) * full ** (1.0 - eta) * math.expm1((1.0 - eta) * math.log(choke / full)) / (1.0 - eta)


@inlined
def worth_slope(price: float, shared: Rows) -> float:
    """-v'(P), 1/$ per unit of K: the quota at that price is K / alpha times it."""
    return demand(full_price(price, shared), shared.users_usage_elasticity) / float(shared.users_reference_price)


@inlined
def price_of_worth(worth: float, shared: Rows) -> float:
    """The price, $ per Mtok, at which tokens leave that much, the inverse of `worth_of_price`; 0 or infinity beyond."""
    eta = shared.users_usage_elasticity
    choke = full_price(shared.users_choke_price, shared)
    worth /= time_factor(shared)
    if eta == 1.0:
        full = choke * math.exp(min(-worth, 700.0))
    else:
        part = (1.0 - eta) * worth * choke ** (eta - 1.0)
        if part >= 1.0:
            return 0.0 if eta < 1.0 else math.inf
        full = choke * math.exp(min(math.log1p(-part) / (1.0 - eta), 700.0))
    at_reference = shared.users_reference_price + shared.users_time_price
    return float(max(0.0, full * at_reference - shared.users_time_price))


@inlined
def quota_at(worth: float, alpha: float, price: float, shared: Rows) -> float:
    """q(P): Mtok a customer and month at ``price``, $ per Mtok; ``worth`` is K and ``alpha`` utils per $."""
    if price > shared.users_choke_price:
        return 0.0
    return float(worth / alpha * worth_slope(price, shared))


@inlined
def relative_worth(x: float, shared: Rows) -> float:
    """w(x), utils per unit of K: what a quota of x = q / q(P0) is worth, before any payment.

    Tokens up to x(choke) are worth the choke price each; beyond, w'(x) = x^(-1/eta); customers' time is taken off.
    """
    eta = shared.users_usage_elasticity
    choke = full_price(shared.users_choke_price, shared)
    first = demand(choke, eta)
    value = choke * min(x, first)
    if x > first and eta > 0.0:
        if eta == 1.0:
            value += math.log(x * choke)
        else:
            power = 1.0 - 1.0 / eta
            value += choke ** (1.0 - eta) * math.expm1(power * math.log(x / first)) / power
    return float(time_factor(shared) * value - shared.users_time_price / shared.users_reference_price * x)


@inlined
def quota_worth(app: Rows, user: Rows, shared: Rows) -> float:
    """Utils that the app's quota is worth to a customer, over what tokens at the reference price were worth at first.

    The first is the category's usual customer with models of 0 points, so that the level says nothing about apps.
    """
    usual = user.usage_value * relative_worth(1.0, shared)
    if app.token_worth < LEAST or app.quota <= 0.0:
        return float(-usual)
    reference = app.token_worth / (user.price_taste * app.price_taste_factor * shared.users_reference_price)
    return float(app.token_worth * relative_worth(app.quota / reference, shared) - usual)


@inlined
def model_worth(app: Rows, user: Rows, capability: float, price: float, shared: Rows) -> float:
    """Utils to a customer of the app of a model of that capability (points) whose tokens cost ``price`` ($ per Mtok).

    Quality as it is seen, and what tokens leave when the quota is the best at that price.
    """
    return model_worth_at(app, user, capability, worth_of_price(price, shared), shared)


@inlined
def model_worth_at(app: Rows, user: Rows, capability: float, left: float, shared: Rows) -> float:
    """The same, ``left`` being v(P)."""
    tokens = token_worth(app, user, capability, shared) * max(0.0, left)
    return float(user.quality_taste * user.ai_centrality * capability + tokens)


@inlined
def point_worth(app: Rows, user: Rows, shared: Rows) -> float:
    """Utils to a customer of the app of a further point of capability: quality, and more use of tokens."""
    grown = app.token_worth / max(user.usage_value, 1e-300)
    tokens = app.token_worth * growth_per_point(grown, shared) * max(0.0, worth_of_price(app.token_cost, shared))
    return float(user.quality_taste * user.ai_centrality + tokens)


@inlined
def progress_of_tokens(user: Rows, capability: float, price: float, shared: Rows) -> float:
    """Utils that tokens leave to the category's usual customer, over those with 0 points at the reference price."""
    left = max(0.0, worth_of_price(price, shared)) * worth_factor(1.0, capability, shared)
    return float(user.usage_value * (left - worth_of_price(shared.users_reference_price, shared)))
