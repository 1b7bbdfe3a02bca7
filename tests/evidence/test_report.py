"""A batch judged as its file declares it: contrasts, tags, families, and units by design."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from moatlab.errors import InputError
from moatlab.evidence import report
from moatlab.evidence.effects import difference
from moatlab.experiments import Batch, Experiment, FunctionModel

VALUES = {"push": 0.0, "pull": 0.0, "slope": 1.0}


def market(values: dict[str, Any], seed: int, months: int) -> dict[str, Any]:
    """Luck of the seed, what the arms push, their product, and a path whose effect starts at month 2."""
    rng = np.random.default_rng(seed)
    luck, noise = rng.normal(0.0, 10.0), rng.normal(0.0, 0.3) * values["push"]
    both = values["push"] * values["pull"]
    effect = values["slope"] * values["push"] + 2.0 * values["pull"] + 3.0 * both + noise
    path = np.full(months, luck)
    path[2:] += effect
    gone = np.nan if values["push"] and seed % 3 == 0 else luck
    return {"level": path, "other": luck, "gone": gone}


def batch(**changes: Any) -> Batch:
    tables: dict[str, Any] = {
        "name": "trial", "replications": 12, "claim": "emergent", "prediction": "push raises the level",
        "arms": {"control": {}, "push": {"set": {"push": 1.0}}, "pull": {"set": {"pull": 1.0}},
                 "both": {"set": {"push": 1.0, "pull": 1.0}}},
        "outcomes": {"level": {"metric": "level", "reduce": "last", "predicted": "higher", "smallest_effect": 0.5},
                     "other": {"metric": "other", "smallest_effect": 0.5}},
        **changes,
    }  # fmt: skip
    return Experiment.from_dict(tables, model=FunctionModel(market, VALUES, ("level", "other", "gone"), 5)).run(
        "serial"
    )


@pytest.fixture(scope="module")
def trial() -> Batch:
    return batch()


def test_every_arm_is_judged_against_the_control(trial: Batch) -> None:
    verdicts = report.judged(trial)
    assert [(v.effect.outcome, v.effect.name) for v in verdicts] == [
        (outcome, f"{arm} - control") for outcome in ("level", "other") for arm in ("push", "pull", "both")
    ]
    assert [v.verdict for v in verdicts] == ["supported", "supported", "supported", *["the same"] * 3]
    assert {v.family for v in verdicts} == {3}  # what differs in no pair is not tested
    assert verdicts[0].effect.unit == "seed" and verdicts[0].effect.values.shape == (1, 12)
    assert verdicts[0].effect.pairing > 100.0 and (verdicts[3].effect.values == 0.0).all()


def test_the_table_in_words(trial: Batch) -> None:
    told = "\n".join(report.tell(trial, report.judged(trial)))
    assert "emergent claim; 12 seeds" in told and "push raises the level" in told
    line = next(line for line in told.splitlines() if line.startswith("level") and " push - control" in line)
    assert "±0.5" in line and line.endswith("supported") and "higher" in line


def test_declared_contrasts_are_the_family() -> None:
    weights = {"both": 1.0, "push": -1.0, "pull": -1.0, "control": 1.0}
    made = batch(contrasts={"beyond": {"weights": weights, "predicted": {"level": "lower"}}})
    level, other = report.judged(made)
    assert level.effect.name == "beyond" and level.estimate == pytest.approx(3.0) and level.family == 1
    assert level.verdict == "contradicted" and other.verdict == "the same"


def test_a_contrast_between_points_says_how_an_effect_grows() -> None:
    """The effect of push is the slope: it grows by 5 from the first slope to the last, and its mean is 1."""
    weights = {"push": 1.0, "control": -1.0}
    made = batch(
        design={"kind": "chosen", "points": [{"slope": -1.5}, {"slope": 1.0}, {"slope": 3.5}]},
        contrasts={"push": {"weights": weights}, "growth": {"weights": weights, "points": [-1, 0, 1]}},
    )
    push, growth, *_ = report.judged(made)
    assert push.estimate == pytest.approx(1.0, abs=0.3) and growth.estimate == pytest.approx(5.0)
    assert growth.verdict == "supported" and growth.effect.values.shape == (1, 12) and growth.effect.pairs == 24


@pytest.mark.parametrize(
    ("contrast", "clue"),
    [({"weights": {"push": 1.0, "control": 1.0}}, "sum to 0"), ({"weights": {"pusch": 1.0, "control": -1.0}}, "push"),
     ({"weights": {"push": 1.0, "control": -1.0}, "predicted": {"levle": "higher"}}, "level"),
     ({"weights": {"push": 1.0, "control": -1.0}, "predicted": {"level": "up"}}, "higher"),
     ({"weight": {}}, "weights"), ({"weights": {"push": 1.0, "control": -1.0}, "points": [1.0]}, "chosen or grid")],
)  # fmt: skip
def test_mistakes_in_contrasts_are_named(contrast: dict[str, Any], clue: str) -> None:
    with pytest.raises(InputError, match=clue) as told:
        batch(contrasts={"beyond": contrast})
    assert "\n" not in str(told.value)


def test_weights_fit_the_points() -> None:
    weights = {"push": 1.0, "control": -1.0}
    design = {"kind": "chosen", "points": [{"slope": 1.0}, {"slope": 2.0}]}
    with pytest.raises(InputError, match="2 weights"):
        batch(design=design, contrasts={"growth": {"weights": weights, "points": [-1, 0, 1]}})


def test_inputs_and_mechanical_claims_get_no_verdict_on_the_sign() -> None:
    assert {v.verdict for v in report.judged(batch(claim="mechanical"))} == {"size only"}
    assert {v.verdict for v in report.judged(batch(claim="input"))} == {"calibration"}


def test_a_test_of_equivalence_predicts_no_effect_where_nothing_else_is() -> None:
    verdicts = report.judged(batch(test={"kind": "equivalence"}))
    assert [v.verdict for v in verdicts] == ["supported"] * 6


def test_confidence_is_that_of_the_file(trial: Batch) -> None:
    wide: Any = report.differences(batch(test={"confidence": 0.99})).set_index(["outcome", "arm"])
    usual: Any = report.differences(trial).set_index(["outcome", "arm"])
    for end in ("low", "high"):
        gap = [abs(t.loc[("level", "push"), end] - t.loc[("level", "push"), "mean"]) for t in (wide, usual)]
        assert gap[0] / gap[1] == pytest.approx(3.1058 / 2.2010, rel=1e-3)  # Student's t, 11 degrees of freedom


def test_drawn_points_are_units_and_points_of_a_grid_are_not() -> None:
    slopes = {"slope": {"values": [-4.0, 1.0, 6.0]}}
    grid = batch(uncertainties=slopes, design={"kind": "grid"})
    effect = report.judged(grid)[0].effect
    assert effect.unit == "seed" and effect.values.shape == (1, 12) and effect.estimate == pytest.approx(1.0, abs=0.4)
    drawn = batch(uncertainties={"slope": [-4.0, 6.0]}, design={"kind": "latin", "samples": 8})
    effect = report.judged(drawn)[0].effect
    assert effect.unit == "draw" and effect.values.shape == (8, 12) and effect.interval[0] < 0.0
    assert "8 draws x 12 seeds" in "\n".join(report.tell(drawn, report.judged(drawn)))


def test_paths_have_the_interval_of_their_outcome(trial: Batch) -> None:
    """The last month's difference is the outcome's, at one point, on a grid, and over crossed draws and seeds."""
    drawn = batch(uncertainties={"slope": [-4.0, 6.0]}, design={"kind": "latin", "samples": 5})
    grid = batch(uncertainties={"slope": {"values": [-4.0, 6.0]}}, design={"kind": "grid"})
    for made in (trial, drawn, grid):
        paths: Any = report.path_differences(made, "level").set_index(["arm", "month"])
        ends: Any = report.differences(made).set_index(["outcome", "arm"])
        for column in ("pairs", "mean", "low", "high"):
            assert paths.loc[("push", 4), column] == pytest.approx(ends.loc[("level", "push"), column]), column
        assert paths.loc[("push", 1), ["mean", "low", "high"]].tolist() == [0.0, 0.0, 0.0]


def test_undefined_pairs_do_not_count_and_outcomes_without_any_are_left_out() -> None:
    made = batch(outcomes={"gone": {"metric": "gone"}, "other": {"metric": "other"}}, replications=9)
    effect = next(v.effect for v in report.judged(made) if v.effect.outcome == "gone")
    assert effect.pairs + len(effect.lost) == 9 and len(effect.lost) == sum(seed % 3 == 0 for seed in made.plan[
        made.plan["arm"] == "control"]["seed"])  # fmt: skip
    table: Any = report.differences(made).set_index(["outcome", "arm"])
    assert table.loc[("gone", "push"), "pairs"] == effect.pairs
    outcomes = made.outcomes()
    assert difference(outcomes, "gone", "push", "control").estimate == table.loc[("gone", "push"), "mean"]
