"""Demand estimated from a run is the demand that was put in: by two-stage least squares, and by PyBLP.

Apps differ in quality for good, which fixed effects take up, and by a brand that wanders, which sets both what they
sell and what they charge: least squares find too small a taste for prices.  What a token costs changes from time to
time and moves prices only.
"""

from __future__ import annotations

import logging
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from moatlab import Market, Scenario

ALPHA, MONTHS, CATEGORIES, APPS, SEEDS = 0.5, 60, 4, 8, range(1, 7)
Vector = NDArray[np.float64]


@cache
def panel() -> pd.DataFrame:
    """Runs of 32 apps in four categories with some seeds; the price of a token changes every four months."""
    rng = np.random.default_rng(5)
    count = CATEGORIES * APPS
    raw = np.exp(rng.normal(0.5, 0.5, count)).reshape(CATEGORIES, APPS)
    rows = pd.DataFrame({
        "market_ids": np.repeat([f"c{k}" for k in range(CATEGORIES)], APPS),
        "product_ids": [f"p{i}" for i in range(count)],
        "shares": (raw / (2.0 + raw.sum(axis=1, keepdims=True))).ravel(),
        "prices": rng.uniform(3.0, 6.0, count),
        "costs": rng.uniform(1.0, 3.0, count),
    })  # fmt: skip
    dear = [f"month {m}: set labs.model.price {10 * np.exp(rng.normal(0, 0.3)):.4f}" for m in range(2, MONTHS, 4)]
    scenario = Scenario.from_panel(rows, ALPHA, months=MONTHS).with_events(*dear)
    scenario = scenario.set({"users.choke_price": 40.0, "apps.brand_spread": 0.6, "apps.brand_half_life": 2.0})
    runs = []
    for seed in SEEDS:
        run = Market(scenario, rng=seed).run().panel()
        # Sellers answer a cost in the next month.
        run["shifter"] = run.groupby("product_ids")["token_price"].shift(1)
        for name in ("market_ids", "product_ids", "firm_ids"):
            run[name] += f" {seed}"
        runs.append(run[run["month"] >= 3])
    return pd.concat(runs, ignore_index=True)


def demeaned(rows: pd.DataFrame, values: pd.Series) -> Vector:
    """Less the mean of the product: fixed effects."""
    return (values - values.groupby(rows["product_ids"]).transform("mean")).to_numpy(np.float64)


def least_squares(rows: pd.DataFrame, instrument: str) -> tuple[float, float]:
    """Berry's inversion, ln s_j - ln s_0, on prices by one instrument: the coefficient, and its error by product."""
    y = demeaned(rows, pd.Series(np.log(rows["shares"] / rows["outside_share"]), rows.index))
    p, z = demeaned(rows, rows["prices"]), demeaned(rows, rows[instrument])
    coefficient = float(z @ y / (z @ p))
    scores = pd.Series(z * (y - coefficient * p)).groupby(rows["product_ids"].to_numpy()).sum()
    return coefficient, float(np.sqrt((scores**2).sum()) / abs(z @ p))


def test_two_stages_recover_the_taste_for_prices() -> None:
    found, error = least_squares(panel(), "shifter")
    assert abs(found + ALPHA) < 2.0 * error and error < 0.05 * ALPHA
    # The plausible wrong way: prices as if they did not answer to brands.
    plain, error = least_squares(panel(), "prices")
    assert plain + ALPHA > 5.0 * error


def test_pyblp_finds_the_same() -> None:
    pyblp = pytest.importorskip("pyblp", reason="needs the extra blp")
    pyblp.options.verbose = False
    logging.getLogger("pyblp").setLevel(logging.ERROR)
    # With nesting_ids PyBLP would take the demand for a nested logit.
    rows = panel().drop(columns="nesting_ids").rename(columns={"shifter": "demand_instruments0"})
    rows["clustering_ids"] = rows["product_ids"]
    problem = pyblp.Problem(pyblp.Formulation("0 + prices", absorb="C(product_ids)"), rows)
    solved = problem.solve(method="1s", W_type="clustered", se_type="clustered")
    coefficient, error = solved.beta.item(), solved.beta_se.item()
    assert abs(coefficient + ALPHA) < 2.0 * error
    ours = least_squares(panel(), "shifter")
    assert coefficient == pytest.approx(ours[0], rel=1e-6) and error == pytest.approx(ours[1], rel=0.05)
