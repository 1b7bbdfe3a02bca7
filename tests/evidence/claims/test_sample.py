"""Draws of what is uncertain: inside their ranges, the first of many the same as few, or from a table."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from moatlab import Scenario
from moatlab.errors import InputError
from moatlab.evidence.claims.sample import from_prior, from_table
from moatlab.evidence.fit.prior import assumed
from moatlab.evidence.fit.ranges import listed, range_of
from moatlab.scenario.tables import REGISTRY

TINY = Scenario("tiny")


def test_more_draws_begin_with_the_same_ones() -> None:
    few, many = from_prior(TINY, 5), from_prior(TINY, 11)
    assert many.changes[:5] == few.changes and np.array_equal(many.z[:5], few.z)
    assert few.digest != many.digest


def test_every_assumed_number_varies_within_its_range_and_where_z_says() -> None:
    sample = from_prior(TINY, 64)
    groups = assumed(TINY)
    assert len(sample.names) == len(groups) == sample.z.shape[1]
    for at, (parameter, addresses) in enumerate(groups):
        span, address = math.log(range_of(parameter).factor), addresses[0]
        kind, _, rest = address.partition(".")
        slug = rest.rpartition(".")[0]
        base = TINY.value(kind, slug, parameter.name) if slug else TINY.kind_value(kind, parameter.name)
        drawn = np.array([float(str(c[address])) for c in sample.changes])
        inside = (drawn > parameter.low) & (drawn < parameter.high)
        logs = np.log(drawn[inside] / float(base))
        assert np.abs(logs).max(initial=0.0) <= span + 1e-9
        # One unit of z is a standard deviation of the uniform log factor.
        assert np.allclose(logs, sample.z[inside, at] * 2.0 * span / math.sqrt(12.0))


def test_every_row_of_ranges_is_a_parameter_with_a_reason() -> None:
    names = {f"{p.kind}.{p.name}" for p in REGISTRY.values()}
    for name, row in listed().items():
        assert name in names and row.factor > 1.0 and len(row.reason) > 20, name


def test_draws_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "posterior.csv"
    path.write_text("users.*.switching_cost,labs.leak_half_life\n1.0,4\n2.0,8\n3.0,12\n")
    sample = from_table(TINY, path)
    assert len(sample) == 3 and sample.changes[1] == {"users.*.switching_cost": 2.0, "labs.leak_half_life": 8.0}
    assert np.allclose(sample.z[:, 0], [-1.0, 0.0, 1.0])
    assert len(from_table(TINY, path, 2)) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("users.*.switching_cost\n1.0\n", "two draws at least"),
        ("users.*.switching_cost\n1.0\nx\n", "line 3 is not a number"),
        ("users.*.switching_costs\n1.0\n2.0\n", "line 2: .*switching_cost"),
        ("labs.leak_half_life\n4\n-3\n", "line 3: "),
    ],
)
def test_a_table_that_is_no_sample_is_refused_in_a_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "posterior.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        from_table(TINY, path)
    with pytest.raises(InputError, match="cannot be read"):
        from_table(TINY, tmp_path / "none.csv")
