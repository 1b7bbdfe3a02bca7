"""Names as people write them, the index, and search in meanings."""

from __future__ import annotations

import subprocess
import sys

import pytest

from moatlab.cli.concepts import CONCEPTS
from moatlab.cli.explain import explain_name, explain_search
from moatlab.cli.glossary import GLOSSARY
from moatlab.cli.main import run_cli
from moatlab.cli.search import MOST_HITS, index, metric_address, rows_called, search
from moatlab.evidence.verdicts import WORDS
from moatlab.results import metrics
from moatlab.results.payments import KINDS_OF_PAYMENT, LAYERS
from moatlab.scenario.registry import KINDS
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.tables import REGISTRY

ESSAY = Scenario("essay-2023")


@pytest.mark.parametrize(
    ("words", "clues"),
    [
        (["nvidia"], ("chipmakers.nvidia: Nvidia", "chipmakers.nvidia.share")),
        (["OpenAI"], ("labs.openai: OpenAI",)),
        (["amazon", "web", "services"], ("clouds.aws",)),
        (["hugging face"], ("hosts.hugging-face",)),
        (["google"], ("apps.google", "labs.google")),
        (["HHI"], ("<layer>.hhi", "sum of squared shares", "1 / HHI")),
        (["moat"], ("scale", "stickiness", "data")),
        (["gross", "margin"], ("<layer>.gross_margin", "gross profit over revenue")),
        (["Gross-Margin"], ("gross profit before depreciation / revenue",)),
        (["undecided"], ("verdict", "moatlab plan")),
        (["supply", "of", "chips"], ("foundry.<slug>.capacity", "foundry.construction_lag", "market.lead_time")),
        (["suppliers"], ("outside the stack", "payment: research staff")),
        (["copy-030-0"], ("generated startup", "Copywriting", "2025-07")),
        (["apps.code-start-3"], ("there at the start",)),
        (["Price_Rule"], ("apps.price_rule", "labs.price_rule")),
        (["settlement"], ("phase 5",)),
        (["packaging"], ("nothing is called 'packaging'", "foundry.price")),
        (["--search", "training", "run"], ("labs.run_months",)),
    ],
    ids=lambda part: " ".join(part)[:40],
)
def test_names_as_people_write_them(
    words: list[str], clues: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cli(["explain", *words]) == 0
    told = capsys.readouterr().out
    for clue in clues:
        assert clue in told


@pytest.mark.parametrize(
    ("words", "clue"),
    [
        (["nvidea"], "did you mean nvidia"),
        (["opnai"], "did you mean openai"),
        (["gros", "margn"], "did you mean gross margin"),
        (["--search", "zorkmid"], "occurs in no meaning"),
        ([" "], "there is no name"),
        (["copy-99999999-0"], "there is nothing called"),
        (["shoes-030-0"], "there is nothing called"),
    ],
)
def test_an_unknown_name_is_one_line(words: list[str], clue: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["explain", *words]) == 2
    told = capsys.readouterr()
    assert not told.out and len(told.err.splitlines()) == 1 and clue in told.err


def test_alone_it_is_the_index_by_layer(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["explain"]) == 0
    told = capsys.readouterr().out
    assert [line.split(":")[0] for line in told.splitlines() if line.split(":")[0] in KINDS] == list(KINDS)
    words = set(told.replace(",", " ").replace(";", " ").split())
    assert {p.name for p in REGISTRY.values()} <= words
    assert {m.name for m in metrics.TABLE if m.level != "money"} <= words
    assert {slug for kind in LAYERS for slug in ESSAY.slugs(kind)} <= words
    assert "--search" in told and max(map(len, told.splitlines())) <= 120


def test_the_index_is_of_the_scenario_asked_for() -> None:
    assert any("writer" in text for _, rows in index(Scenario("tiny")) for _, text in rows)


def test_every_concept_points_to_what_there_is() -> None:
    known = {p.address for p in REGISTRY.values()} | {metric_address(m) for m in metrics.TABLE}
    known |= {k.name for k in KINDS_OF_PAYMENT}
    for concept in CONCEPTS:
        assert concept.see and set(concept.see) <= known, set(concept.see) - known
        assert all(word == word.lower() for word in concept.words)
        for word in concept.words:
            assert explain_name(word, "essay-2023").startswith(f"{concept.words[0]}: ")
    words = [word for concept in CONCEPTS for word in concept.words]
    assert len(words) == len(set(words))


def test_every_verdict_is_in_the_glossary() -> None:
    assert {*WORDS.values(), "undecided"} <= set(GLOSSARY["verdict"])


def test_search_wants_every_word_and_puts_names_first() -> None:
    hits = search("training run", ESSAY)
    assert hits and all("training" in f"{n} {m}".lower().replace("_", " ") for n, m in hits)
    assert search("price", ESSAY)[0][0].count("price") and search("of", ESSAY) == [] and search("(", ESSAY) == []
    assert len(search("revenue", ESSAY)) > 1 and f"{MOST_HITS} of" in explain_search("share", "essay-2023")


def test_a_firm_has_one_row_whatever_its_capitals() -> None:
    assert rows_called("NVIDIA", ESSAY) == rows_called("nvidia", ESSAY) == ["chipmakers.nvidia"]
    assert rows_called("character.ai", ESSAY) == ["apps.character", "labs.character-ai"]


@pytest.mark.parametrize("words", [["nvidia"], [], ["gross", "margin"]])
def test_no_compiler_is_needed(words: list[str]) -> None:
    code = (
        f"import sys; from moatlab.cli.main import run_cli; run_cli(['explain', *{words!r}]);"
        "assert not {'numba', 'mesa', 'numpy'} & set(sys.modules), set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
