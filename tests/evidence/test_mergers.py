"""Mergers and divestitures: which values they set, and what they do to prices."""

from __future__ import annotations

import pytest

from moatlab import Scenario
from moatlab.errors import InputError
from moatlab.evidence.mergers import divest, merge

TINY = Scenario("tiny")


def test_apps_become_one_company_and_bring_their_companies_along() -> None:
    assert merge(TINY, "apps.writer", "apps.painter") == {
        "apps.writer.company": "writer", "apps.painter.company": "writer"}  # fmt: skip
    midas = TINY.set({"apps.painter.company": "midas", "apps.assistant.company": "midas"})
    assert merge(midas, "apps.writer", "apps.painter") == {"apps.writer.company": "midas"}
    both = midas.set({"apps.writer.company": "scribe"})
    assert merge(both, "apps.writer", "apps.painter") == {
        "apps.painter.company": "scribe", "apps.assistant.company": "scribe"}  # fmt: skip


def test_an_app_and_a_lab_merge_in_either_order() -> None:
    changes = {"apps.writer.owner": "closed"}
    assert merge(TINY, "labs.closed", "apps.writer") == merge(TINY, "apps.writer", "labs.closed") == changes


def test_a_divested_app_stands_alone() -> None:
    assert divest(TINY, "apps.assistant") == {"apps.assistant.owner": ""}
    merged = TINY.set(merge(TINY, "apps.writer", "apps.painter"))
    assert divest(merged, "apps.writer") == {"apps.writer.company": ""}


def test_rivals_that_merge_raise_their_prices() -> None:
    """Bertrand-Nash with differentiated products: both prices rise, and consumers lose (Werden and Froeb 1994)."""
    e = TINY.compare(on={"set": merge(TINY, "apps.writer", "apps.assistant")}, seeds=4, months=18)
    for app in ("writer", "assistant"):
        assert e.effect("price", firm=f"apps.{app}", months=(6, 17)).verdict == "rises"
    assert e.effect("consumer_surplus", category="copy", months=(6, 17)).estimate < 0.0


def test_owning_the_lab_lowers_the_apps_price() -> None:
    """Tokens at cost take away the second of two margins (Spengler 1950); the lab has no other app in the category."""
    alone = TINY.set(divest(TINY, "apps.assistant"))
    joined = alone.set(merge(alone, "labs.closed", "apps.writer"))
    e = alone.compare(on=joined, seeds=6, months=8)
    for metric in ("price", "unit_cost"):
        assert e.effect(metric, firm="apps.writer", months=(1, 6)).verdict == "falls"
    back = joined.compare(on={"set": divest(joined, "apps.writer")}, seeds=6, months=8)
    gap = back.effect("price", firm="apps.writer", months=(1, 6))
    assert gap.verdict == "rises"
    assert gap.estimate == pytest.approx(-e.effect("price", firm="apps.writer", months=(1, 6)).estimate)


@pytest.mark.parametrize(
    ("one", "other", "clue"),
    [("apps.writer", "apps.writer", "already"), ("labs.closed", "apps.assistant", "already"),
     ("labs.closed", "labs.commons", "two apps"), ("clouds.large", "apps.writer", "two apps"),
     ("apps.writter", "apps.painter", "writer"), ("writer", "apps.painter", "kind")],
)  # fmt: skip
def test_mistakes_are_named(one: str, other: str, clue: str) -> None:
    with pytest.raises(InputError, match=clue):
        merge(TINY, one, other)


def test_what_cannot_be_divested() -> None:
    with pytest.raises(InputError, match="no company"):
        divest(TINY, "apps.writer")
    with pytest.raises(InputError, match="an app"):
        divest(TINY, "labs.closed")
    merged = TINY.set({"apps.writer.company": "midas", "apps.painter.company": "midas"})
    with pytest.raises(InputError, match="already"):
        merge(merged, "apps.writer", "apps.painter")
