"""Reading the cases of the tier of tokens, and what a test asks of a lab and of an app."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

import numpy as np

from moatlab import Market, Scenario
from tests.textbook.demand import FOLDER, Vector, merged


def scenario(name: str, more: dict[str, Any] | None = None) -> Scenario:
    """The case ``name``.toml over the base of the tier of tokens, with further settings over both, by address."""
    tables = [tomllib.loads((FOLDER / f"{file}.toml").read_text()) for file in ("tokens-base", name)]
    return Scenario.from_dict(merged(*tables), name, FOLDER).set(more or {})


def run(case: Scenario, months: int, seed: int = 1) -> Market:
    """The market after that many months."""
    market = Market(case, rng=seed)
    for _ in range(months):
        market.step()
    return market


def of_labs(market: Market, field: str) -> Vector:
    """A field of all labs, in the order of the scenario."""
    return np.array(market.state.labs[field], float)


def values(case: Scenario, kind: str, slugs: Sequence[str], parameter: str) -> Vector:
    """A parameter of several rows of a kind."""
    return np.array([float(case.value(kind, slug, parameter)) for slug in slugs])


def rejects(found: Any, wanted: Any, *wrong: Any, tolerance: float = 1e-8) -> None:
    """``found`` is ``wanted`` to the tolerance, which none of the ``wrong`` answers meets, by far."""
    np.testing.assert_allclose(found, wanted, rtol=tolerance)
    for other in wrong:
        distance = np.abs(np.asarray(other, float) / np.asarray(found, float) - 1.0)
        assert np.all(distance > 1e3 * tolerance), f"the test is blind: {other} is as near to {found} as {wanted}"
