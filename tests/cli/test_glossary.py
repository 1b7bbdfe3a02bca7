"""Every name that a table, an experiment's file or a command uses is explained."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from moatlab import Experiment, Market, Scenario
from moatlab.cli.explain import explain_name
from moatlab.cli.glossary import GLOSSARY, meanings
from moatlab.errors import InputError
from moatlab.evidence.compare import HEADLINE
from moatlab.evidence.drivers.mechanisms import table_of as mechanisms_table
from moatlab.evidence.durability.breakdown import Breakdown, Question
from moatlab.evidence.durability.concentration import arise
from moatlab.evidence.durability.frames import breakdown_table, concentration_table, excess_table
from moatlab.evidence.durability.plan import Plan, cases_of
from moatlab.evidence.durability.study import Study
from moatlab.evidence.durability.table import judge as judge_study
from moatlab.evidence.fit.targets import STATISTICS, targets_of
from moatlab.evidence.report import differences, judged, path_differences
from moatlab.evidence.sensitivity import sensitivity
from moatlab.evidence.tipping import Plan as TippingPlan
from moatlab.evidence.tipping import Tipping
from moatlab.evidence.verdicts import verdicts_table
from moatlab.experiments.tables import by_arm
from moatlab.results.money import POOLS
from moatlab.results.outcomes import Reduce
from moatlab.scenario.moats import MOATS
from tests.evidence import functions

ROOT = Path(__file__).parents[2]


def explained(names: Any) -> None:
    for name in names:
        assert explain_name(str(name), "essay-2023"), name


def test_columns_of_a_run() -> None:
    run = Market("tiny", rng=1).run(3)
    for name in ("market", "layers", "categories", "firms", "payments", "ledger", "money", "retention"):
        explained(["seed", *getattr(run, name).to_pandas().columns])
    explained(run.origins().columns)
    assert set(GLOSSARY["pool of money"]) == set(POOLS)


def test_columns_of_a_batch() -> None:
    batch = Experiment.from_dict({
        "name": "tables", "scenario": "tiny", "months": 3, "replications": 2,
        "arms": {"control": {}, "more": {"set": {"apps.entry_rate": 9.0}}},
        "outcomes": {"rent": {"metric": "market.rent"}},
    }).run("serial")  # fmt: skip
    for table in (batch.runs(), batch.failures(), batch.outcomes(), batch.paths(), batch.bands("market.rent")):
        explained(table.columns)
    for table in (by_arm(batch), differences(batch), path_differences(batch, "market.rent")):
        explained(table.columns)
    explained(verdicts_table(judged(batch)).columns)


def test_columns_of_sensitivities() -> None:
    pytest.importorskip("SALib")
    for design in ({"kind": "morris", "samples": 4}, {"kind": "sobol", "samples": 4, "second_order": True}):
        found = sensitivity(functions.experiment(functions.ishigami, 3, (0.0, 1.0), design).run("serial"), "y")
        explained([*found.table.columns, *found.pairs.columns])


def test_columns_of_studies() -> None:
    plan = Plan(Scenario("tiny"), cases_of(["data"]), month=3, after=36, draws=3, whole=False)
    explained(judge_study(Study(plan)).to_pandas().columns)
    question = Question(plan.cases[0], "decay", "labs.data_decay", False)
    explained(breakdown_table([Breakdown(question, 2.0, (0.0, 0.1))]).columns)
    world = arise(plan.scenario, 1, [3], ["apps"], set_at=3)
    explained([*concentration_table([world]).columns, *excess_table([world]).columns])
    explained(mechanisms_table([np.zeros((1, 6)), np.zeros((1, 6))], (12,), ("entry",)).columns)
    shares = np.full((2, 2, 2, len(plan.scenario.slugs("users")), 2), 0.5)
    tipping = Tipping(TippingPlan(plan.scenario, (0.0, 1.0), seeds=2), shares)
    explained([*tipping.table().columns, *tipping.thresholds().columns])


def test_what_experiment_files_and_targets_name() -> None:
    for path in sorted((ROOT / "experiments").glob("*.toml")):
        tables = tomllib.loads(path.read_text())
        explained([outcome["metric"] for outcome in tables["outcomes"].values()])
        explained([*tables.get("paths", ()), *tables.get("uncertainties", ())])
        explained([*(a for arm in tables.get("arms", {}).values() for a in arm.get("set", {}))])
    explained([target.metric for target in targets_of("essay-2023")])
    assert set(GLOSSARY["reduction of an outcome's months"]) == set(get_args(Reduce))
    assert set(GLOSSARY["statistic of a target"]) == set(STATISTICS)


def test_what_commands_show() -> None:
    explained([*HEADLINE, *MOATS])
    assert "operating profit" in explain_name("market.surplus", "essay-2023")
    assert "fed by rounds" in explain_name("scale", "essay-2023")


def test_ends_of_an_interval_are_those_of_what_is_inside() -> None:
    assert meanings("total_low") == ["total_low, column of sensitivities: lower bound of the interval of "
                                     + GLOSSARY["column of sensitivities"]["total"]]  # fmt: skip
    assert meanings("zork") == []
    with pytest.raises(InputError, match="did you mean"):
        explain_name("verdct", "essay-2023")
