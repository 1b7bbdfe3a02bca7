"""A run as a panel: rows and columns, shares that add up, costs and shifters that agree with the other tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from moatlab import InputError, Market, Scenario
from moatlab.results.panel import APPS, TOKENS
from moatlab.results.results import Results

MONTHS = 8


@pytest.fixture(scope="module")
def results() -> Results:
    scenario = Scenario("essay-2023").set({
        "apps.startups": 20, "apps.jasper.company": "midas", "apps.microsoft.company": "midas",
        "apps.midjourney.own_model": True,
    })  # fmt: skip
    return Market(scenario, rng=3).run(MONTHS)


@pytest.fixture(scope="module")
def apps(results: Results) -> pd.DataFrame:
    return results.panel()


@pytest.fixture(scope="module")
def tokens(results: Results) -> pd.DataFrame:
    return results.panel("tokens")


def test_a_row_a_market_and_product(apps: pd.DataFrame, tokens: pd.DataFrame, results: Results) -> None:
    assert list(apps) == [name for name, _, _ in APPS] and list(tokens) == [name for name, _, _ in TOKENS]
    for frame in (apps, tokens):
        assert not frame.duplicated(["market_ids", "product_ids"]).any()
        assert frame["month"].is_monotonic_increasing and (frame["shares"] > 0).all()
        assert list(frame.index) == list(range(len(frame)))
    categories = results.categories.to_pandas()
    assert apps["market_ids"].nunique() == (categories["customers"] > 0).sum()
    assert set(tokens["market_ids"]) == {f"tokens-{month:03d}" for month in range(MONTHS)}


def test_shares_and_outside_add_up_to_one(apps: pd.DataFrame, tokens: pd.DataFrame) -> None:
    for frame in (apps, tokens):
        markets = frame.groupby("market_ids")
        np.testing.assert_allclose(markets["shares"].sum() + markets["outside_share"].first(), 1.0, rtol=1e-12)
    # Midjourney begins with a model of its own.
    assert tokens["outside_share"].iloc[0] > 0 and (tokens["outside_share"] >= 0).all()
    np.testing.assert_allclose(apps["shares"] * apps["market_size"], apps["customers"], rtol=1e-12)


def test_prices_costs_and_shifters_are_those_of_the_tables(apps: pd.DataFrame, results: Results) -> None:
    firms = results.firms.to_pandas()
    firms["address"] = firms["kind"].astype(str) + "." + firms["slug"].astype(str)
    rows = firms.set_index(["address", "month"])
    rent = results.series("market.rent")
    for _, row in apps.sample(40, random_state=1).iterrows():
        here = rows.loc[(row["product_ids"], row["month"])]
        assert (row["prices"], row["costs"]) == (here["price"], here["unit_cost"])
        if here["source"] == "own":
            assert np.isnan(row["token_price"])
        else:
            source = rows.loc[(here["source"], row["month"])]
            assert (row["token_price"], row["token_cost"]) == (source["price"], source["unit_cost"])
            assert row["hours_per_token"] == pytest.approx(source["unit_cost"] / rent[row["month"]], rel=1e-12)
    own = apps[(apps["product_ids"] == "apps.midjourney") & (apps["month"] == 0)].iloc[0]
    assert np.isnan(own["token_price"]) and own["nesting_ids"] == "apps.midjourney"


def test_who_sets_the_price(apps: pd.DataFrame, tokens: pd.DataFrame) -> None:
    firms = apps.drop_duplicates("product_ids").set_index("product_ids")["firm_ids"]
    assert firms["apps.jasper"] == firms["apps.microsoft"] == "midas"
    assert firms["apps.chatgpt"] == "labs.openai"
    alone = firms[firms == firms.index]
    assert len(alone) > 20 and {"apps.midjourney"} <= set(alone)
    assert (tokens["firm_ids"] == tokens["product_ids"]).all()


def test_nests_are_labs_wherever_their_models_are_served(apps: pd.DataFrame, results: Results) -> None:
    labs = {f"labs.{slug}" for slug in results.about["slugs"]["labs"]}
    hosts = {f"hosts.{slug}" for slug in results.about["slugs"]["hosts"]}
    assert set(apps["nesting_ids"]) <= labs | hosts | {"apps.midjourney"}


def test_the_page_has_every_column() -> None:
    text = (Path(__file__).parents[2] / "docs" / "panel.md").read_text()
    for name, unit, meaning in (*APPS, *TOKENS):
        assert f"| `{name}` | {unit} | {meaning} |" in text


def test_without_firms_there_is_no_panel(results: Results) -> None:
    with pytest.raises(InputError, match="detail='firm'"):
        Market("tiny", rng=1, detail="layer").run(2).panel()
    with pytest.raises(InputError, match="apps or of tokens"):
        results.panel("labs")  # type: ignore[arg-type]
