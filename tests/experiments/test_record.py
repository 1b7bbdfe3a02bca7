"""Outcomes made of several metrics, and levels held against a number."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moatlab import Experiment, Scenario
from moatlab.errors import InputError
from moatlab.evidence.effects import of_arms
from moatlab.evidence.report import judged
from moatlab.experiments.record import needed, reduce
from moatlab.experiments.spec import Outcome

SLUGS = Scenario("tiny").all_slugs
PATHS = {
    "labs.revenue": np.array([9.0, 2.0, 4.0, 9.0]),
    "hosts.revenue": np.array([9.0, 1.0, 1.0, 9.0]),
    "apps.revenue": np.array([9.0, 8.0, 24.0, 9.0]),
}


def outcome(**given: object) -> Outcome:
    return Outcome.model_validate({"metric": "labs.revenue", "months": (1, 2), **given})


def test_sums_ratios_and_logarithms() -> None:
    assert reduce(outcome(), PATHS, SLUGS) == 3.0
    assert reduce(outcome(plus=["hosts.revenue"]), PATHS, SLUGS) == 4.0
    # The ratio of the means over the months, not the mean of the ratios.
    assert reduce(outcome(plus=["hosts.revenue"], per=["apps.revenue"]), PATHS, SLUGS) == 0.25
    assert reduce(outcome(per=["apps.revenue", "labs.revenue"]), PATHS, SLUGS) == pytest.approx(3.0 / 19.0)
    assert reduce(outcome(log=True), PATHS, SLUGS) == math.log(3.0)
    assert reduce(outcome(reduce="last", per=["apps.revenue"]), PATHS, SLUGS) == pytest.approx(1 / 6)


def test_nothing_over_nothing_is_no_number() -> None:
    none = {**PATHS, "apps.revenue": np.full(4, 1e-9)}
    assert math.isnan(reduce(outcome(per=["apps.revenue"]), none, SLUGS))
    lost = {**PATHS, "labs.revenue": np.full(4, -1.0)}
    assert math.isnan(reduce(outcome(log=True), lost, SLUGS))


def test_what_an_outcome_needs_is_recorded() -> None:
    asked = outcome(plus=["hosts.revenue"], per=["apps.revenue"])
    assert set(needed(asked, SLUGS)) == set(PATHS)
    share = Outcome(metric="labs.revenue_share")
    assert "foundry.revenue" in needed(share, SLUGS)


def test_an_experiment_with_them_runs_and_a_level_is_judged() -> None:
    tables = {
        "scenario": "tiny", "months": 6, "replications": 4, "arms": {"control": {}},
        "outcomes": {
            "part": {"metric": "labs.revenue", "per": ["apps.revenue"], "months": [3, 5], "smallest_effect": 0.001},
        },
        "contrasts": {"half": {"weights": {"control": 1}, "against": 0.5, "predicted": {"part": "lower"}}},
    }  # fmt: skip
    batch = Experiment.from_dict(tables).run(engine="serial")
    (verdict,) = judged(batch)
    paths = batch.paths("labs.revenue", "apps.revenue").query("month >= 3")
    sums = paths.groupby(["metric", "replication"])["value"].mean()
    assert verdict.estimate == pytest.approx(float((sums["labs.revenue"] / sums["apps.revenue"]).mean()) - 0.5)
    with pytest.raises(InputError, match="held against a number"):
        Experiment.from_dict({**tables, "contrasts": {"half": {"weights": {"control": 1}}}})
    with pytest.raises(InputError, match="no outcome 'parts'"):
        other = {"weights": {"control": 1}, "against": 0.5, "outcomes": ["parts"]}
        Experiment.from_dict({**tables, "contrasts": {"half": other}})


def test_a_level_is_less_its_number_in_every_pair() -> None:
    values = np.array([[[0.4, 0.6], [0.5, 0.9]]])
    effect = of_arms("x", {"control": 1.0}, values, against=0.25)
    assert np.allclose(effect.values, values[0] - 0.25) and effect.arm_mean("control") == pytest.approx(0.6)
