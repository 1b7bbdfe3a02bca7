"""Loop gains: how much of a lead in share comes back to a firm through the money and the stocks that the lead feeds.

Give a firm a small lead in the log-odds of its share, hold its rivals' stocks still, and let its own stocks settle at
the month's prices, tastes and rates.  The lead that the stocks then add, per unit of lead given, is the loop gain g of
that feedback; a maintained lead ends 1/(1-g) times as large, and at g >= 1 the larger firm runs away.  Each gain is a
product of three derivatives, read off the state of a market:

    g = d log-odds / d stock  x  d stock* / d ln money  x  d ln money / d log-odds

A layer's figure is the mean over its firms, weighted by revenue.  The gains of the feedbacks of a layer add, as their
stocks enter choice side by side.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from moatlab.market.market import Market
from moatlab.market.rules.spending import MARGINAL

Gain = tuple[str, str, float, float]


def loop_gains(market: Market) -> pd.DataFrame:
    """Columns layer, feedback, gain (dimensionless), of a market as it stands after at least one month."""
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for rule in (_apps, _labs, _hosts, _clouds, _chipmakers):
        for layer, feedback, gain, weight in rule(market):
            total = sums[layer, feedback]
            total[0] += weight * gain
            total[1] += weight
    rows = [(layer, feedback, a / b if b > 0.0 else 0.0) for (layer, feedback), (a, b) in sums.items()]
    return pd.DataFrame(rows, columns=["layer", "feedback", "gain"])


def _elastic(spending: float, scale: float) -> float:
    """Elasticity of ln(1 + x / scale), times itself: d ln(1 + x/scale) / d ln x."""
    return spending / (spending + scale) if spending > 0.0 else 0.0


def _moved(spending: float, scale: float, response: float, money: float, shared: Any) -> float:
    """What ln(1 + x / scale) gains with the log of revenue, times what a util moves.

    By the rule `marginal` the best x + scale is in proportion to revenue; by `shares`, x to what is left of it.
    """
    if shared["apps_spending"] == MARGINAL:
        return response if spending > 0.0 else 0.0
    return _elastic(spending, scale) * money


def _rest(share: float, squares: float) -> float:
    """1 + the concentration of the rivals: what a share won takes from the typical rival, whose share lifts it too.

    With V_i = nu s_i, the lead over a rival drawn by share grows by nu ds (1 + sum_j s_j^2 / (1 - s)^2): two equal
    firms tip at nu = 2 mu, where nu s (1 - s) (1 + 1) / mu = 1.
    """
    return 1.0 + (squares - share * share) / (1.0 - share) ** 2 if share < 1.0 else 1.0


def _apps(market: Market) -> Iterator[Gain]:
    state = market.state
    shared = state.shared[0]
    categories = state.apps["category"][state.live]
    customers = (state.apps["tourists"] + state.apps["committed"])[state.live]
    for k in range(state.users.shape[0]):
        user = state.users[k]
        mine = state.live[categories == k]
        held = customers[categories == k]
        total = float(held.sum())
        if total <= 0.0:
            continue
        squares = float(((held / total) ** 2).sum())
        for row, own in zip(mine, held, strict=True):
            app = state.apps[row]
            share = float(own) / total
            overhead = shared["apps_overhead"] + shared["apps_team_cost"] * app["own_model"]
            earned = max(0.0, float(app["gross_profit"] - overhead))
            cash = max(0.0, float(state.cash[app["account"]])) / shared["apps_spending_horizon"]
            follows = float(app["gross_profit"]) / (earned + cash) if earned > 0.0 else 0.0
            # Among the apps tastes have the scale lambda mu.
            response = (1.0 - share) / max(float(user["dissimilarity"]), 1e-9)
            money = response * min(follows, 1.0)
            weight = float(app["revenue"])
            feature = user["quality_taste"] * (1.0 - user["ai_centrality"]) / user["taste_scale"]
            stock = shared["apps_feature_gain"] / max(shared["apps_obsolescence"] + shared["apps_imitation"], 1e-9)
            moved = _moved(app["rnd"], shared["apps_feature_scale"], response, money, shared)
            yield "apps", "revenue to features", feature * stock * moved, weight
            open_ = math.exp(-float(app["awareness"] + app["distribution"]))
            reach = open_ / max(1.0 - open_, 1e-9)
            stock = shared["apps_awareness_gain"] / max(shared["apps_awareness_decay"], 1e-9)
            moved = _moved(app["marketing"], shared["apps_awareness_scale"], response, money, shared)
            yield "apps", "revenue to marketing", reach * stock * moved, weight
            data = float(app["data"]) / max(float(app["data"] + user["mean_data"]), 1e-12) / math.log(10.0)
            taste = shared["apps_data_taste"] / user["taste_scale"]
            yield "apps", "use to data", taste * data * response, weight
            # The base is the potential, so it counts as far as the category has been adopted.
            adopted = float(user["customers"] / user["potential"]) if user["potential"] > 0.0 else 0.0
            direct = user["network_taste"] / user["taste_scale"] * adopted * share * response
            yield "apps", "direct network effect", direct * _rest(share, squares), weight


def _labs(market: Market) -> Iterator[Gain]:
    state = market.state
    shared = state.shared[0]
    labs = state.labs
    taste = _taste_for_models(market)
    total = float(labs["api_revenue"].sum())
    data = labs["data"] + labs["crawled"]
    alive = labs["alive"] == 1
    mean = float(data[alive].mean()) if alive.any() else 0.0
    for lab, stock in zip(labs, data, strict=True):
        if lab["alive"] != 1 or lab["api_revenue"] <= 0.0 or total <= 0.0:
            continue
        share, weight = float(lab["api_revenue"]) / total, float(lab["revenue"])
        spending = float(lab["training_budget"] + lab["staff"])
        margin = shared["labs_training_share"] * max(0.0, float(lab["gross_profit"]))
        raised = float(lab["raising"]) * float(lab["smooth_revenue"] > 0.0)
        follows = (margin + raised) / spending if spending > 0.0 else 0.0
        yield "labs", "revenue to training", taste / math.log(10.0) * min(follows, 1.0) * (1.0 - share), weight
        held = float(stock) / max(float(stock) + mean, 1e-12) / math.log(10.0)
        yield "labs", "use to data", taste * shared["labs_data_gain"] * held * (1.0 - share), weight
        developers = shared["labs_ecosystem_taste"] * (1.0 - shared["labs_portability"])
        yield "labs", "customers to ecosystem", developers * share * (1.0 - share), weight


def _taste_for_models(market: Market) -> float:
    """How far a point of capability moves an app's choice of source, over tokens: rho beta w."""
    state = market.state
    users = state.users[state.apps["category"][state.live].astype(int)]
    tokens = state.apps["tokens"][state.live]
    if tokens.sum() <= 0.0:
        return 0.0
    weights = users["quality_taste"] * users["ai_centrality"]
    return float(state.shared["apps_routing_sharpness"][0] * np.average(weights, weights=tokens))


def _hosts(market: Market) -> Iterator[Gain]:
    hosts = market.state.hosts
    total = float(hosts["tokens"].sum())
    squares = float(((hosts["tokens"] / total) ** 2).sum()) if total > 0.0 else 0.0
    for host in hosts:
        if host["tokens"] > 0.0:
            share = float(host["tokens"]) / total
            gain = market.state.shared["hosts_hub_taste"][0] * share * (1.0 - share) * _rest(share, squares)
            yield "hosts", "indirect network effect", float(gain), float(host["revenue"])


def _clouds(market: Market) -> Iterator[Gain]:
    shared = market.state.shared[0]
    for cloud in market.state.clouds:
        # While financing limits orders, the fleet follows the budget, and the budget cash flow.
        earned = shared["clouds_cash_flow_multiple"] * max(0.0, float(cloud["cash_flow"]))
        limited = cloud["order"] > 0.0 and cloud["capex"] >= 0.9 * cloud["budget"]
        gain = earned / float(cloud["budget"]) if limited and cloud["budget"] > 0.0 else 0.0
        yield "clouds", "profit to fleet, while financing binds", gain, float(cloud["revenue"])


def _chipmakers(market: Market) -> Iterator[Gain]:
    shared = market.state.shared[0]
    portable = float(shared["chipmakers_portability"])
    network = float(shared["chipmakers_ecosystem_taste"]) * (1.0 - portable)
    software = float(shared["chipmakers_software_gain"])
    software *= 1.0 - float(shared["chipmakers_portable_software"]) * portable
    shares = market.state.chipmakers["share"]
    squares = float((shares**2).sum())
    for maker in market.state.chipmakers:
        share, research = float(maker["share"]), float(maker["research"])
        if share > 0.0:
            # A lead in the log of the share, and so of the installed base and of revenue, less what rivals lose of it.
            lead = (1.0 - share) * _rest(share, squares)
            gain = network * share / (share + float(shared["chipmakers_least_base"]))
            yield "chipmakers", "installed base to ecosystem", gain * lead, float(maker["revenue"])
            own = float(shared["chipmakers_rnd_share"] * maker["revenue"])
            gain = software * min(own, research) / (float(shared["chipmakers_software_scale"]) + research)
            yield "chipmakers", "revenue to software", gain * lead, float(maker["revenue"])


def table_of(months: list[int], gains: list[pd.DataFrame]) -> Any:
    """Layer, feedback and a column of gains for each month, with the sum of each layer's feedbacks below them."""
    joined = pd.concat(
        [g.set_index(["layer", "feedback"])["gain"].rename(f"month {m}") for m, g in zip(months, gains, strict=True)],
        axis=1,
    ).fillna(0.0)
    parts = []
    for layer in dict.fromkeys(joined.index.get_level_values("layer")):
        mine = joined.loc[[layer]]
        parts.append(mine)
        if len(mine) > 1:
            total = mine.sum().to_frame().T
            total.index = pd.MultiIndex.from_tuples([(layer, "all")], names=joined.index.names)
            parts.append(total)
    return pd.concat(parts)
