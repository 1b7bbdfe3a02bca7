"""Metrics that add up others: total welfare, as far as the model knows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moatlab.evidence.inference import Array
from moatlab.world.payments import LAYERS

if TYPE_CHECKING:
    from moatlab.results import Results


@dataclass(frozen=True)
class Sum:
    """A metric that is the sum of others of the same unit."""

    unit: str
    formula: str
    parts: tuple[str, ...]

    def path(self, run: Results) -> Array:
        """Its path by month in a run."""
        total: Array = sum(run.path(part) for part in self.parts[1:]) + run.path(self.parts[0])
        return total


#: Metrics by address, beside those of `moatlab.metrics`.
COMPUTED = {
    "market.surplus": Sum(
        "M$", "consumer surplus + operating profit of all layers; the surplus of outside demand is not in it",
        ("market.consumer_surplus", *(f"{layer}.operating_profit" for layer in LAYERS)),
    ),
}  # fmt: skip
