"""Random markets for GPU-hours: any buyers, any trade graph, any scarcity."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from moatlab.market.rules.clearing import clear, settle_in
from moatlab.market.state.fields import BUYER_DTYPE


class Case(NamedTuple):
    """What `clear` takes, drawn at random; ``lag`` and ``affinity`` [buyers, clouds]."""

    buyers: Any
    lag: Any
    affinity: Any
    capacity: Any
    reserve: Any
    gravity: Any
    start: Any
    sharpness: float
    rate: float
    steepness: float
    elasticity: float

    def solve(self, start: Any = None) -> tuple[Any, int, float]:
        """Rents, iterations and violation, from the case's own start or another one."""
        return self.solve_all(start)[:3]

    def solve_all(self, start: Any = None) -> tuple[Any, int, float, Any]:
        """The same and, by cloud, the share of the hours wanted that there are."""
        buyers, lag, affinity = self.buyers.copy(), self.lag.copy(), self.affinity.copy()
        rents = (self.start if start is None else start).copy()
        count = len(buyers)
        rationed = np.full(len(rents), np.nan)
        settle_in(buyers, count, lag, affinity, self.capacity, self.gravity, self.rate, self.steepness)
        iterations, violation = clear(buyers, count, lag, affinity, self.capacity, self.reserve, rents, self.sharpness,
                                      self.steepness, self.elasticity, 4.0, rationed)  # fmt: skip
        return rents, iterations, violation, rationed


def draw(rng: np.random.Generator) -> Case:
    """One market: up to 60 buyers and 8 clouds, sparse or complete, with slack, scarce, huge or no capacity."""
    clouds = int(rng.integers(1, 9))
    count = 1 if rng.random() < 0.15 else int(rng.integers(2, 61))
    buyers = np.zeros(count, BUYER_DTYPE)
    serving = rng.random(count) < 0.7
    training = rng.random(count) < 0.6
    buyers["inference"] = np.where(serving, np.exp(rng.normal(0.0, 2.0, count)), 0.0)
    buyers["choke"] = np.exp(rng.normal(1.5, 1.0, count))
    buyers["budget"] = np.where(training, np.exp(rng.normal(1.0, 2.0, count)), 0.0)
    buyers["elastic"][-1] = np.exp(rng.normal(3.0, 2.0)) if rng.random() < 0.8 else 0.0
    if rng.random() < 0.1:
        for name in ("inference", "budget", "elastic"):
            buyers[name] *= 10.0 ** rng.uniform(3.0, 9.0)
    density = rng.choice([0.15, 0.4, 1.0])
    edges = rng.random((count, clouds)) < density
    edges[np.arange(count), rng.integers(0, clouds, count)] = True
    affinity = np.where(edges, np.exp(rng.normal(0.0, 1.0, (count, clouds))), 0.0)
    lag = rng.dirichlet(np.full(clouds, 0.5), count) * (rng.random((count, 1)) < 0.9)
    lag = np.where(edges, lag, 0.0)
    capacity = np.exp(rng.normal(2.0, 2.0, clouds))
    capacity[rng.random(clouds) < 0.1] = 0.0
    if not (capacity > 0).any():
        capacity[0] = 1.0
    gravity = np.where(rng.random(clouds) < 0.3, rng.exponential(1.0, clouds), 0.0)
    return Case(
        buyers, lag, affinity, capacity, np.exp(rng.normal(0.0, 0.3, clouds)), gravity,
        np.exp(rng.normal(1.0, 1.0, clouds)), float(rng.choice([0.5, 3.0, 10.0, 30.0])),
        float(rng.choice([0.01, 0.04, 0.3, 1.0])), float(rng.choice([4.0, 8.0, 16.0])), float(rng.uniform(0.1, 1.5)),
    )  # fmt: skip
