"""Files beyond what a scenario can have: one clear line each, within the time of a reading."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moatlab import InputError, Scenario
from moatlab.errors import LONGEST_LINE
from moatlab.scenario import files
from moatlab.scenario.addresses import slug_like

TINY = Scenario("tiny")


def refused(make: Callable[[], Any], *says: str) -> str:
    """The one line, printable and of a length that a terminal shows, in which ``make`` is refused."""
    with pytest.raises(InputError) as caught:
        make()
    line = str(caught.value)
    assert line.isprintable() and len(line) <= LONGEST_LINE, len(line)
    for part in says:
        assert part in line, line
    return line


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[apps]\nstartups = " + "9" * 400, ("apps.startups", "beyond 9,223,372,036,854,775,807")),
        ("[apps]\nstartups = " + "9" * 5000, ("a whole number is beyond",)),
        ("[apps]\nstartups = 0x" + "f" * 5000, ("apps.startups", "a whole number is beyond")),
        ("[apps]\nstartups = -" + "9" * 20, ("apps.startups", "beyond")),
        ("[labs.closed]\nprice = " + "9" * 400 + ".0", ("labs.closed.price takes 0", "not inf")),
        ("[apps]\nstartups = " + "[" * 5000 + "]" * 5000, ("nested too deeply",)),
        ("[apps]\nstartups = " + "[" * 200 + "]" * 200, ("apps.startups", "nested too deeply")),
        ("a" + ".a" * 20_000 + " = 1", ("a key of more than 16 parts (line 1)",)),
        ("name = 'x'\n[" + '"a" . ' * 20_000 + "a]\nb = 1", ("a key of more than 16 parts (line 2)",)),
        ("x" * 1_000_000 + " = 1", ("unknown key 'xxx", "valid: apps,")),
        ("[labs." + "x" * 1_000_000 + "]", ("a slug has at most 100 characters, not 1,000,000",)),
        ("name = '" + "x" * 1_000_000 + "'", ("name takes at most 300 characters, not 1,000,000",)),
        ("events = ['month " + "9" * 400 + ": set apps.startups 3']", ("event 'month 999", "from 0 to 99999")),
        ("events = ['months 1-" + "9" * 5000 + ": set apps.startups 3']", ("an event has at most 1,000 characters",)),
        ("events = ['month 3: set users.crowding " + "9" * 400 + "']", ("users.crowding needs a number",)),
        ("months = " + "9" * 300, ("months: a whole number is beyond",)),
        ('title = "\\u0007bell"', ("title holds the control character '\\x07'",)),
        ('[labs.closed]\nname = "a\\nb"', ("tiny.toml: labs.closed: name holds the control character '\\n'",)),
        ('[labs.closed]\nname = "a\\u202eb"', ("name holds the control character '\\u202e'",)),
    ],
)
def test_a_file_beyond_the_limits_is_one_line(text: str, says: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(text, encoding="utf-8")
    refused(lambda: Scenario(path), "tiny.toml", *says)


def test_a_file_of_many_megabytes_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.toml"
    with path.open("wb") as file:
        file.truncate(files.MOST_BYTES + 1)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read"))
    refused(lambda: Scenario(path), "the scenario file has 16 MB; the most is 16 MB")


def test_prose_and_numbers_with_dots_are_no_keys() -> None:
    prose = "see " + ".".join("abcdefghijklmnopqrstuvwxyz") + " and 1.2.3.4"
    assert files.read_tables(f'title = "{prose}"\nname = "x"', "x.toml")["title"] == prose
    assert files.read_tables("a.b.c = 1", "x.toml") == {"a": {"b": {"c": 1}}}


def test_tables_from_python_have_the_same_limits() -> None:
    loop: dict[str, Any] = {}
    loop["labs"] = loop
    refused(lambda: Scenario.from_dict(loop), "nested too deeply")
    refused(lambda: Scenario.from_dict({"months": 10**5000}), "months: a whole number is beyond")
    refused(lambda: TINY.set({"apps.startups": 10**5000}), "apps.startups takes whole numbers", "bits")
    refused(lambda: TINY.set({"labs.closed.markup": 10**400}), "labs.closed.markup takes 0 to")
    refused(lambda: TINY.set({"labs" + ".a" * 20_000: 1}), "is no address")
    refused(lambda: TINY.set({"labs.closed.\x1b[2Jprice": 1}), "has no parameter")
    refused(lambda: TINY.with_graph(degree=10**5000), "degree takes", "bits")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ('buyer,seller\napps.writer,"' + "x" * 131_073 + '"\n', ("edges.csv, line 1: no CSV: field larger",)),
        ("buyer,seller\napps.writer," + "x" * 100_000 + "\n", ("edges.csv, line 2", "there is no kind", "valid: apps")),
        ("buyer,vendor\napps.writer,labs.closed\n", ("needs the columns buyer and seller, not buyer, vendor",)),
        ("buyer,seller,since\napps.writer\n", ("edges.csv, line 2: lacks its seller",)),
    ],
)
def test_a_bad_table_of_edges_is_one_line(rows: str, says: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "edges.csv").write_text(rows, encoding="utf-8")
    refused(lambda: TINY.with_graph(topology=str(tmp_path / "edges.csv")), *says)


def test_further_columns_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "edges.csv"
    path.write_text(
        "since, seller ,buyer,note\n2023, labs.closed,apps.writer,x,y,z\n2023,labs.closed,apps.assistant\n",
        encoding="utf-8",
    )
    assert TINY.with_graph(topology=str(path)).graph.edges[0] == ("apps.writer", "labs.closed")


def test_a_row_keyed_by_its_display_name_is_told_how_slugs_are_made(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[labs."Big Co"]\nprice = 1.0\n', encoding="utf-8")
    refused(lambda: Scenario(path), '[labs."Big Co"] is no row', '[labs.big-co] with name = "Big Co"')


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Big Co", "big-co"), ("Überfirma & Söhne", "uberfirma-sohne"), ("月之暗面", "some-slug"), ("A" * 300, "a" * 100)],
)
def test_a_slug_is_made_from_a_name(name: str, slug: str) -> None:
    assert slug_like(name) == slug
