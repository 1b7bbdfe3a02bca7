"""The essay's market some months old, and its values, for tests of single rules."""

from __future__ import annotations

from typing import Any

from moatlab import Market, Scenario
from moatlab.market.state.state import State

ESSAY = Scenario("essay-2023")


def later(changes: dict[str, Any] | None = None, months: int = 6) -> State:
    """The state of the essay's market after some months."""
    market = Market(ESSAY.set(changes or {}), rng=1)
    market.run(months)
    return market.state


def value(kind: str, name: str) -> float:
    """A parameter that all firms of a kind share, as the scenario has it."""
    return float(ESSAY.kind_value(kind, name))
