"""Users: who considers a category, which app they choose, who leaves.

What users know: posted prices, what the apps can do, last month's share of calls served, and who is about (reach).
Rule: non-users consider the category by the discrete Bass rule; they and those who reconsider choose by nested logit
whether to use an app at all, and which of those that reach them, the app in use having the advantage of the switching
cost and of the workflow depth that its customers have gained with tenure.  The more apps a category holds, the closer
substitutes they are (`differentiation`).  Where apps on one lab's model are closer substitutes still, each lab's apps
are a nest within the category's (`moatlab.market.rules.nests`).
Sources: Bass 1969; McFadden 1974, 1978; Berry 1994 for the nest of all apps under the outside option; Ackerberg and
Rysman 2005 on crowded spaces; Farrell and Klemperer 2007 for switching costs.
"""

from __future__ import annotations

import math

import numpy as np

from moatlab.market.rules.conventions import relative_data
from moatlab.market.rules.elementary import exponentiate
from moatlab.market.rules.nests import (
    ABSENT,
    BEST,
    COMMITTED,
    COMMITTED_INSIDE,
    SLOPE,
    TOTAL,
    TOURISTS,
    TOURISTS_INSIDE,
    join_nests,
)
from moatlab.market.rules.use import progress_of_tokens
from moatlab.market.state.compiled import Rows, inlined, kernel

#: Utility of the outside option, in units of the taste scale, below which there is none.
NO_OPTION = math.log(ABSENT)
#: Largest exponent of an attraction: far below what overflows once multiplied.
MOST = 600.0


@inlined
def utility(app: Rows, user: Rows, shared: Rows) -> float:
    """Utility of an app to a customer of its category, in units of the taste scale (docs/notation.md, V_i)."""
    alpha = user.price_taste * app.price_taste_factor
    customers = app.tourists + app.committed
    share = customers / user.potential if user.potential > 0.0 else 0.0
    quality = user.ai_centrality * app.capability + (1.0 - user.ai_centrality) * app.feature
    value = user.quality_taste * quality + shared.apps_data_taste * relative_data(app.data, user.mean_data)
    value += app.brand + user.network_taste * share + app.use_value - alpha * app.price
    if app.service != 1.0:
        value += shared.users_outage_taste * math.log(max(app.service, shared.users_service_floor))
    return value / user.taste_scale


@inlined
def inclusive_value(user: Rows, lead: float) -> float:
    """Expected utility of a customer inside over that of the outside option, in units of the taste scale.

    ``lead`` is that of the category's best app, to which attractions are relative.  Without an outside option
    the level of utility means nothing.
    """
    if user.outside > ABSENT:
        # Expected maximum over the apps and the outside option, per customer inside.
        ratio = user.inside / user.outside
        return math.log1p(ratio) * (1.0 + ratio) / ratio if ratio > 0.0 else 1.0
    return math.log(user.inside) + lead


@inlined
def deepen(app: Rows, user: Rows, customers: float) -> None:
    """Workflow depth (utils), the mean over the app's customers: those who join bring none, tenure adds to it, what is
    portable of it goes.

    depth <- (1 - joined / customers) ((1 - portability) depth + gain); a customer who stays comes to
    gain / portability.  Neutral at gain 0.
    """
    stayed = max(0.0, customers - app.joined) / customers if customers > 0.0 else 0.0
    kept = stayed * (1.0 - user.portability)
    app.depth = kept * app.depth + stayed * user.depth_gain
    app.depth_fading = 1.0 - kept


@inlined
def fit_potential(s: Rows) -> None:
    """The month's potential of each category; where it has shrunk below the customers, all apps lose in proportion."""
    users, apps, live = s.users, s.apps, s.live
    now = s.now[0]
    shrunk = False
    for k in range(users.shape[0]):
        user = users[k]
        user.potential = user.market_size * math.exp(user.market_growth * now.month)
        shrunk = shrunk or user.customers > user.potential
    if not shrunk:
        return
    for position in range(live.shape[0]):
        app = apps[live[position]]
        user = users[app.category]
        if user.customers > user.potential:
            app.tourists *= user.potential / user.customers
            app.committed *= user.potential / user.customers
    for k in range(users.shape[0]):
        user = users[k]
        if user.customers > user.potential:
            user.tourists *= user.potential / user.customers
            user.customers = user.potential


@inlined
def rate_outside(users: Rows, shared: Rows, now: Rows, outside: Rows) -> bool:
    """Utility of using no app at all in each category, into ``outside``; whether any category has nests of labs.

    Alternatives without charge share in the progress of models and in what better and cheaper tokens leave.
    """
    nested = False
    for k in range(users.shape[0]):
        user = users[k]
        progress = user.quality_taste * user.ai_centrality * (now.frontier - now.first_frontier)
        progress += progress_of_tokens(user, now.frontier, now.token_cost, shared)
        # Who does without is no worse off for it.
        gained = shared.users_outside_catchup * max(0.0, progress)
        outside[k] = (shared.users_outside_value + gained) / user.taste_scale
        nested = nested or user.nest_correlation > 0.0
    return nested


@inlined
def differentiation(crowd: float, shared: Rows) -> float:
    """lambda_k: scale of tastes among a category's apps relative to that against using none, by the apps that reach.

    1, the plain logit, while they are few; beyond ``crowding_start`` (N0) it falls as (N0 / N)^crowding, since tastes
    have only so much room: with N alike apps N^lambda is nearly constant, so that entry divides the market instead of
    enlarging it, and markups fall.
    """
    if crowd <= shared.users_crowding_start or shared.users_crowding == 0.0:
        return 1.0
    return float((shared.users_crowding_start / crowd) ** shared.users_crowding)


@inlined
def attract(
    users: Rows, apps: Rows, live: Rows, shared: Rows, outside: Rows, best: Rows, bounds: Rows, free: Rows, loose: Rows
) -> None:
    """Attractions of all apps and of the outside options, relative to the category's best app.

    So no exponential overflows and the best is never lost; shares are the same.  ``bounds`` [apps alive] becomes the
    log of the loyalty L_i = exp((kappa + depth) / mu) of each app's customers, ``free`` 1 / L_i and ``loose``
    L_i^(-1 / lambda).
    """
    count = live.shape[0]
    utilities = np.empty(count)
    unheard = np.empty(count)
    for position in range(count):
        app = apps[live[position]]
        user = users[app.category]
        utilities[position] = utility(app, user, shared)
        unheard[position] = -(app.awareness + app.distribution)
        bound = (user.switching_cost + app.depth) / user.taste_scale
        bounds[position] = bound
        free[position] = -bound
    # Shares of deciders who have not heard of an app.
    exponentiate(unheard)
    for k in range(users.shape[0]):
        users[k].inclusive = 0.0
        users[k].crowd = 0.0
    for position in range(count):
        k = apps[live[position]].category
        users[k].crowd += 1.0 - unheard[position]
        if unheard[position] < 1.0:
            best[k] = max(best[k], utilities[position])
    for k in range(users.shape[0]):
        user = users[k]
        user.dissimilarity = differentiation(user.crowd, shared)
        if best[k] == -np.inf:
            best[k] = outside[k]
        user.best = best[k]
        user.outside = math.exp(min(outside[k] - best[k], MOST)) if outside[k] >= NO_OPTION else 0.0
    for position in range(count):
        k = apps[live[position]].category
        utilities[position] = (utilities[position] - best[k]) / users[k].dissimilarity
        loose[position] = free[position] / users[k].dissimilarity
    exponentiate(free)
    exponentiate(loose)
    exponentiate(utilities)
    for position in range(count):
        app = apps[live[position]]
        user = users[app.category]
        heard = 1.0 - unheard[position]
        app.attraction = heard * utilities[position] if heard > 0.0 else 0.0
        if app.attraction < ABSENT:
            app.attraction = 0.0
        user.inclusive += app.attraction


@inlined
def adopt(users: Rows, shared: Rows, now: Rows, outside: Rows, best: Rows) -> None:
    """Who considers each category this month, who of them joins, and what a customer gains by it (discrete Bass rule).

    Sums of the month start at 0.
    """
    hype = math.exp(shared.users_hype_weight * now.hype)
    for k in range(users.shape[0]):
        user = users[k]
        user.inside = user.inclusive if user.dissimilarity == 1.0 else user.inclusive**user.dissimilarity
        rate = user.adoption_p * hype
        if user.potential > 0.0:
            rate += user.adoption_q * user.customers / user.potential
        user.considering = max(0.0, user.potential - user.customers) * min(1.0, rate)
        age = math.exp(-math.log(2.0) * now.month / user.tourist_half_life)
        user.tourist_odds = min(1.0, user.tourist_share * age * hype)
        user.new_users = user.considering * user.inside / (user.outside + user.inside) if user.inside > 0.0 else 0.0
        user.consumer_surplus = 0.0
        if user.inside > 0.0:
            there = outside[k] >= NO_OPTION
            value = inclusive_value(user, best[k] - (outside[k] if there else 0.0))
            # What free alternatives have gained is not taken off what customers have gained by the apps.
            value += outside[k] - shared.users_outside_value / user.taste_scale if there else 0.0
            user.consumer_surplus = value * user.taste_scale / user.price_taste
        user.flow_tourists = 0.0
        user.flow_committed = 0.0
        user.customers = 0.0
        user.tourists = 0.0
        user.joined = 0.0
        user.joined_tourists = 0.0
        user.left_tourists = 0.0
        user.left_committed = 0.0


@inlined
def reconsider(
    users: Rows, apps: Rows, live: Rows, labs: int, nests: Rows, bounds: Rows, free: Rows, loose: Rows, stay: Rows,
    freed: Rows, inside: Rows,
) -> None:  # fmt: skip
    """Share of each app's reconsidering customers who stay, and what the others bring to the rest of the category.

    Those who reconsider app i see the sum of attractions S_i = S + E_i (L_i^(1/lambda) - 1), and choose app j with
    probability E_j S_i^(lambda - 1) / (O + S_i^lambda); the flow into app j is then E_j times the sum over the others
    of what does not depend on j, which needs one sum per category instead of one per pair (with nests of labs, one more
    per nest).  Everything is divided by the loyalty L_i, which may be beyond the range of numbers.
    """
    for position in range(live.shape[0]):
        app = apps[live[position]]
        user = users[app.category]
        # Who does not attract binds nobody.
        bound = bounds[position] if app.attraction > 0.0 else 0.0
        unbound = free[position] if app.attraction > 0.0 else 1.0
        apart = loose[position] if app.attraction > 0.0 else 1.0
        row = app.category * labs + app.nest
        nested = user.nest_correlation > 0.0 and app.nest_pull > 0.0
        if nested:
            total = nests[row, TOTAL]
            rho = user.nest_correlation
            # T_i, the nest as the app's own customers see it, in the place of T: they stay with
            # (T_i / T)^(lambda - 1) L_i^(1 / lambda) times the attraction.
            power = math.exp(-bound / (user.dissimilarity * (1.0 - rho)))
            wider = app.nest_pull + (total - app.nest_pull) * power
            nest_scale = nests[row, BEST]
            inside[position] = (wider / power) ** -rho if power > 0.0 else 0.0
            held = nest_scale * (app.nest_pull * wider**-rho)
            elsewhere = user.inclusive - nest_scale * total * nests[row, SLOPE]
            seen = max(0.0, elsewhere) * apart + nest_scale * wider ** (1.0 - rho)
        else:
            held = app.attraction
            seen = max(0.0, user.inclusive - held) * apart + held
        # S_i^(lambda - 1) / (O + S_i^lambda), times L_i^(1/lambda).
        power = seen ** (user.dissimilarity - 1.0) if user.dissimilarity < 1.0 and seen > 0.0 else 1.0
        below = user.outside * unbound + power * seen
        weight = power / below if below > 0.0 else 0.0
        stay[position] = min(1.0, held * weight)
        freed[position] = apart * weight
        flow_tourists = user.hazard_tourist * app.tourists * freed[position]
        flow_committed = user.hazard_committed * app.committed * freed[position]
        user.flow_tourists += flow_tourists
        user.flow_committed += flow_committed
        if nested:
            nests[row, TOURISTS] += flow_tourists
            nests[row, COMMITTED] += flow_committed
            nests[row, TOURISTS_INSIDE] += flow_tourists * inside[position]
            nests[row, COMMITTED_INSIDE] += flow_committed * inside[position]


@inlined
def move(users: Rows, apps: Rows, live: Rows, labs: int, nests: Rows, stay: Rows, freed: Rows, inside: Rows) -> None:
    """Customers lost and won by each app, by type; sums by category."""
    for position in range(live.shape[0]):
        app = apps[live[position]]
        user = users[app.category]
        app.inside_share = app.attraction / user.inclusive if user.inclusive > 0.0 else 0.0
        app.choice_share = app.inside_share * user.inside / (user.outside + user.inside) if user.inside > 0.0 else 0.0
        weigh_tourists = user.hazard_tourist * app.tourists
        weigh_committed = user.hazard_committed * app.committed
        per_tourist = weigh_tourists * freed[position]
        per_committed = weigh_committed * freed[position]
        new = user.considering * app.choice_share
        left_tourists = weigh_tourists * (1.0 - stay[position])
        left_committed = weigh_committed * (1.0 - stay[position])
        if user.nest_correlation > 0.0 and app.nest_pull > 0.0:
            row = app.category * labs + app.nest
            pull = app.nest_pull * nests[row, BEST]
            joined_tourists = app.attraction * (user.flow_tourists - nests[row, TOURISTS])
            joined_tourists += pull * (nests[row, TOURISTS_INSIDE] - per_tourist * inside[position])
            joined_committed = app.attraction * (user.flow_committed - nests[row, COMMITTED])
            joined_committed += pull * (nests[row, COMMITTED_INSIDE] - per_committed * inside[position])
        else:
            joined_tourists = app.attraction * (user.flow_tourists - per_tourist)
            joined_committed = app.attraction * (user.flow_committed - per_committed)
        joined_tourists += new * user.tourist_odds
        joined_committed += new * (1.0 - user.tourist_odds)
        # What is left of a subtraction of equals may fall below zero by a rounding.
        joined_tourists = max(0.0, joined_tourists)
        joined_committed = max(0.0, joined_committed)
        app.tourists = max(0.0, app.tourists - left_tourists + joined_tourists)
        app.committed = max(0.0, app.committed - left_committed + joined_committed)
        app.joined = joined_tourists + joined_committed
        app.left = left_tourists + left_committed
        customers = app.tourists + app.committed
        if user.depth_gain > 0.0 or app.depth > 0.0:
            deepen(app, user, customers)
        user.customers += customers
        user.tourists += app.tourists
        user.joined += app.joined
        user.joined_tourists += joined_tourists
        user.left_tourists += left_tourists
        user.left_committed += left_committed


@kernel
def choose(s: Rows) -> None:
    """Move the customers of a month, in millions.

    Reads prices, capability and service as they stood at the end of last month; writes customers by type, who joined
    and who left, choice shares, and the category's sums and consumer surplus.

    Checked: tests/textbook/test_adoption.py, tests/textbook/test_loyalty.py, tests/textbook/test_prices.py,
    tests/market/rules/test_demand.py, tests/market/rules/test_extremes.py, tests/reference/test_oracle.py.
    """
    users, apps, live, labs = s.users, s.apps, s.live, s.labs.shape[0]
    shared = s.shared[0]
    now = s.now[0]
    count = live.shape[0]
    outside = np.empty(users.shape[0])
    best = np.full(users.shape[0], -np.inf)
    bounds = np.empty(count)
    free = np.empty(count)
    loose = np.empty(count)
    fit_potential(s)
    nested = rate_outside(users, shared, now, outside)
    attract(users, apps, live, shared, outside, best, bounds, free, loose)
    nests = join_nests(users, apps, live, labs) if nested else np.zeros((0, 7))
    adopt(users, shared, now, outside, best)
    stay = np.empty(count)
    freed = np.empty(count)
    inside = np.zeros(count if nested else 0)
    reconsider(users, apps, live, labs, nests, bounds, free, loose, stay, freed, inside)
    move(users, apps, live, labs, nests, stay, freed, inside)
    for k in range(users.shape[0]):
        user = users[k]
        user.left = user.left_tourists + user.left_committed
        user.consumer_surplus *= user.customers
