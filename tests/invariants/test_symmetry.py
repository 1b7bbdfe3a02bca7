"""Order and names mean nothing: rows shuffled, results are shuffled; firms renamed, only their luck is another."""

from __future__ import annotations

import random
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import moatlab
from moatlab import Market, Scenario

FOLDER = Path(moatlab.__file__).parent / "scenario" / "scenarios"
#: With these no draw has an effect, so that a name has none.
NO_LUCK = {
    "apps.startups": 0, "apps.entry_rate": 0.0, "apps.brand_spread": 0.0, "apps.graduation": "off",
    "apps.*.own_model": False, "labs.specialisation": 0.0, "labs.run_luck": 0.0, "labs.run_months": 1,
    "chipmakers.generation_spread": 0.0, "investors.hype_volatility": 0.0, "outside.volatility": 0.0,
}  # fmt: skip
OLD = ("closed", "commons", "writer", "painter", "assistant", "hub", "large", "small", "leader", "house", "fab")
NEW = ("zeta", "alpha", "scribe", "artist", "butler", "market", "big", "little", "first", "own", "works")
RENAMED = dict(zip((*OLD, "copy", "image"), (*NEW, "text", "art"), strict=True))


def shuffled(table: dict[str, Any], seed: int) -> dict[str, Any]:
    """The scenario with the rows of every kind in another order."""
    order = random.Random(seed)
    mixed = dict(table)
    for kind, entries in table.items():
        if isinstance(entries, dict) and kind != "graph":
            items = list(entries.items())
            order.shuffle(items)
            mixed[kind] = dict(items)
    return mixed


def firms(scenario: Scenario, months: int) -> pd.DataFrame:
    table = Market(scenario, rng=3).run(months).firms.to_pandas()
    return table.set_index(["month", "kind", "slug"]).sort_index()


@pytest.mark.parametrize(("name", "months"), [("tiny", 24), ("essay-2023", 12)])
def test_shuffled_rows_give_the_same_firms(name: str, months: int) -> None:
    table = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    plain = firms(Scenario.from_dict(table), months)
    for seed in (1, 2):
        other = firms(Scenario.from_dict(shuffled(table, seed)), months)
        assert list(other.index) == list(plain.index)
        for column in ("revenue", "price", "customers", "cash", "capability", "gross_profit"):
            scale = plain[column].abs().groupby("kind").transform("max")
            gap = ((other[column] - plain[column]).abs() / (scale + 1e-12)).max()
            assert gap < 1e-6, (column, gap)


def test_without_luck_a_name_means_nothing() -> None:
    text = (FOLDER / "tiny.toml").read_text()
    for old, new in RENAMED.items():
        text = re.sub(rf'(?<=[."]){old}(?=[\]"])', new, text)
    renamed = Scenario.from_dict(tomllib.loads(text)).set(NO_LUCK)
    assert set(renamed.slugs("labs")) == {"zeta", "alpha"}
    one, other = (Market(s, rng=1).run(24) for s in (Scenario("tiny").set(NO_LUCK), renamed))
    for table in ("market", "layers"):
        numbers = [getattr(r, table).to_pandas().select_dtypes("number") for r in (one, other)]
        np.testing.assert_allclose(numbers[1], numbers[0], rtol=1e-7, atol=1e-9)


def test_with_luck_it_gives_another() -> None:
    text = (FOLDER / "tiny.toml").read_text()
    other = Scenario.from_dict(tomllib.loads(re.sub(r'(?<=[."])writer(?=[\]"])', "scribe", text)))
    revenue = [Market(s, rng=1).run(24).series("apps.revenue").sum() for s in (Scenario("tiny"), other)]
    assert revenue[0] != revenue[1]


def test_a_display_name_never_enters() -> None:
    text = (FOLDER / "tiny.toml").read_text().replace('name = "Closed Lab"', 'name = "Another Lab"')
    renamed = Scenario.from_dict(tomllib.loads(text))
    one, other = (Market(s, rng=1).run(12).market.to_pandas() for s in (Scenario("tiny"), renamed))
    assert one.equals(other)
