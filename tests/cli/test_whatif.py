"""`moatlab whatif` and `moatlab sensitivity`: what they write, and one line for every mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from moatlab import Market, Scenario
from moatlab.cli.main import run_cli

EVENT = "month 4: scale foundry.fab.capacity 3"
FILE = """
scenario = "tiny"
months = 10
[design]
kind = "morris"
samples = 3
[uncertainties]
"foundry.fab.capacity" = [3.0, 12.0]
"apps.entry_rate" = [0.1, 0.6]
[outcomes.lead]
metric = "market.lead_time"
[outcomes.rent]
metric = "market.rent"
"""


def test_whatif_writes_effects_paths_and_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "more"
    command = ["whatif", "tiny", "--event", EVENT, "--set", "apps.writer.brand=1", "--seeds", "3", "--months", "12",
               "--metric", "market.lead_time", "--smallest", "market.rent=0.5", "--out", str(out)]  # fmt: skip
    assert run_cli(command) == 0
    told = capsys.readouterr().out
    assert "2023-05: scale foundry.fab.capacity 3" in told and "apps.writer.brand = 1" in told
    assert "3 pairs of runs of 12 months, 2023-01 to 2023-12; monthly means of 2023-01 to 2023-12" in " ".join(
        told.split()
    )
    assert str(out) in told
    effects: Any = pd.read_csv(out / "effects.csv").set_index("outcome")
    wanted = {"market.consumer_surplus", "market.surplus", "apps.price", "labs.api_price", "market.rent",
              "apps.writer.share", "foundry.fab.price", "users.copy.consumer_surplus", "market.lead_time"}  # fmt: skip
    assert wanted <= set(effects.index)
    assert effects.loc["apps.writer.share", "estimate"] > 0.0 and effects.loc["market.rent", "smallest"] == 0.5
    paths = pd.read_parquet(out / "paths.parquet")
    for metric in ("apps.writer.price", "apps.writer.gross_profit"):
        mine = paths[paths["metric"] == metric]
        means = mine.groupby("seed")["difference"].mean()
        assert effects.loc[metric, "estimate"] == pytest.approx(means.mean())
    pictures = {p.name for p in (out / "pictures").iterdir()}
    assert {"effects.png", "market.lead_time.png", "market.consumer_surplus.png", "apps.writer.share.png"} <= pictures
    about = json.loads((out / "whatif.json").read_text())
    assert about["seeds"] == [1, 2, 3] and set(about["files"]) >= {"effects.csv", "paths.parquet", "whatif.json"}
    # The scenario that is written is the changed one.
    assert run_cli(["whatif", str(out / "scenario.toml"), "--set", "apps.writer.brand=1", "--event", EVENT, "--seeds",
                    "3", "--months", "12", "--out", str(tmp_path / "again")]) == 0  # fmt: skip
    again: Any = pd.read_csv(tmp_path / "again" / "effects.csv").set_index("outcome")
    assert again.loc["apps.price", "estimate"] == effects.loc["apps.price", "estimate"]


def test_mergers_and_divestitures_happen_at_the_start_or_in_a_month(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def short(name: str) -> list[str]:
        return ["--seeds", "2", "--months", "8", "--out", str(tmp_path / name)]

    assert run_cli(["whatif", "tiny", "--merge", "writer", "apps.assistant", "--month", "3", *short("a")]) == 0
    told = capsys.readouterr().out
    assert "2023-04: set apps.writer.company writer" in told and "means of 2023-04 to 2023-08" in " ".join(told.split())
    assert "apps.assistant.price" in told and "users.copy.hhi" in told
    assert run_cli(["whatif", "tiny", "--divest", "assistant", *short("b")]) == 0
    assert 'apps.assistant.owner = ""' in capsys.readouterr().out
    assert run_cli(["whatif", "tiny", "--divest", "assistant", "--month", "2", *short("c")]) == 0
    assert '2023-03: set apps.assistant.owner ""' in capsys.readouterr().out
    assert run_cli(["whatif", "tiny", "--divest", "assistant", "--month", "2023-03", "--window", "4", "2023-07",
                    *short("d")]) == 0  # fmt: skip
    told = capsys.readouterr().out
    assert '2023-03: set apps.assistant.owner ""' in told and "means of 2023-05 to 2023-07" in " ".join(told.split())


def test_sentences_units_horizon_and_leaders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["whatif", "tiny", "--event", EVENT, "--set", "apps.writer.brand=1", "--seeds", "3", "--months", "24",
               "--metric", "labs.closed.leads", "--metric", "apps.writer.rank",
               "--out", str(tmp_path / "a")]  # fmt: skip
    assert run_cli([*command, "--pictures", "none"]) == 0
    told = capsys.readouterr().out
    assert "3 pairs of runs of 24 months, 2023-01 to 2024-12" in told and "On average of 2023-01 to 2024-12, " in told
    assert "95 % interval" in told and "Who has the layer's largest revenue" in told
    rows = {line.split("  ")[0].strip(): line for line in told.splitlines()}
    assert " % " in rows["labs.closed.leads"] and "$ per GPU-hour" in rows["market.rent"]
    assert not (tmp_path / "a" / "pictures").exists()
    leaders: Any = pd.read_csv(tmp_path / "a" / "leaders.csv", keep_default_na=False)
    for layer, mine in leaders.groupby("layer"):
        assert mine["without"].sum() == pytest.approx(1.0, abs=0.06) and len(mine), layer
    effects: Any = pd.read_csv(tmp_path / "a" / "effects.csv").set_index("outcome")
    runs = [Market("tiny", rng=seed).run(24) for seed in (1, 2, 3)]
    mean = sum(float(run.path("labs.closed.leads").mean()) for run in runs) / 3
    assert effects.loc["labs.closed.leads", "baseline"] == pytest.approx(mean)
    assert effects.loc["labs.closed.leads", "unit_of_outcome"] == "probability"
    assert run_cli([*command, "--json", "--pictures", "effects", "--format", "svg"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["horizon"] == ["2023-01", "2024-12"] and len(data["sentences"]) == 2 and data["leaders"]
    assert {p.name for p in (tmp_path / "a" / "pictures").iterdir()} == {"effects.svg", "effects.csv"}


def test_two_scenario_files_against_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / "one.toml", tmp_path / "two.toml"]
    tiny = Scenario("tiny")
    other = tiny.set({"foundry.fab.capacity": 12.0}).to_toml()
    files[0].write_text(tiny.to_toml().replace('name = "tiny"', 'name = "one"'))
    files[1].write_text(other.replace('name = "tiny"', 'name = "two"'))
    short = ["--seeds", "2", "--months", "8", "--pictures", "none"]
    assert (
        run_cli(["whatif", *map(str, files[:1]), "--against", str(files[1]), *short, "--out", str(tmp_path / "o")]) == 0
    )
    told = capsys.readouterr().out
    assert "Change: two instead of one; foundry.fab.capacity = 12.0" in told
    mine: Any = pd.read_csv(tmp_path / "o" / "effects.csv").set_index("outcome")
    assert run_cli(["whatif", "tiny", "--set", "foundry.fab.capacity=12", *short, "--out", str(tmp_path / "p")]) == 0
    set_: Any = pd.read_csv(tmp_path / "p" / "effects.csv").set_index("outcome")
    assert mine.loc["market.rent", "estimate"] == set_.loc["market.rent", "estimate"]
    capsys.readouterr()
    assert run_cli(["whatif", str(files[0]), "--against", str(files[0]), *short]) == 2
    assert "is the same market" in capsys.readouterr().err
    late = tmp_path / "late.toml"
    late.write_text(other.replace('start = "2023-01"', 'start = "2024-01"'))
    assert run_cli(["whatif", "tiny", "--against", str(late), *short, "--out", str(tmp_path / "q")]) == 2
    assert "begins in 2023-01" in capsys.readouterr().err
    assert run_cli(["whatif", "tiny", "--against", "essay-2023", "--metric", "labs.closed.price", *short]) == 2
    assert "essay-2023" in capsys.readouterr().err


def test_two_batches_against_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = """
scenario = "tiny"
months = 6
seeds = [1, 2, 3]
[arms.control]
[arms.more]
events = ["2023-02: scale foundry.fab.capacity 3"]
[outcomes.lead]
metric = "market.lead_time"
smallest_effect = 0.1
[outcomes.share]
metric = "clouds.value_share"
"""
    changed = text.replace("[arms.control]", "[arms.control]\nset = { 'foundry.fab.capacity' = 12.0 }")
    changed = changed.replace("[1, 2, 3]", "[3, 2, 9]").replace(
        'clouds.value_share"', 'clouds.value_share"\nreduce = "last"'
    )
    for name, file in (("a", text), ("b", changed)):
        (tmp_path / f"{name}.toml").write_text(file)
        assert (
            run_cli(["run", str(tmp_path / f"{name}.toml"), "--engine", "serial", "--out", str(tmp_path / name)]) == 0
        )
    capsys.readouterr()
    pair = [str(tmp_path / "a"), "--against", str(tmp_path / "b")]
    assert run_cli(["whatif", *pair, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    # Two seeds are shared, whatever their order; what the files declare differently is left out and said.
    assert data["pairs"] == {"control": 2, "more": 2} and "share" in data["notes"][0]
    runs = [[Market(s, rng=seed).run(6).path("market.lead_time").mean() for seed in (2, 3)]
            for s in ("tiny", Scenario("tiny").set({"foundry.fab.capacity": 12.0}))]  # fmt: skip
    by_arm = {row["arm"]: row for row in data["effects"]}
    difference = (sum(runs[1]) - sum(runs[0])) / 2
    assert by_arm["control"]["estimate"] == pytest.approx(difference, rel=1e-5) and difference < 0
    assert by_arm["more"]["estimate"] == 0.0 and by_arm["more"]["verdict"] == "the same"
    assert run_cli(["whatif", *pair, "--arm", "control", "--out", str(tmp_path / "o"), "--format", "svg"]) == 0
    told = capsys.readouterr().out
    assert "second less first" in told and "months" in told and (tmp_path / "o" / "pictures" / "effects.svg").exists()
    for wrong, clue in ((["--arm", "mor"], "did you mean more"), (["--event", EVENT], "--event"),
                        (["--pictures", "effect"], "did you mean effects")):  # fmt: skip
        assert run_cli(["whatif", *pair, *wrong]) == 2
        assert clue in capsys.readouterr().err
    assert run_cli(["whatif", pair[0], "--against", pair[0]]) == 2
    assert "with itself" in capsys.readouterr().err
    (tmp_path / "b.toml").write_text(changed.replace("[3, 2, 9]", "[7, 8, 9]"))
    assert run_cli(["run", str(tmp_path / "b.toml"), "--engine", "serial", "--out", str(tmp_path / "c")]) == 0
    capsys.readouterr()
    assert run_cli(["whatif", pair[0], "--against", str(tmp_path / "c")]) == 2
    assert "same seeds" in capsys.readouterr().err


MISTAKES = [
    (["whatif", "tiny"], "nothing is changed"),
    (["whatif", "tinny", "--event", EVENT], "tiny"),
    (["whatif", "tiny", "--event", "month 4: scale foundry.fab.capcity 3"], "capacity"),
    (["whatif", "tiny", "--set", "users.crowding=0.3"], "nothing is changed"),
    (["whatif", "tiny", "--merge", "writer"], "--merge"),
    (["whatif", "tiny", "--merge", "writer", "paintr"], "kind"),
    (["whatif", "tiny", "--merge", "apps.writer", "apps.paintr"], "painter"),
    (["whatif", "tiny", "--merge", "writer", "writer"], "already"),
    (["whatif", "tiny", "--divest", "writer"], "no company"),
    (["whatif", "tiny", "--event", EVENT, "--month", "3"], "--month"),
    (["whatif", "tiny", "--merge", "writer", "painter", "--month", "99"], "beyond the run"),
    (["whatif", "tiny", "--event", EVENT, "--metric", "market.rnt"], "market.rent"),
    (["whatif", "tiny", "--event", EVENT, "--metric", "apps.writer.source"], "apps.writer.source"),
    (["whatif", "tiny", "--event", EVENT, "--smallest", "market.rent"], "METRIC=SIZE"),
    (["whatif", "tiny", "--event", EVENT, "--smallest", "market.rent=-1"], "above 0"),
    (["whatif", "tiny", "--event", EVENT, "--smallest", "market.rennt=1"], "market.rent"),
    (["whatif", "tiny", "--event", EVENT, "--window", "9", "3"], "0-23"),
    (["whatif", "tiny", "--event", EVENT, "--window", "3", "24"], "0-23"),
    (["whatif", "tiny", "--event", EVENT, "--window", "2024-06", "2026-01"], "2023-01 to 2024-12"),
    (["whatif", "tiny", "--event", EVENT, "--window", "2022-06", "3"], "before the scenario"),
    (["whatif", "tiny", "--merge", "writer", "painter", "--month", "2023-14"], "01 to 12"),
    (["whatif", "tiny", "--event", EVENT, "--seeds", "1"], "--seeds"),
    (["whatif", "tiny", "--event", EVENT, "--seed", "-1"], "--seed"),
    (["whatif", "tiny", "--event", EVENT, "--months", "0"], "months"),
    (["whatif", "tiny", "--event", EVENT, "--months", "3"], "beyond the run"),
    (["whatif", "tiny", "--event", EVENT, "--workers", "0"], "workers"),
    (["sensitivity", "none.toml"], "none.toml"),
    (["sensitivity", "latin.toml"], "morris"),
    (["sensitivity", "morris.toml", "--outcome", "leed", "--engine", "serial"], "lead"),
    (["sensitivity", "morris.toml", "--arm", "treated"], "no arm"),
    (["sensitivity", "morris.toml", "--engine", "cloud"], "engine"),
    (["sensitivity", "."], "batch"),
]


@pytest.mark.parametrize(("arguments", "clue"), MISTAKES)
def test_mistakes_get_one_line(
    arguments: list[str], clue: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "morris.toml").write_text(FILE)
    (tmp_path / "latin.toml").write_text(FILE.replace("morris", "latin"))
    assert run_cli(arguments) == 2
    told = capsys.readouterr()
    assert len(told.err.strip().splitlines()) == 1 and clue in told.err and "Traceback" not in told.err
    assert {p.name for p in tmp_path.iterdir()} <= {"morris.toml", "latin.toml"}


def test_sensitivity_runs_what_is_lacking_and_analyses_a_batch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("SALib")
    file, out = tmp_path / "which.toml", tmp_path / "out"
    file.write_text(FILE)
    assert run_cli(["sensitivity", str(file), "--engine", "serial", "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "lead, control (morris, 9 points, 1 seed each)" in told and "mu*" in told
    table = pd.read_csv(out / "tables" / "sensitivity.csv")
    assert len(table) == 4 and set(table["outcome"]) == {"lead", "rent"}
    lead: Any = table[table["outcome"] == "lead"].set_index("parameter")
    assert lead.loc["foundry.fab.capacity", "mu"] < -1.0
    assert (out / "pictures" / "sensitivity.png").stat().st_size > 10_000
    parts = sorted((out / "runs").iterdir())
    assert run_cli(["sensitivity", str(out), "--outcome", "rent"]) == 0
    assert "lead, control" not in capsys.readouterr().out and sorted((out / "runs").iterdir()) == parts
