"""Products of a table as a market: its shares, prices and costs come back, and what makes no market is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from moatlab import InputError, Market, Scenario

ALPHA = 0.3


def table(seed: int = 1) -> pd.DataFrame:
    """Two markets of PyBLP's kind, in one of which the same firms sell other products."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for market, size in (("C01Q1", 3.0), ("C01Q2", 18.0)):
        shares = rng.dirichlet(np.ones(6))[:5]
        rows += [
            {"market_ids": market, "product_ids": f"Product {i}", "firm_ids": i // 2, "shares": shares[i],
             "prices": rng.uniform(5, 60), "costs": rng.uniform(1, 40), "market_size": size, "hpwt": 0.5}
            for i in range(5)
        ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("alpha", [0.01, ALPHA, 2.0])
def test_the_first_month_is_the_table(seed: int, alpha: float) -> None:
    given = table(seed)
    found = Market(Scenario.from_panel(given, alpha), rng=seed).run(1).panel()
    assert list(found["product_ids"]) == [f"apps.product-{i}-{c}" for c in ("c01q1", "c01q2") for i in range(5)]
    for column in ("shares", "prices", "costs", "market_size"):
        np.testing.assert_allclose(found[column], given[column], rtol=1e-11, err_msg=column)
    assert list(found["firm_ids"]) == [str(firm) for firm in given["firm_ids"]]


def test_a_panel_of_a_run_comes_back_as_a_scenario(tmp_path: Path) -> None:
    before = Market("essay-2023", rng=2).run(6).panel()
    # A category of a month, in which the logit's outside share is what is left.
    given = before[before["market_ids"] == "copy-005"]
    given.to_csv(tmp_path / "panel.csv", index=False)
    found = Market(Scenario.from_panel(tmp_path / "panel.csv", 0.06, "copy"), rng=1).run(1).panel()
    assert list(found["product_ids"]) == list(given["product_ids"])
    for column in ("shares", "prices", "costs", "outside_share"):
        np.testing.assert_allclose(found[column], given[column], rtol=1e-9, err_msg=column)


def test_at_rest_prices_are_bertrands() -> None:
    """Firms of several products mark all of them up by 1 / (alpha (1 - the firm's share)) in a logit."""
    rows = Market(Scenario.from_panel(table(), ALPHA, months=400), rng=1).run(400).panel().query("month == 399")
    of_firm = rows.groupby(["market_ids", "firm_ids"])["shares"].transform("sum")
    np.testing.assert_allclose(rows["prices"] - rows["costs"], 1.0 / (ALPHA * (1.0 - of_firm)), rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shares": [0.5] * 10}, "sum to 2.5"),
        ({"prices": [0.0] * 10}, "row 1: prices is a number above 0, not 0.0"),
        ({"costs": ["dear"] * 10}, "row 1: costs is a number above 0, not 'dear'"),
        ({"product_ids": ["same"] * 10}, "two rows of 'same' in 'C01Q1'"),
    ],
)
def test_what_is_no_market_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Scenario.from_panel(table().assign(**change), ALPHA)


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column 'costs'"):
        Scenario.from_panel(table().drop(columns="costs"), ALPHA)
    with pytest.raises(InputError, match="no rows"):
        Scenario.from_panel([], ALPHA)
    with pytest.raises(InputError, match="price_taste is a number above 0"):
        Scenario.from_panel(table(), -0.3)
    with pytest.raises(InputError, match=r"none\.csv"):
        Scenario.from_panel(tmp_path / "none.csv", ALPHA)
