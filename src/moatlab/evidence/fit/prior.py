"""The prior: what a scenario assumes, and draws of it.

A value is assumed if its source says so.  The prior lets each assumed number vary by a factor, log-uniform from 2/3 to
3/2 and clipped to the parameter's declared range; all rows of a kind share the factor of a parameter, so that the
firms' positions relative to one another stay.  It is wide on purpose: a target that most draws meet says little of the
values chosen, one that few meet is what the values were chosen for.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from moatlab.errors import InputError
from moatlab.scenario.registry import Parameter
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.tables import REGISTRY

#: The largest factor, either way.
WIDTH = 1.5
Group = tuple[Parameter, tuple[str, ...]]


def assumed(scenario: Scenario) -> list[Group]:
    """Parameters that the scenario assumes a number for, each with its addresses, in the order of the registry."""
    found: list[Group] = []
    for parameter in REGISTRY.values():
        if isinstance(parameter.default, str) or parameter.is_flag or parameter.is_integer:
            continue
        slugs: tuple[str | None, ...] = (None,)
        if parameter.scope == "firm":
            slugs = tuple(scenario.slugs(parameter.kind))
        addresses = []
        for slug in slugs:
            value = (
                scenario.kind_value(parameter.kind, parameter.name)
                if slug is None
                else scenario.value(parameter.kind, slug, parameter.name)
            )
            if "assumed" in scenario.source(parameter.kind, slug, parameter.name) and float(value) != 0.0:
                addresses.append(".".join(part for part in (parameter.kind, slug, parameter.name) if part))
        if addresses:
            found.append((parameter, tuple(addresses)))
    return found


def count_assumed(scenario: Scenario) -> int:
    """Assumed numbers that a user of the scenario takes on trust: one for each address."""
    return sum(len(addresses) for _, addresses in assumed(scenario))


def draws(scenario: Scenario, count: int, seed: int) -> list[Scenario]:
    """``count`` scenarios from the prior: a scrambled Sobol sequence, less the points that contradict themselves."""
    groups = assumed(scenario)
    sampler = qmc.Sobol(len(groups), rng=np.random.default_rng(seed))
    drawn: list[Scenario] = []
    while len(drawn) < count:
        for point in sampler.random(max(1, 1 << (count - 1).bit_length())):
            try:
                drawn.append(scenario.set(changes_at(scenario, groups, point)))
            except InputError:
                # Two shares that add up to more than one, say: such a point is outside the prior.
                continue
    return drawn[:count]


def changes_at(
    scenario: Scenario, groups: list[Group], point: NDArray[np.float64],
    factor: Callable[[Parameter], float] = lambda parameter: WIDTH,
) -> dict[str, object]:  # fmt: skip
    """What a point of the unit cube [groups] sets, by address; ``factor`` is the largest factor of a parameter."""
    changes: dict[str, object] = {}
    for (parameter, addresses), u in zip(groups, point, strict=True):
        by = math.exp(math.log(factor(parameter)) * (2.0 * float(u) - 1.0))
        for address in addresses:
            kind, _, rest = address.partition(".")
            slug = rest.rpartition(".")[0]
            value = scenario.value(kind, slug, parameter.name) if slug else scenario.kind_value(kind, parameter.name)
            changes[address] = min(max(float(value) * by, parameter.low), parameter.high)
    return changes


def at(scenario: Scenario, point: NDArray[np.float64]) -> Scenario:
    """The scenario at a ``point`` of the unit cube, a coordinate for each group of `assumed`.

    Raises `InputError` for a point that contradicts itself.
    """
    return scenario.set(changes_at(scenario, assumed(scenario), point))
