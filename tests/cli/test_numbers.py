"""What a command keeps and prints: tables, digits, workbooks, JSON, formats, chosen pictures."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from moatlab import Market
from moatlab.cli.chosen import DEFAULT, KEYS, Pictures, read_kept
from moatlab.cli.glossary import meanings
from moatlab.cli.main import run_cli
from moatlab.errors import InputError

SIMULATE = ["simulate", "tiny", "--months", "14"]


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_tables_of_several_seeds(tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert run_cli([*SIMULATE, "--seeds", "3", "--save", "all", "--pictures", "none", "--out", str(out)]) == 0
    assert {f"{name}.parquet" for name in KEYS} <= files(out) and not [f for f in files(out) if "pictures" in f]
    runs = [Market("tiny", rng=seed).run(14) for seed in (1, 2, 3)]
    # Each seed in full precision, with the month by the calendar.
    layers = pd.read_parquet(out / "layers.parquet")
    assert set(layers["seed"]) == {1, 2, 3} and layers["date"].iloc[-1] == "2024-02"
    whole = pd.concat([run.layers.to_pandas() for run in runs], ignore_index=True)
    assert np.array_equal(layers["revenue"].to_numpy(), whole["revenue"].to_numpy())
    # For a spreadsheet: median and quantiles over seeds.
    sheet: Any = pd.read_csv(out / "layers.csv").set_index(["month", "layer"]).loc[(5, "labs")]
    values = [float(run.series("labs.revenue")[5]) for run in runs]
    assert sheet["revenue"] == pytest.approx(np.median(values), rel=1e-5) and sheet["seeds"] == 3
    assert sheet["revenue_low"] == pytest.approx(np.quantile(values, 0.05), rel=1e-5)
    assert sheet["revenue_high"] == pytest.approx(np.quantile(values, 0.95), rel=1e-5)
    firms = pd.read_csv(out / "firms.csv")
    assert firms["named"].all() and {"name", "share_low", "seeds"} <= set(firms)
    every = pd.concat([run.firms.to_pandas() for run in runs])
    assert len(pd.read_parquet(out / "firms.parquet")) == len(every)


def test_by_default_what_follows_from_the_rest_is_left_out(tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert run_cli([*SIMULATE, "--pictures", "prices,flow", "--format", "svg", "--out", str(out)]) == 0
    assert {f for f in files(out) if f.endswith("parquet")} == {f"{name}.parquet" for name in DEFAULT}
    assert {f for f in files(out) if f.startswith("pictures/")} == {
        f"pictures/{name}.{kind}" for name in ("prices", "flow") for kind in ("svg", "csv")
    }
    # Of one seed the text is the table; generated firms are there that were once large.
    firms, run = pd.read_csv(out / "firms.csv"), Market("tiny", rng=1).run(14).firms.to_pandas()
    largest = run.groupby(["kind", "slug"])["share"].transform("max")
    assert len(firms) == int((run["named"].astype(bool) | (largest >= 0.05)).sum())
    assert set(json.loads((out / "manifest.json").read_text())["files"]) == files(out)
    for column in firms:
        assert meanings(str(column)) or column in run, column


def test_a_workbook(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    for name in ("a", "b"):
        assert run_cli([*SIMULATE, "--excel", "--pictures", "none", "--out", str(tmp_path / name)]) == 0
    book = pd.read_excel(tmp_path / "a" / "tables.xlsx", sheet_name=None)
    assert list(book) == ["summary", *DEFAULT]
    text = pd.read_csv(tmp_path / "a" / "market.csv")
    assert book["market"]["rent"].to_numpy() == pytest.approx(text["rent"].to_numpy())
    assert (tmp_path / "a" / "tables.xlsx").read_bytes() == (tmp_path / "b" / "tables.xlsx").read_bytes()


def test_a_workbook_without_its_library_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "openpyxl" else find(name))
    assert run_cli([*SIMULATE, "--excel", "--out", str(tmp_path / "x")]) == 2
    assert "pip install 'moatlab[excel]'" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_the_summary_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    command = [*SIMULATE, "--seeds", "3", "--json", "--pictures", "none", "--save", "none", "--out", str(out)]
    assert run_cli(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["seeds"] == [1, 2, 3] and [p["first"] for p in told["periods"]] == ["2023-01", "2023-03"]
    assert set(told["files"]) == files(out) == {"manifest.json", "scenario.toml", "summary.txt"}
    labs = told["periods"][1]["layers"]["labs"]
    sums = [Market("tiny", rng=seed).run(14).path("labs.revenue")[2:].sum() for seed in (1, 2, 3)]
    assert labs["revenue"]["median"] == pytest.approx(np.median(sums), rel=1e-5)
    assert sum(labs["leaders"].values()) == 3 and 0 < labs["leader_share"]["median"] <= 1
    assert any(name.startswith("rent of a GPU-hour") for name in told["periods"][0]["figures"])


BATCH = """
scenario = "tiny"
months = 4
replications = 3
[arms.control]
[arms.more]
events = ["2023-02: scale foundry.fab.capacity 3"]
[outcomes.lead]
metric = "market.lead_time"
smallest_effect = 0.5
"""


def test_a_batch_shown_with_other_pictures_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b.toml").write_text(BATCH)
    out = str(tmp_path / "out")
    assert run_cli(["run", str(tmp_path / "b.toml"), "--engine", "serial", "--out", out]) == 0
    capsys.readouterr()
    assert run_cli(["show", out, "--json", "--pictures", "verdicts,arms", "--format", "pdf"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {row["arm"] for row in told["by_arm"]} == {"control", "more"} and told["verdicts"][0]["outcome"] == "lead"
    drawn = {f for f in files(tmp_path / "out") if f.startswith("pictures/")}
    assert drawn == {"pictures/verdicts.pdf", "pictures/verdicts.csv", "pictures/arms.pdf", "pictures/arms.csv"}
    effect: Any = pd.read_csv(tmp_path / "out" / "pictures" / "verdicts.csv").iloc[0]
    assert effect["mean"] == pytest.approx(told["verdicts"][0]["estimate"], rel=1e-5) and effect["smallest"] == 0.5
    assert run_cli(["show", out, "--pictures", "verdict"]) == 2
    assert "did you mean verdicts" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "clue"),
    [
        (["--save", "ledgr"], "did you mean ledger"),
        (["--pictures", "pricess"], "did you mean prices"),
        (["--format", "gif"], "valid: png, svg, pdf"),
        (["--format", ","], "one or more of png"),
    ],
)
def test_mistakes_are_one_line(
    options: list[str], clue: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cli([*SIMULATE, *options, "--out", str(tmp_path / "x")]) == 2
    told = capsys.readouterr().err
    assert clue in told and len(told.splitlines()) == 1 and not list(tmp_path.iterdir())


def test_lists_of_names() -> None:
    assert read_kept("firms, market", KEYS, DEFAULT) == ("market", "firms") and read_kept(None, KEYS, ()) == ()
    assert Pictures.read("all", None) == Pictures() and Pictures.read("none", "png,pdf").formats == ("png", "pdf")
    with pytest.raises(InputError, match="did you mean shares"):
        Pictures.read("share", None).check(["shares"])


def test_the_names_of_pictures_are_those_that_there_are() -> None:
    from moatlab import show
    from moatlab.cli.chosen import FORMATS, PICTURES
    from moatlab.show import style

    assert tuple(show.PICTURES) == PICTURES and tuple(style.FORMATS) == FORMATS


@pytest.mark.slow
def test_the_default_folder_of_16_seeds_is_below_25_megabytes(tmp_path: Path) -> None:
    assert run_cli(["simulate", "essay-2023", "--seeds", "16", "--out", str(tmp_path / "run")]) == 0
    assert sum(path.stat().st_size for path in (tmp_path / "run").rglob("*") if path.is_file()) < 25e6


def test_owners_kept_by_default_are_those_who_once_mattered(tmp_path: Path) -> None:
    command = ["simulate", "essay-2023", "--months", "13", "--pictures", "none"]
    assert run_cli([*command, "--out", str(tmp_path / "some")]) == 0
    assert run_cli([*command, "--save", "owners", "--out", str(tmp_path / "all")]) == 0
    some, every = (pd.read_parquet(tmp_path / name / "owners.parquet") for name in ("some", "all"))
    size = every["generative_profit"].abs()
    share = size / size.groupby(every["month"]).transform("sum")
    weighty = {str(owner) for owner, largest in share.groupby(every["owner"]).max().items() if largest >= 0.05}
    assert set(some["owner"]) == weighty < set(every["owner"])
    assert {"microsoft", "google", "openai", "nvidia"} <= weighty and "cohere" not in weighty
