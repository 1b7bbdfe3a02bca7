"""Reading the demand side's cases, and running a market until it rests."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moatlab import Market, Scenario

FOLDER = Path(__file__).parent
Vector = NDArray[np.float64]


def merged(base: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """``base`` with the case's tables laid over it."""
    both = dict(base)
    for key, value in case.items():
        both[key] = merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
    return both


def scenario(name: str, more: dict[str, Any] | None = None) -> Scenario:
    """The case ``name``.toml over the demand side's base, with further tables over both."""
    tables = [tomllib.loads((FOLDER / f"{file}.toml").read_text()) for file in ("demand-base", name)]
    return Scenario.from_dict(merged(merged(*tables), more or {}), name, FOLDER)


def of_apps(market: Market, field: str) -> Vector:
    """A field of all apps, in the order of the scenario."""
    return np.array(market.state.apps[field][: len(market.slugs["apps"])], float)


def customers(market: Market) -> Vector:
    """Customers of each app, millions: shares where the potential is one million."""
    return of_apps(market, "tourists") + of_apps(market, "committed")


def at_rest(case: Scenario, months: int = 2000, events: int = 0, levy: Sequence[float] = ()) -> Market:
    """A market run until prices and customers stand still, or an assertion that they do not.

    ``events`` is the month of the scenario's last event, before which no rest counts; ``levy`` is a cost of each app's
    customers, $ per month, beside that of their tokens.
    """
    market = Market(case, rng=1)
    market.state.apps["levy"][: len(levy)] = levy
    before = np.concatenate([of_apps(market, "price"), customers(market)])
    for month in range(months):
        market.step()
        after = np.concatenate([of_apps(market, "price"), customers(market)])
        if month > events + 3 and np.all(np.abs(after - before) <= 1e-13 * np.maximum(np.abs(after), 1e-3)):
            return market
        before = after
    raise AssertionError(f"{case.name} still moves after {months} months: {before} -> {after}")


def quality(case: Scenario) -> Vector:
    """V_i before the price, in utils: features, and what the plan's tokens are worth over those of a usual plan."""
    return np.array([float(case.value("apps", slug, "feature")) for slug in case.slugs("apps")]) + cost(case) - 1.0


def cost(case: Scenario) -> Vector:
    """Marginal costs, $ per customer and month, at alpha = gamma = eta = 1."""
    return np.array([float(case.value("apps", slug, "usage_factor")) for slug in case.slugs("apps")])
