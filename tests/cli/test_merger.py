"""`moatlab merger`, `moatlab elasticity` and shocks in `moatlab whatif`: sentences, tables, JSON, mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from moatlab.cli.main import run_cli


def test_a_merger_is_told_in_sentences_and_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "deal"
    command = ["merger", "tiny", "writer", "assistant", "--month", "2023-07", "--after", "12", "--seeds", "3", "--out",
               str(out)]  # fmt: skip
    assert run_cli(command) == 0
    told = " ".join(capsys.readouterr().out.split())
    for words in ("apps.writer and apps.assistant merge", "In users.copy the HHI goes from", "guidelines of 2023",
                  "in an agency's simulation", "12 months after the deal", "3 pairs of runs", "GUPPI",
                  str(out)):  # fmt: skip
        assert words in told, words
    names = {"concentration", "screens", "prices", "pairs", "market_definition", "effects"}
    assert names <= {path.stem for path in out.glob("*.csv")}
    screens = pd.read_csv(out / "screens.csv").set_index("app")
    assert (screens["at_rest"] > 0.0).all() and (screens["guppi"] > 0.0).all()
    pairs = pd.read_csv(out / "pairs.csv")
    both = pairs[(pairs["from"] == "apps.writer") & (pairs["to"] == "apps.assistant")].iloc[0]
    assert both["diversion"] == pytest.approx(screens.loc["apps.writer", "diversion"])
    assert set(pd.read_csv(out / "effects.csv")["months_after"]) == {12}
    # The same command goes on from what is stored, and says the same as JSON.
    assert run_cli([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["month"] == "2023-07" and found["screens"][0]["app"] == "apps.writer"
    assert found["concentration"][0]["presumed"] is True and len(found["sentences"]) >= 3


def test_a_stake_a_saving_and_a_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rest = ["--month", "6", "--seeds", "0", "--out", str(tmp_path / "x"), "--json"]

    def guppi(*options: str) -> float:
        assert run_cli(["merger", "tiny", "writer", "assistant", *options, *rest]) == 0
        return float(json.loads(capsys.readouterr().out)["screens"][0]["guppi"])

    whole = guppi()
    assert guppi("--stake", "0.25") == pytest.approx(whole / 4, rel=1e-4)
    assert guppi("--saving", "0.1") < whole
    assert run_cli(["merger", "tiny", "writer", "painter", *rest[:-1]]) == 0
    assert "sell in no common category" in capsys.readouterr().out


def test_deals_of_other_layers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rest = ["--month", "6", "--seeds", "2", "--after", "12", "--out"]
    assert run_cli(["merger", "tiny", "large", "small", *rest, str(tmp_path / "a")]) == 0
    told = capsys.readouterr().out
    assert "In clouds the HHI goes" in told and "12 months after the deal" in told
    assert run_cli(["merger", "tiny", "closed", "commons", *rest, str(tmp_path / "b")]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "no rule for common ownership of labs" in told and "labs.commons" in told and "12 months after" not in told
    assert run_cli(["merger", "tiny", "large", "closed", "--stake", "0.3", *rest, str(tmp_path / "c")]) == 0
    assert "clouds.large gets 30 % of the revenue of labs.closed" in capsys.readouterr().out
    assert run_cli(["merger", "tiny", "small", "leader", *rest, str(tmp_path / "d")]) == 0
    assert "12 months after the deal" in capsys.readouterr().out


def test_elasticities_are_a_table_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["elasticity", "tiny", "labs.closed", "--month", "6", "--after", "1", "--after", "3", "--seeds", "2"]
    assert run_cli(command) == 0
    told = capsys.readouterr().out
    assert "labs.closed" in told and "+1 % in 2023-07, 2 pairs of runs of tiny" in told
    assert run_cli([*command, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["elasticities"]
    assert [row["months_after"] for row in rows] == [1, 3]


def test_a_shock_is_a_what_if(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["whatif", "tiny", "--shock", "hosts.hub=1.5", "--month", "2023-04", "--seeds", "2", "--months", "8",
               "--pictures", "none", "--out", str(tmp_path / "s")]  # fmt: skip
    assert run_cli(command) == 0
    told = capsys.readouterr().out
    assert "hosts.hub.price" in told


@pytest.mark.parametrize(
    ("command", "clue"),
    [(["merger", "tiny", "writer", "assistant", "--month", "30"], "--month"),
     (["merger", "tiny", "writer", "assistant", "--seeds", "1"], "--seeds"),
     (["merger", "tiny", "writer", "assistant", "--after", "3"], "--after"),
     (["merger", "tiny", "writer", "assistant", "--month", "20", "--after", "60"], "--after"),
     (["merger", "tiny", "writer", "hub"], "two apps can merge"),
     (["merger", "tiny", "writer", "writer"], "one company already"),
     (["merger", "essay-2023", "google", "jasper"], "apps.google or labs.google"),
     (["merger", "tiny", "writer", "painter", "--remedy", "painter"], "nothing is left"),
     (["merger", "tiny", "wrtier", "assistant"], "wrtier"),
     (["elasticity", "tiny", "--seeds", "1"], "--seeds"),
     (["whatif", "tiny", "--shock", "hosts.hub"], "SELLER=FACTOR"),
     (["whatif", "tiny", "--shock", "labs.closed=0"], "shock.factor")],
)  # fmt: skip
def test_mistakes_are_one_line(command: list[str], clue: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(command) == 2
    told = capsys.readouterr().err
    assert clue in told and told.count("\n") == 1
