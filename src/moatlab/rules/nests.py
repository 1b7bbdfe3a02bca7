"""Nests: apps on the same lab's model are closer substitutes than others.

Nested logit (McFadden 1978; Cardell 1997) with correlation rho and lambda = 1 - rho: an app's pull within its nest is
e = E^(1/lambda), E its attraction in the plain logit; a nest attracts T^lambda, T the sum of e over it.  An app whose
tokens go mostly to a model of its own is a nest of one, and chosen as in the plain logit.
"""

from __future__ import annotations

import numpy as np

from moatlab.compiled import Rows, kernel

#: Columns of the table of nests: T, T^(lambda - 1), and what those who reconsider bring, by type: the sum of
#: (reconsidering / D) over the nest's apps, and the same weighted with T_i^(lambda - 1), T_i the nest as they see it.
TOTAL, SLOPE, TOURISTS, COMMITTED, TOURISTS_INSIDE, COMMITTED_INSIDE = range(6)


@kernel
def join_nests(users: Rows, apps: Rows, live: Rows, labs: int) -> Rows:
    """The nests of all nested categories, [categories x labs, columns]; a nest of category k and lab l is row k L + l.

    Turns ``attraction`` of apps in nested categories, so far that of the plain logit, into what it is among their
    nests, so that shares remain attraction over the sum of all, and writes their categories' ``inclusive``.
    """
    nests = np.zeros((users.shape[0] * labs, 6))
    for k in range(users.shape[0]):
        users[k].best_attraction = 0.0
    for position in range(live.shape[0]):
        app = apps[live[position]]
        users[app.category].best_attraction = max(users[app.category].best_attraction, app.attraction)
    for position in range(live.shape[0]):
        app = apps[live[position]]
        user = users[app.category]
        app.nest_pull = 0.0
        if user.nest_correlation > 0.0 and app.nest >= 0 and app.attraction > 0.0:
            # Relative to the category's best, so that no power overflows.
            app.nest_pull = (app.attraction / user.best_attraction) ** (1.0 / (1.0 - user.nest_correlation))
            nests[app.category * labs + app.nest, TOTAL] += app.nest_pull
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
                app.attraction = user.best_attraction * app.nest_pull * nests[row, SLOPE]
                app.nest_share = app.nest_pull / nests[row, TOTAL] if nests[row, TOTAL] > 0.0 else 0.0
            user.inclusive += app.attraction
    return nests
