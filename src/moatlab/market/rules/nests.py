"""Nests: apps on the same lab's model are closer substitutes than others.

Nested logit (McFadden 1978; Cardell 1997) within the category's own nest of all apps, with correlation rho: an app's
pull within its nest is e = (E/B)^(1/(1 - rho)), E its attraction without nests of labs and B the largest in the nest,
so that no power overflows; a nest attracts B T^(1 - rho), T the sum of e over it.  An app whose tokens go mostly to a
model of its own is a nest of one, and chosen as without them.
"""

from __future__ import annotations

import numpy as np

from moatlab.market.state.compiled import Rows, kernel

#: An attraction below this share of the best there is counts as none: flows divide by sums of attractions.
ABSENT = 1e-300
#: Columns of the table of nests: B, T, T^-rho, and what those who reconsider bring, by type: the sum of what does not
#: depend on where they go (`moatlab.market.rules.users.reconsider`) over the nest's apps, and the same weighted with
#: T_i^-rho, T_i the nest as they see it.
BEST, TOTAL, SLOPE, TOURISTS, COMMITTED, TOURISTS_INSIDE, COMMITTED_INSIDE = range(7)


@kernel
def join_nests(users: Rows, apps: Rows, live: Rows, labs: int) -> Rows:
    """The nests of all nested categories, [categories x labs, columns]; a nest of category k and lab l is row k L + l.

    Turns ``attraction`` of apps in nested categories, so far that without nests of labs, into what it is among their
    nests, so that shares remain attraction over the sum of all, and writes their categories' ``inclusive``.
    """
    nests = np.zeros((users.shape[0] * labs, 7))
    for position in range(live.shape[0]):
        app = apps[live[position]]
        if app.nest >= 0:
            row = app.category * labs + app.nest
            nests[row, BEST] = max(nests[row, BEST], app.attraction)
    for position in range(live.shape[0]):
        app = apps[live[position]]
        user = users[app.category]
        app.nest_pull = 0.0
        if user.nest_correlation > 0.0 and app.nest >= 0 and app.attraction > 0.0:
            row = app.category * labs + app.nest
            app.nest_pull = (app.attraction / nests[row, BEST]) ** (1.0 / (1.0 - user.nest_correlation))
            if app.nest_pull < ABSENT:
                app.nest_pull = 0.0
            nests[row, TOTAL] += app.nest_pull
    for row in range(nests.shape[0]):
        if nests[row, TOTAL] > 0.0:
            nests[row, SLOPE] = nests[row, TOTAL] ** -users[row // labs].nest_correlation
    for k in range(users.shape[0]):
        if users[k].nest_correlation > 0.0:
            users[k].inclusive = 0.0
    for position in range(live.shape[0]):
        app = apps[live[position]]
        user = users[app.category]
        if user.nest_correlation > 0.0:
            app.nest_share = 1.0
            if app.nest >= 0:
                row = app.category * labs + app.nest
                app.attraction = nests[row, BEST] * app.nest_pull * nests[row, SLOPE]
                app.nest_share = app.nest_pull / nests[row, TOTAL] if nests[row, TOTAL] > 0.0 else 0.0
            user.inclusive += app.attraction
    return nests
