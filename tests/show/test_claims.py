"""The picture of a claim: its lines and marks, the numbers beside it, ink that follows the page."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import pandas as pd

from moatlab.evidence.claims import store
from moatlab.show.claims import csv, picture, svg
from tests.evidence.claims.tiny import folder


def told() -> dict[str, object]:
    return dict(store.read(folder())["claims"][0])


def test_the_numbers_are_those_of_the_claim() -> None:
    claim = told()
    table = pd.read_csv(io.StringIO(csv(picture(claim))))
    draws = table.loc[table["name"] == "each draw", "value"]
    assert sorted(draws.round(3)) == sorted(round(v, 3) for v in claim["per draw"])  # type: ignore[attr-defined]
    (mean,) = table.loc[table["name"] == "mean", "value"]
    assert abs(mean - claim["headline"][0]["value"]) < 1e-3  # type: ignore[index]
    assert set(table.loc[table["year"].notna(), "name"]) == {"control", "twice"}
    assert (table["name"] == "variant outside-half").sum() == 1


def test_the_same_claim_gives_the_same_bytes_and_text_is_text() -> None:
    one, other = svg(picture(told())), svg(picture(told()))
    assert one == other and len(one) < 60_000
    words = " ".join(
        "".join(text.itertext()) for text in ElementTree.fromstring(one).iter() if text.tag.endswith("text")
    )
    assert "twice the packages" in words and "feedback frozen" in words and "rival rules" in words
    assert "currentColor" in one and not re.search(r"#222222|DejaVu", one)


def test_several_effects_are_a_row_each() -> None:
    claim = told()
    head = dict(claim["headline"][0])  # type: ignore[index]
    years = next(iter(claim["years"].values()))  # type: ignore[attr-defined]
    names = ("algorithmic", "data", "scale")
    claim |= {
        "headline": [{**head, "contrast": name, "outcome": "share"} for name in names],
        "years": dict.fromkeys(names, years), "years names": {name: name for name in names},
    }  # fmt: skip
    table = pd.read_csv(io.StringIO(csv(picture(claim))))
    assert list(table.loc[table["value"].notna(), "name"]) == list(names)
