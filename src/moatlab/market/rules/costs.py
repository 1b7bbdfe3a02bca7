"""Marginal cost of each kind of good: the one place where it is put together.

What is added to a cost here reaches prices, orders, scrapping, month 0, agents and tables alike.  Each has the firm's
``levy``, a charge per unit sold that a rule from outside may set (0 otherwise); whoever sets it pays it.
"""

from __future__ import annotations

import math

from moatlab.market.state.compiled import Rows, inlined


@inlined
def customer_cost(app: Rows, shared: Rows) -> float:
    """A further customer of an app, $ per month; fees on revenue divide the cost by 1 - t."""
    return float((app.quota * app.token_cost + app.levy) / (1.0 - shared.apps_variable_cost))


@inlined
def lean_overhead(app: Rows, shared: Rows) -> float:
    """The least fixed cost at which an app goes on, M$ a month; that of its own model's team is not spared."""
    team = shared.apps_team_cost if app.own_model == 1 else 0.0
    return float(shared.apps_lean_share * shared.apps_overhead + team)


@inlined
def overhead(app: Rows, shared: Rows) -> float:
    """Fixed cost of an app, M$ a month: what it earned last month allows, between the lean share and the whole."""
    spared = (1.0 - shared.apps_lean_share) * shared.apps_overhead
    return lean_overhead(app, shared) + min(spared, max(0.0, app.gross_profit - lean_overhead(app, shared)))


@inlined
def metered_cost(app: Rows, shared: Rows) -> float:
    """A further token of an app with a metered plan, $ per Mtok."""
    return float(app.token_cost / (1.0 - shared.apps_variable_cost))


@inlined
def served_token_cost(lab: Rows, compute: float) -> float:
    """A further token of a lab whose GPU-hours for it cost ``compute``, both $ per Mtok."""
    return float(compute + lab.levy)


@inlined
def api_cost(lab: Rows, unit_cost: float) -> float:
    """What a token of that cost to serve has to bring in, $ per Mtok: the partner's share of revenue comes off it."""
    return float(unit_cost / (1.0 - lab.revenue_share))


@inlined
def hosted_token_cost(host: Rows, compute: float, licence: float) -> float:
    """A further hosted token whose GPU-hours cost ``compute``, $ per Mtok, with ``licence`` the maker's share."""
    return float((compute + host.levy) / (1.0 - licence))


@inlined
def hour_cost(cloud: Rows, generation: float, shared: Rows) -> float:
    """A GPU-hour of an H100-equivalent of that generation, $."""
    running = shared.clouds_running_cost * math.exp(-generation * math.log(shared.chipmakers_power_gain))
    return float(running + cloud.levy)


@inlined
def chip_cost(maker: Rows, package: float) -> float:
    """An H100-equivalent, k$: components and packaging (``package``, k$ per package) over performance."""
    return float((maker.unit_cost + package) / maker.performance + maker.levy)


@inlined
def package_cost(plant: Rows, shared: Rows) -> float:
    """Operation of the fabs for a package, k$."""
    return float(plant.base_price * shared.foundry_operating_share + plant.levy)


@inlined
def package_base_price(plant: Rows) -> float:
    """The price of a package while capacity is ample, k$: that of month 0, and what has been put on its cost since."""
    return float(plant.base_price + plant.levy)
