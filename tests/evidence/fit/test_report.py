"""The report: medians, bands and shares are of the runs that it made."""

from __future__ import annotations

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.cli.main import run_cli
from moatlab.evidence.fit.report import FIRST_SEED, Row, report_on
from moatlab.evidence.fit.targets import targets_of


def test_values_are_those_of_the_runs() -> None:
    targets = [t for t in targets_of("essay-2023") if t.horizon <= 12]
    scenario = Scenario("essay-2023")
    report = report_on(scenario, targets, seeds=2, prior_draws=2)
    for row in report.rows:
        for index in range(2):
            assert row.values[index] == row.target.measure(Market(scenario, rng=FIRST_SEED + index).run(12))
        assert row.prior in (0.0, 0.5, 1.0)


def test_inside_is_judged_by_the_median_and_missing_values_count_as_missed() -> None:
    target = next(t for t in targets_of("essay-2023") if t.name == "inference-of-apps")
    row = Row(target, np.array([0.1, 0.3, 0.3, np.nan]), np.nan)
    assert row.inside and row.median == 0.3 and row.seeds_inside == 0.5
    assert not Row(target, np.array([np.nan]), np.nan).inside


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["fit-report", "--seeds", "1", "--prior-draws", "0"]) == 0
    told = capsys.readouterr().out
    assert "inference" in told and "known targets met" in told
    for arguments in (["nowhere"], ["--seeds", "0"], ["--set", "labs.nobody.price=3"]):
        assert run_cli(["fit-report", *arguments]) == 2
        complaint = capsys.readouterr().err
        assert complaint.startswith("moatlab: ") and complaint.count("\n") == 1
