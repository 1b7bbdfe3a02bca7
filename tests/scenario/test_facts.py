"""The dated figures, and what of them was known when."""

from __future__ import annotations

from datetime import date

import pytest

from moatlab.errors import InputError
from moatlab.scenario.facts import ESSAY_DATE, cited, fact, facts, known_by


def test_the_table_is_read_whole() -> None:
    assert len(facts()) == 298
    for each in facts().values():
        assert each.period_start <= each.period_end
        assert each.low is None or each.high is None or each.low <= each.value <= each.high
    assert fact("M085").value == 20.0
    assert fact("M210").low == 80.0


@pytest.mark.parametrize(
    "identifier",
    ["A056", "C083", "C117", "C118", "L071", "S005", "M210", "M193", "M194", "M076", "M085", "M136"],
)
def test_known_at_the_essays_date(identifier: str) -> None:
    assert fact(identifier).known_by()


@pytest.mark.parametrize("identifier", ["A057", "A051", "C043", "C084", "L007", "L049", "L064", "M139", "T001", "S011"])
def test_learned_later(identifier: str) -> None:
    assert not fact(identifier).known_by()


def test_no_fact_of_a_later_period_is_known_but_forecasts_and_posted_prices() -> None:
    later = {each.id for each in known_by() if each.period_end > ESSAY_DATE}
    assert later == {"M076", "M085", "M127", "M136", "M193", "M194"}


def test_knowledge_only_grows() -> None:
    earlier = {each.id for each in known_by(date(2022, 6, 30))}
    assert earlier < {each.id for each in known_by()} < set(facts())


def test_citations_are_found_in_sources() -> None:
    assert cited("fact A056, A060; share assumed") == ["A056", "A060"]
    assert cited("essay (80-90 %), fact M210") == ["M210"]
    assert cited("artefact A056; essay") == []


def test_an_unknown_fact_is_one_clear_line() -> None:
    with pytest.raises(InputError, match=r"no fact 'M999'"):
        fact("M999")
