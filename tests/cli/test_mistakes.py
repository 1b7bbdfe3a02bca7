"""Whatever the user got wrong is one clear line and exit code 2, and nothing half-written stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moatlab.cli.main import run_cli
from moatlab.scenario.reading import LONGEST

SET, EVENT = ["simulate", "tiny", "--set"], ["simulate", "tiny", "--event"]

#: What is typed, and what the line has to say.
MISTAKES: list[tuple[list[str], tuple[str, ...]]] = [
    # names, with the nearest
    (["simulat", "tiny"], ("simulat", "did you mean simulate")),
    (["simulate", "esay-2023"], ("esay-2023", "did you mean essay-2023")),
    (["simulate", "tiny", "--monts", "3"], ("--monts", "did you mean --months")),
    ([*SET, "users.crowdng=0.1"], ("crowdng", "did you mean crowding")),
    ([*SET, "lab.closed.price=1"], ("'lab'", "did you mean labs")),
    ([*SET, "labs.closd.price=1"], ("closd", "did you mean closed")),
    ([*SET, "labs.price=1"], ("labs.<slug>.price",)),
    ([*SET, "labs.closed.price_rule=frosen"], ("frosen", "optimal, frozen, markup")),
    ([*SET, "apps.writer.source=closd"], ("closd", "did you mean closed")),
    (["explain", "labs.prise_rule"], ("labs.prise_rule", "labs.price_rule")),
    (["explain", "labs.opnai.price"], ("opnai", "did you mean openai")),
    (["explain", "zork"], ("zork", "users, apps, labs")),
    (["explain", "labs.price", "--scenario", "esay-2023"], ("esay-2023", "essay-2023")),
    # numbers
    (["simulate", "tiny", "--months", "0"], ("--months", f"from 1 to {LONGEST}", "not 0")),
    (["simulate", "tiny", "--months", "-4"], ("--months", f"from 1 to {LONGEST}", "not -4")),
    (["simulate", "tiny", "--months", "100000"], ("--months", f"from 1 to {LONGEST}")),
    (["simulate", "tiny", "--months", "many"], ("--months", "integer")),
    (["simulate", "tiny", "--months", "1.5"], ("--months", "integer")),
    (["simulate", "tiny", "--seeds", "0"], ("--seeds", "from 1")),
    (["simulate", "tiny", "--seed", "-1"], ("--seed", "from 0")),
    (["simulate", "tiny", "--year", "1999"], ("--year", "1999")),
    (["simulate", "tiny", "--months", "12", "--year", "2024"], ("--year", "2023", "2024")),
    ([*SET, "apps.rnd_share=7"], ("apps.rnd_share", "0 to 1", "7")),
    ([*SET, "labs.closed.price=-3"], ("labs.closed.price", "0 to", "$ per Mtok", "-3")),
    ([*SET, "users.crowding=much"], ("users.crowding", "number", "much")),
    ([*SET, "users.crowding=nan"], ("users.crowding", "number", "nan")),
    ([*SET, "users.crowding=inf"], ("users.crowding", "number", "inf")),
    ([*SET, "users.crowding="], ("users.crowding", "number")),
    ([*SET, "users.crowding"], ("ADDRESS=VALUE",)),
    ([*SET, "=3"], ("no address",)),
    # contradictions
    ([*SET, "apps.rnd_share=0.9", "--set", "apps.marketing_share=0.9"], ("add up to more than 1",)),
    ([*SET, "apps.writer.customers=9"], ("users.copy start with 9", "market_size is 5 M")),
    ([*SET, "outside.initial_hours=1e9", "--set", "outside.spot_elasticity=0.01"], ("initial_hours", "no finite rent")),
    ([*SET, "labs.commons.revenue_share=0.2"], ("labs.commons.revenue_share", "set labs.commons.partner")),
    # events
    ([*EVENT, "tomorrow: rain"], ("month 12: set ADDRESS VALUE",)),
    ([*EVENT, ""], ("month 12: set ADDRESS VALUE",)),
    ([*EVENT, "month 2: scal foundry.fab.capacity 2"], ("scal", "did you mean scale")),
    ([*EVENT, "month -2: scale foundry.fab.capacity 2"], ("-2", "whole number from 0")),
    ([*EVENT, "month two: scale foundry.fab.capacity 2"], ("two", "whole number from 0")),
    ([*EVENT, "month 2: scale foundry.fabb.capacity 2"], ("fabb", "did you mean fab")),
    ([*EVENT, "month 2: scale foundry.fab.capacity lots"], ("lots", "number")),
    ([*EVENT, "month 2: scale foundry.fab.capacity -1"], ("-1",)),
    ([*EVENT, "month 2: scale labs.closed.price_rule 2"], ("cannot be scaled",)),
    ([*EVENT, "months 6-3: scale foundry.fab.capacity 2"], ("its last month 3 comes before its first month 6",)),
    ([*EVENT, "month 2: cut apps.writer labs.zip"], ("zip", "closed, commons")),
    ([*EVENT, "month 2: cut labs.closed apps.writer"], ("labs do not buy from apps",)),
    ([*EVENT, "month 5: set users.crowding 0.1", "--months", "3"], ("month lies beyond", "0-2: 2023-01 to 2023-03")),
    ([*EVENT, "2022-12: set users.crowding 0.1"], ("2022-12", "first month, 2023-01")),
    ([*EVENT, "2023-17: set users.crowding 0.1"], ("2023-17", "01 to 12")),
    ([*EVENT, "month 5: set users.crowding 3"], ("users.crowding", "0 to 1")),
    # words too few and too many
    (["simulate"], ("argument",)),
    (["simulate", "tiny", "more"], ("more",)),
    (["simulate", "tiny", "--months"], ("--months",)),
    (["phases", "--x"], ("--x",)),
    # folders
    (["simulate", "tiny", "--out", "a-file"], ("a-file is a file",)),
    (["simulate", "tiny", "--out", "a-file/below"], ("a-file is not a folder",)),
    (["simulate", "tiny", "--out", "/proc/moatlab"], ("cannot write in /proc",)),
    (["simulate", "."], ("no scenario",)),
    # scenario files
    (["simulate", "none.toml"], ("none.toml", "no scenario file")),
    (["simulate", "malformed.toml"], ("malformed.toml", "line 2")),
    (["simulate", "binary.toml"], ("binary.toml", "UTF-8")),
    (["simulate", "misspelt.toml"], ("misspelt.toml", "monts", "months")),
    (["simulate", "alone.toml"], ("alone", "there are no labs")),
    (["simulate", "edges.toml"], ("edges.csv", "line 3", "labs has no 'shut'")),
    (["simulate", "noedges.toml"], ("none.csv", "cannot be read")),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the files that the mistakes name."""
    tiny = (Path(__file__).parents[2] / "src/moatlab/scenario/scenarios/tiny.toml").read_text()
    files = {
        "a-file": "",
        "malformed.toml": 'name = "x"\nmonths = = 3\n',
        "misspelt.toml": 'name = "x"\nmonts = 3\n',
        "alone.toml": 'name = "alone"\n[users.chat]\nmarket_size = 1.0\n',
        "edges.toml": tiny + '\n[graph]\ntopology = "edges.csv"\n',
        "edges.csv": "buyer,seller\napps.writer,labs.closed\napps.writer,labs.shut\n",
        "noedges.toml": tiny + '\n[graph]\ntopology = "none.csv"\n',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("arguments", "clues"), MISTAKES, ids=lambda part: " ".join(part)[-60:])
def test_mistakes_get_one_line(
    arguments: list[str], clues: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(os.listdir(folder))
    assert run_cli(arguments) == 2
    told = capsys.readouterr()
    assert not told.out and len(told.err.strip().splitlines()) == 1
    assert told.err.startswith("moatlab: ") and "Traceback" not in told.err
    for clue in clues:
        assert clue in told.err
    assert sorted(os.listdir(folder)) == before


def test_a_folder_that_may_not_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shut = folder / "shut"
    shut.mkdir(mode=0o555)
    if os.access(shut, os.W_OK):
        pytest.skip("whoever runs this may write everywhere")
    assert run_cli(["simulate", "tiny", "--out", str(shut / "run")]) == 2
    assert "cannot write in" in capsys.readouterr().err
