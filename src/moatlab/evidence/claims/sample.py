"""What is uncertain: draws of the parameters, from the prior or from a table such as a sample of a posterior.

The prior lets every number that the scenario assumes vary by the factor of `moatlab.evidence.fit.ranges`, log-uniform
either way; all rows of a kind share the factor of a parameter.  A table has a column an address and a row a draw.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from moatlab.errors import InputError
from moatlab.evidence.fit.prior import Group, assumed, changes_at
from moatlab.evidence.fit.ranges import range_of
from moatlab.scenario.scenario import Scenario

Array = NDArray[np.float64]
#: The seed of the draws of the prior.
SEED = 20230119
#: Standard deviation of a uniform number between 0 and 1.
_SPREAD = 1.0 / math.sqrt(12.0)


@dataclass(frozen=True, eq=False)
class Sample:
    """Draws: what each sets, and where it lies.

    ``changes`` has the values of a draw by address; ``z`` [draws, names] how many standard deviations of the sample
    each of ``names`` lies from its middle.  ``source`` says what was drawn from.
    """

    source: str
    names: tuple[str, ...]
    z: Array
    changes: tuple[Mapping[str, object], ...]

    def __len__(self) -> int:
        return len(self.changes)

    @property
    def digest(self) -> str:
        """By which the draws are known again."""
        return hashlib.sha256(json.dumps(self.changes, sort_keys=True, default=str).encode()).hexdigest()[:16]


def from_prior(scenario: Scenario, count: int, seed: int = SEED) -> Sample:
    """The first ``count`` draws from the prior, a scrambled Sobol sequence less the points that contradict themselves.

    A larger sample begins with the smaller one.
    """
    groups = assumed(scenario)
    sampler = qmc.Sobol(len(groups), rng=np.random.default_rng(seed))
    points, changes = list[Array](), list[Mapping[str, object]]()
    while len(changes) < count:
        for point in sampler.random(max(1, 1 << (count - 1).bit_length())):
            drawn = changes_at(scenario, groups, point, lambda parameter: range_of(parameter).factor)
            try:
                scenario.set(drawn)
            except InputError:
                continue  # two shares that add up to more than one, say: outside the prior
            points.append(point)
            changes.append(drawn)
    names = tuple(_name(group) for group in groups)
    z = (np.array(points[:count]) - 0.5) / _SPREAD
    return Sample(f"the prior of {scenario.name}: {len(names)} assumed parameters", names, z, tuple(changes[:count]))


def _name(group: Group) -> str:
    parameter, _ = group
    return f"{parameter.kind}.{'*.' if parameter.scope == 'firm' else ''}{parameter.name}"


def from_table(scenario: Scenario, path: Path, count: int | None = None) -> Sample:
    """The draws of a CSV file, a column an address and a row a draw, in their order.

    Raises `InputError` for a file that cannot be read, an address that the scenario lacks, or a value out of range.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise InputError(f"cannot be read as a table of draws: {problem}", str(path)) from None
    if len(rows) < 2:
        raise InputError("a sample has a line of addresses and two draws at least", str(path))
    rows = rows[:count]
    names = tuple(rows[0])
    changes = []
    for line, row in enumerate(rows, 2):
        try:
            values = {name: float(row[name]) for name in names}
        except (TypeError, ValueError):
            raise InputError(f"line {line} is not a number in every column", str(path)) from None
        try:
            scenario.set(values)
        except InputError as problem:
            raise InputError(f"line {line}: {problem}", str(path)) from None
        changes.append(values)
    table = np.array([[row[name] for name in names] for row in changes])
    spread = table.std(axis=0, ddof=1)
    z = (table - table.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    return Sample(f"{path.name}: {len(names)} parameters", names, z, tuple(changes))
