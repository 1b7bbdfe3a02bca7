"""The benchmark of answers: names are looked up in the scenario, differences are paired, what is missing is said."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.results.payments import LAYERS
from moatlab.scenario.tables import REGISTRY


@pytest.fixture(scope="module")
def answers() -> Any:
    path = Path(__file__).parent.parent / "benchmarks" / "answers.py"
    spec = importlib.util.spec_from_file_location("answers", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["answers"] = module
    spec.loader.exec_module(module)
    return module


def test_changes_are_looked_up_in_the_scenario(answers: Any) -> None:
    essay = Scenario("essay-2023")
    closed = answers.changes(essay, {"labs.open": False})
    assert {name.split(".")[1] for name in closed} == {"meta", "stability", "open-research"}
    assert not any(closed.values())
    halved = answers.changes(essay, {"labs.cash_flow": "x0.5"})
    assert halved["labs.google.cash_flow"] == 0.5 * float(essay.value("labs", "google", "cash_flow"))
    # Labs without a company behind them stay without.
    assert "labs.openai.cash_flow" not in halved
    assert answers.changes(essay, {"labs.new_name|labs.leak_half_life": "x2"}) == {
        "labs.leak_half_life": 2.0 * float(essay.kind_value("labs", "leak_half_life"))
    }
    assert answers.changes(essay, {"labs.no_such_thing": 1.0}) is None
    # A factor stops at the end of the range.
    assert answers.changes(essay, {"labs.bargaining_weight": "x9"}) == {
        "labs.bargaining_weight": REGISTRY["labs", "bargaining_weight"].high
    }


def test_every_row_changes_something_or_is_missing(answers: Any) -> None:
    essay = Scenario("essay-2023")
    for row in answers.ROWS:
        for change in (row.low, row.high):
            values = answers.changes(essay, change) if change else None
            if values:
                assert essay.set(values) != essay


def test_amounts_are_years_of_the_metric(answers: Any) -> None:
    run = Market("essay-2023", rng=1).run(24)
    found = answers.amounts(run, (1, 2), ("google",))
    wanted = [[run.path(f"{la}.generative_profit")[s : s + 12].sum() for la in LAYERS] for s in (0, 12)]
    assert found["layers"] == pytest.approx(np.array(wanted))
    assert found["owners"][1, 0] == pytest.approx(run.path("owners.google.generative_profit")[12:24].sum())
    assert answers.shares(np.array([[3.0, -1.0, 1.0], [-1.0, -2.0, 0.0]])).tolist() == [[0.75, 0.0, 0.25], [0.0] * 3]


def test_it_prints_a_table_for_each_year(answers: Any, capsys: pytest.CaptureFixture[str]) -> None:
    answers.main(["--seeds", "2", "--months", "36", "--only", "entry"])
    told = capsys.readouterr().out
    for title in ("year 3, shares", "year 3, G$", "Rows that leave every share within a tenth"):
        assert title in told
    assert "year 5" not in told
    known = ("apps", "entry_cost") in REGISTRY
    assert known or "Not in this version: entry cost: apps.entry_cost|startups.entry_cost" in told
    with pytest.raises(SystemExit, match="no row is called 'nothing'"):
        answers.main(["--only", "nothing"])
