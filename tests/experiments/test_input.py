"""Bad experiments: one clear line each, before any run starts; and no traceback from mutated files."""

from __future__ import annotations

import random
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from moatlab import Experiment, InputError, Scenario
from moatlab.cli.main import run_cli

BASE: dict[str, Any] = {
    "scenario": "tiny",
    "arms": {"control": {}, "more": {"events": ["month 3: scale foundry.fab.capacity 2"]}},
    "outcomes": {"rent": {"metric": "market.rent"}},
}
LATIN = {"kind": "latin", "samples": 4}
#: Changes to a sound experiment, and words of the complaint.
BAD: list[tuple[dict[str, Any], list[str]]] = [
    ({"replicatons": 3}, ["replicatons", "replications"]),
    ({"replications": 0}, ["replications", "1"]),
    ({"replications": 2.5}, ["replications", "whole number"]),
    ({"replications": True}, ["replications"]),
    ({"replications": 10**9}, ["replications"]),
    ({"replications": 900_000}, ["1800000 runs"]),
    ({"months": 0}, ["months"]),
    ({"seed": -1}, ["seed"]),
    ({"time_limit": 0}, ["time_limit"]),
    ({"scenario": "tyny"}, ["tyny", "tiny"]),
    ({"scenario": "tyny.toml"}, ["tyny.toml"]),
    ({"scenario": 3}, ["scenario", "3"]),
    ({"outcomes": {}}, ["outcomes"]),
    ({"outcomes": {"rent": {}}}, ["metric", "missing"]),
    ({"outcomes": {"rent": {"metric": "market.rnt"}}}, ["outcomes.rent", "market.rnt", "market.rent"]),
    ({"outcomes": {"rent": {"metric": "labs.closd.share"}}}, ["labs.closed.share"]),
    ({"outcomes": {"rent": {"metric": "labs.*.share"}}}, ["several"]),
    ({"outcomes": {"rent": {"metric": "apps.writer.source"}}}, ["apps.writer.source"]),
    ({"outcomes": {"rent": {"metric": "market.rent", "months": [3, 24]}}}, ["beyond", "24 months"]),
    ({"outcomes": {"rent": {"metric": "market.rent", "months": [9, 3]}}}, ["[9, 3]"]),
    ({"outcomes": {"rent": {"metric": "market.rent", "months": 9}}}, ["[first, last]"]),
    ({"outcomes": {"rent": {"metric": "market.rent", "reduce": "men"}}}, ["mean"]),
    ({"outcomes": {"rent": {"metric": "market.rent", "smallest_effect": -1}}}, ["smallest_effect"]),
    ({"outcomes": {"Rent!": {"metric": "market.rent"}}}, ["Rent!"]),
    ({"paths": ["market.rnt"]}, ["paths", "market.rent"]),
    ({"paths": ["labs.*.shre"]}, ["labs.closed.shre"]),
    ({"set": {"foundry.fab.capacty": 1.0}}, ["capacity"]),
    ({"set": {"apps.rnd_share": 7}}, ["0 to 1"]),
    ({"arms": {"control": {}, "more": {}}}, ["arms.more", "changes nothing", "control"]),
    ({"arms": {"a": {"set": {"apps.entry_rate": 1.0}}, "b": {"set": {"apps.entry_rate": 1}}}}, ["arms.b", "arms.a"]),
    ({"arms": {"control": {}, "more": {"set": {"apps.entry_rate": 0.3}}}}, ["arms.more", "same"]),
    ({"arms": {"control": {}, "more": {"sets": {}}}}, ["sets", "set"]),
    ({"arms": {"control": {}, "more": {"events": ["month 30: set apps.entry_rate 1"]}}}, ["beyond", "24"]),
    ({"arms": {"control": {}, "more": {"events": ["tomorrow: rain"]}}}, ["arms.more", "rain"]),
    ({"arms": {"control": {}, "more": {"set": {"apps.writer.prise": 3.0}}}}, ["arms.more", "price"]),
    ({"arms": {"control": {}, "more": {"replace": {"labs.closed": "LossLeader"}}}}, ["agent class"]),
    ({"uncertainties": {"apps.entry_rate": [0.5, 0.1]}, "design": LATIN}, ["upside down"]),
    ({"uncertainties": {"apps.entry_rate": [-1.0, 0.1]}, "design": LATIN}, ["apps.entry_rate", "-1"]),
    ({"uncertainties": {"apps.entry_rat": [0.1, 0.5]}, "design": LATIN}, ["entry_rate"]),
    ({"uncertainties": {"apps.entry_rate": [0.1, 0.5]}}, ["design"]),
    ({"uncertainties": {"apps.entry_rate": {"low": 0.0, "high": 1.0, "scale": "log"}}, "design": LATIN}, ["above 0"]),
    ({"design": LATIN}, ["uncertainties"]),
    ({"design": {"kind": "latn"}}, ["latin"]),
    ({"design": {"kind": "sobol", "samples": 6}, "uncertainties": {"apps.entry_rate": [0.1, 0.5]}}, ["power of 2"]),
    ({"design": {"kind": "grid"}, "uncertainties": {"apps.entry_rate": [0.1, 0.5]}}, ["values"]),
    ({"design": {"kind": "chosen"}}, ["points"]),
    ({"design": {"kind": "chosen", "points": [{"apps.entry_rate": 1.0}, {}]}}, ["point 1"]),
    ({"design": {"kind": "chosen", "points": [{"apps.entry_rate": 1.0}] * 2}}, ["alike"]),
    ({"design": {"kind": "chosen", "points": [{"foundry.fab.capacity": -2.0}]}}, ["foundry.fab.capacity"]),
    (
        {
            "design": LATIN,
            "uncertainties": {"users.*.network_taste": [0.1, 0.5], "users.copy.network_taste": [0.1, 0.5]},
        },
        ["same value"],
    ),
    (
        {
            "design": LATIN,
            "set": {"users.copy.network_taste": 0.3},
            "uncertainties": {"users.*.network_taste": [0.1, 0.5]},
        },
        ["one of the two"],
    ),
]


@pytest.mark.parametrize(("changes", "clues"), BAD)
def test_each_mistake_gets_one_line(changes: dict[str, Any], clues: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        _ = Experiment.from_dict({**BASE, **changes}, "trial.toml").plan
    told = str(caught.value)
    assert "\n" not in told and told.startswith("trial.toml") and len(told) < 600
    for clue in clues:
        assert clue in told


def test_an_arm_may_not_set_what_is_uncertain() -> None:
    tables = {**BASE, "design": LATIN, "uncertainties": {"users.*.network_taste": [0.1, 0.5]}}
    tables["arms"] = {"control": {}, "more": {"set": {"users.copy.network_taste": 0.2}}}
    with pytest.raises(InputError, match=r"arms.more: users.copy.network_taste"):
        Experiment.from_dict(tables)


def test_a_contradiction_at_one_point_is_named() -> None:
    tables = {**BASE, "set": {"apps.marketing_share": 0.5}, "design": LATIN,
              "uncertainties": {"apps.rnd_share": [0.1, 0.9]}}  # fmt: skip
    with pytest.raises(InputError, match="more than 1"):
        _ = Experiment.from_dict(tables).plan


MISTAKES = [
    (["run", "none.toml"], "none.toml"),
    (["run", "trial.toml", "--engine", "dusk"], "dask"),
    (["run", "trial.toml", "--workers", "0"], "workers"),
    (["run", "trial.toml", "--only", "mor"], "more"),
    (["run", "trial.toml", "--replications", "0"], "replications"),
    (["run", "trial.toml", "--scheduler", "tcp://127.0.0.1:1"], "dask"),
    (["run", "trial.toml", "--reuse", "nowhere", "--engine", "serial", "--out", "out"], "nowhere"),
    (["run", "trial.toml", "--out", "trial.toml"], "not a folder"),
    (["run", "trial.toml", "--enjine", "serial"], "--engine"),
    (["run", "."], "no experiment file"),
    (["status", "nowhere"], "nowhere"),
    (["show", "nowhere"], "nowhere"),
    (["rerun", "nowhere", "abc"], "nowhere"),
    (["rerun", "nowhere"], "key"),
]


@pytest.mark.parametrize(("arguments", "clue"), MISTAKES)
def test_the_command_line_complains_in_one_line(
    arguments: list[str], clue: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    trial = tmp_path / "trial.toml"
    trial.write_text('scenario = "tiny"\n[arms.control]\n[arms.more]\nset = { "apps.entry_rate" = 1.0 }\n'
                     '[outcomes.rent]\nmetric = "market.rent"\n')  # fmt: skip
    assert run_cli(arguments) == 2
    told = capsys.readouterr()
    assert len(told.err.strip().splitlines()) == 1 and clue in told.err and not told.out


SOUND = """
name = "sound"
question = "what does capacity do?"
scenario = "{scenario}"
months = 4
replications = 1
seed = 7
time_limit = 30.0
paths = ["labs.*.share", "market.hype"]
events = ["month 1: scale foundry.fab.capacity 1.1"]

[set]
"apps.entry_rate" = 0.4

[arms.control]
[arms.more]
meaning = "twice the capacity"
events = ["month 2: scale foundry.fab.capacity 2"]
[arms.dear]
set = {{ "labs.closed.price" = 40.0, "users.*.network_taste" = 0.3 }}

[uncertainties]
"apps.overhead" = [0.1, 0.2]
"users.copy.market_size" = {{ low = 2.0, high = 8.0, scale = "log" }}
"apps.attachment" = {{ values = ["uniform", "preferential"] }}

[design]
kind = "latin"
samples = 2
seed = 3

[outcomes.rent]
metric = "market.rent"
months = [1, 3]
reduce = "mean"
predicted = "lower"
smallest_effect = 0.1

[outcomes.share]
metric = "apps.writer.share"
reduce = "last"
"""


def test_months_of_outcomes_by_the_calendar() -> None:
    def outcome(months: list[object], **more: object) -> dict[str, object]:
        return {
            "scenario": "tiny",
            "months": 6,
            "outcomes": {"rent": {"metric": "market.rent", "months": months}},
            **more,
        }

    dated = Experiment.from_dict(outcome(["2023-02", "2023-04"]))
    assert dated.outcomes["rent"].months == (1, 3)
    assert dated.plan.keys == Experiment.from_dict(outcome([1, 3])).plan.keys
    bad: list[tuple[list[object], str]] = [
        (["2022-12", 3], "outcomes.rent.months: 2022-12 comes before"),
        (["2023-02", "soon"], "2025-01"),
        (["2023-02", "2023-09"], "beyond the run"),
    ]
    for months, says in bad:
        with pytest.raises(InputError, match=says):
            Experiment.from_dict(outcome(months))


WORDS = [
    "0", "-1", "1e309", "nan", "inf", "true", '""', '"x"', "[]", "{}", "[[]]", "1979-05-27", "07:32:00", "9" * 20,
    "'labs.*.share'", '"\\u0000"', "[1, 'a']", "{ a = 1 }", "0.5", "12", '"tiny"', "1_0", "0x10", "-0.0",
]  # fmt: skip


def mutate(text: str, draw: random.Random) -> str:
    """A file with one to three things wrong, or not: values, keys, lines, characters."""
    lines = text.split("\n")
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(lines))
        how = draw.randrange(8)
        if how == 0:
            del lines[at]
        elif how == 1:
            lines.insert(at, lines[draw.randrange(len(lines))])
        elif how == 2 and "=" in lines[at]:
            lines[at] = lines[at].partition("=")[0] + "= " + draw.choice(WORDS)
        elif how == 3 and lines[at]:
            place = draw.randrange(len(lines[at]))
            lines[at] = lines[at][:place] + draw.choice("[]{}=\"'.,#\\ \t\x00é*-9a") + lines[at][place + 1 :]
        elif how == 4:
            lines[at] = re.sub(r"-?\d+(\.\d+)?", lambda m: draw.choice(WORDS), lines[at], count=1)
        elif how == 5:
            words = re.findall(r"[a-z_]{3,}", lines[at])
            if words:
                word = draw.choice(words)
                lines[at] = lines[at].replace(
                    word, draw.choice([word[:-1], word * 2, word.upper(), draw.choice(WORDS)])
                )
        elif how == 6:
            other = draw.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        elif how == 7:
            lines[at] = lines[at][: draw.randint(0, len(lines[at]))]
        if not lines:
            lines = [""]
    return "\n".join(lines)


def try_files(count: int, folder: Path, capsys: pytest.CaptureFixture[str], run: int) -> None:
    """Every ``run``-th sound one is run as well; none may end in anything but a result or one line."""
    draw = random.Random(count)
    scenario = files("moatlab.scenario").joinpath("scenarios", "tiny.toml").read_text(encoding="utf-8")
    codes = {0: 0, 1: 0, 2: 0}
    for index in range(count):
        market, trial = folder / "market.toml", folder / "trial.toml"
        about_market = index % 2 == 1
        market.write_text(mutate(scenario, draw) if about_market else scenario, encoding="utf-8")
        text = SOUND.format(scenario="market.toml")
        trial.write_text(text if about_market else mutate(text, draw), encoding="utf-8")
        command = ["run", str(trial), "--out", str(folder / f"out-{index}"), "--dry-run"]
        code = run_cli(command)
        told = capsys.readouterr()
        if code == 0 and index % run == 0:
            code = run_cli([*command[:-1], "--engine", "serial", "--replications", "1"])
            told = capsys.readouterr()
        codes[code] += 1
        assert "Traceback" not in told.err + told.out
        if code == 2:
            assert len(told.err.strip().splitlines()) == 1, told.err
    assert codes[0] > count / 20 and codes[2] > count / 5, codes


def test_mutated_files_give_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Scenario("tiny").slugs("labs") == ("closed", "commons")
    try_files(150, tmp_path, capsys, run=25)


@pytest.mark.slow
def test_a_thousand_mutated_files_give_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try_files(1000, tmp_path, capsys, run=10)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a" + ".a" * 20_000 + " = 1", "a key of more than 16 parts (line 1)"),
        ("months = " + "9" * 400, "months: a whole number is beyond"),
        ("months = " + "9" * 5000, "a whole number is beyond"),
        ("months = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("x" * 1_000_000 + " = 1", "unknown key 'xxx"),
    ],
)
def test_a_file_beyond_the_limits_is_one_line(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "trial.toml"
    path.write_text(text, encoding="utf-8")
    assert run_cli(["run", str(path), "--dry-run", "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err.strip()
    assert says in told and len(told.splitlines()) == 1 and len(told) < 2500
    assert not (tmp_path / "out").exists()
