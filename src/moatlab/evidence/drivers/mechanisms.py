"""Mechanisms on and off: what each adds to a layer's share, whichever of the others are on (Shapley values)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from moatlab.evidence.drivers.outcomes import names, run
from moatlab.evidence.inference import Array, Mean
from moatlab.evidence.shapley import sampled
from moatlab.scenario.registry import Value
from moatlab.scenario.scenario import Scenario

#: What switches a mechanism of the essay off.
MECHANISMS: Mapping[str, Mapping[str, Value]] = {
    "graduation": {"apps.graduation": "off"},
    "bargaining": {"labs.negotiation": False},
    "entry": {"apps.entry_rate": 0.0},
    "open models": {"labs.*.open": False},
    "leaks": {"labs.leak_share": 0.0, "labs.leak_half_life": 1e6, "labs.talent_carry": 0.0},
    "race of models": {"labs.training_rule": "spend"},
    "network effects": {"users.*.network_taste": 0.0, "hosts.hub_taste": 0.0},
    "data": {"apps.data_taste": 0.0, "apps.own_data_gain": 0.0, "labs.data_gain": 0.0},
    "ecosystems": {"labs.ecosystem_taste": 0.0, "chipmakers.ecosystem_taste": 0.0},
    "hype": {"investors.hype": 0.0, "investors.hype_volatility": 0.0, "investors.hype_feedback": 0.0},
}


def switched(scenario: Scenario, on: frozenset[str], players: Sequence[str]) -> Scenario:
    """The scenario with those mechanisms of the ``players`` off that are not ``on``."""
    changes = {address: value for name in players if name not in on for address, value in MECHANISMS[name].items()}
    return scenario.set(changes) if changes else scenario


def values_of(
    scenario: Scenario, seed: int, months: Sequence[int], players: Sequence[str], orders: int
) -> tuple[Array, Array]:
    """Shapley values [players, outcomes] in one world, and what all mechanisms together bring about [outcomes].

    Over ``orders`` random orders in which mechanisms are switched on, each with its reverse.
    """
    found = sampled(players, lambda on: run(switched(scenario, on, players), seed, months), orders, seed)
    return np.array([found[name] for name in players]), np.sum([found[name] for name in players], axis=0)


def table_of(values: Sequence[Array], months: Sequence[int], players: Sequence[str]) -> pd.DataFrame:
    """A row an outcome and mechanism: mean over worlds in points of share, with its 95 % interval."""
    stacked = 100.0 * np.array(values)
    rows = []
    for place, (layer, month) in enumerate(names(months)):
        for player, name in enumerate(players):
            mean = Mean(stacked[:, player, place])
            low, high = mean.interval()
            rows.append({"layer": layer, "month": month, "mechanism": name, "points": mean.estimate, "low": low,
                         "high": high})  # fmt: skip
    return pd.DataFrame(rows)
