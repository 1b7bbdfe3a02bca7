"""Shapley values: how much of an outcome each of several things brings about, when they act together (Shapley 1953).

The value of a player is its marginal contribution, averaged over all orders in which the players may join.  The values
add up to what all bring about together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import comb

import numpy as np

from moatlab.errors import InputError
from moatlab.evidence.inference import Array

#: With more players than this, 2^k worlds are too many.
MOST = 12
Coalition = frozenset[str]


def coalitions(players: Sequence[str]) -> list[Coalition]:
    """All 2^k sets of players, the smaller first; `InputError` for more than 12 players, or one that is named twice."""
    if len(players) > MOST or len(set(players)) != len(players):
        raise InputError(f"Shapley values take up to {MOST} different players, not {len(players)}")
    return [frozenset(group) for size in range(len(players) + 1) for group in combinations(players, size)]


def shapley(players: Sequence[str], worth: Mapping[Coalition, Array]) -> dict[str, Array]:
    """The value of each player, exactly; ``worth`` of every coalition is an array, say over draws of the parameters."""
    count = len(players)
    found: dict[str, Array] = {}
    for player in players:
        others = [other for other in players if other != player]
        parts = [
            (np.asarray(worth[group | {player}]) - np.asarray(worth[group])) / (count * comb(count - 1, len(group)))
            for group in coalitions(others)
        ]
        found[player] = np.sum(parts, axis=0)
    return found


def shapley_of(players: Sequence[str], worth: Callable[[Coalition], float]) -> dict[str, float]:
    """The same, asking ``worth`` once for every coalition."""
    values = {group: np.asarray(worth(group), float) for group in coalitions(players)}
    return {player: float(value) for player, value in shapley(players, values).items()}


def sampled(players: Sequence[str], worth: Callable[[Coalition], Array], orders: int, seed: int) -> dict[str, Array]:
    """The value of each player over ``orders`` random orders, each with its reverse, where 2^k worlds are too many.

    Unbiased, and the values add up exactly to what all bring about together.  ``worth`` is asked once for every
    coalition.  An order and its reverse see a player join early and late (antithetic; Mitchell and others 2022).
    """
    rng, known = np.random.default_rng(seed), dict[Coalition, Array]()
    found = {player: np.zeros(()) for player in players}

    def value(group: Coalition) -> Array:
        if group not in known:
            known[group] = np.asarray(worth(group), float)
        return known[group]

    for _ in range(orders):
        order = rng.permutation(len(players))
        for way in (order, order[::-1]):
            group: Coalition = frozenset()
            for place in way:
                joined = group | {players[int(place)]}
                found[players[int(place)]] = found[players[int(place)]] + (value(joined) - value(group)) / (2 * orders)
                group = joined
    return found
