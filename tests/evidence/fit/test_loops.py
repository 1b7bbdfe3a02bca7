"""Loop gains: each vanishes with its driver, and network effects reach 1 where two equal firms tip."""

from __future__ import annotations

import pandas as pd
import pytest

from moatlab import Market, Scenario
from moatlab.evidence.fit.loops import _rest, loop_gains, table_of

OFF = {
    ("apps", "direct network effect"): {"users.*.network_taste": 0.0},
    ("apps", "revenue to features"): {"apps.feature_gain": 0.0},
    ("apps", "revenue to marketing"): {"apps.awareness_gain": 0.0},
    ("apps", "use to data"): {"apps.data_taste": 0.0},
    ("labs", "revenue to training"): {"labs.training_share": 0.0, "investors.lab_stake": 0.0},
    ("labs", "customers to ecosystem"): {"labs.ecosystem_taste": 0.0},
    ("hosts", "indirect network effect"): {"hosts.hub_taste": 0.0},
    ("chipmakers", "installed base to ecosystem"): {"chipmakers.portability": 1.0},
    ("chipmakers", "revenue to software"): {"chipmakers.rnd_share": 0.0},
}


def gains(scenario: Scenario) -> pd.Series:
    market = Market(scenario, rng=1)
    market.run(12)
    found: pd.Series = loop_gains(market).set_index(["layer", "feedback"])["gain"]
    return found


@pytest.fixture(scope="module")
def base() -> pd.Series:
    return gains(Scenario("essay-2023"))


@pytest.mark.parametrize("loop", OFF, ids=" ".join)
def test_a_loop_vanishes_with_its_driver(loop: tuple[str, str], base: pd.Series) -> None:
    assert base[loop] > 0.0
    assert gains(Scenario("essay-2023").set(OFF[loop]))[loop] == 0.0


def test_two_equal_firms_tip_where_the_gain_is_one() -> None:
    # Shares 1/2 under V = nu s / mu: the symmetric split is lost at nu = 2 mu (slope of the logistic at 0 is 1/4, and
    # what one gains the other loses).  Without the rival's part the gain would be 1/2 there.
    nu, share = 2.0, 0.5
    assert nu * share * (1.0 - share) * _rest(share, 2 * share**2) == pytest.approx(1.0, rel=1e-15)
    assert _rest(1.0, 1.0) == 1.0


def test_the_table_adds_a_layers_feedbacks(base: pd.Series) -> None:
    frame = base.rename("gain").reset_index()
    table = table_of([11, 12], [frame, frame])
    assert table.loc[("apps", "all"), "month 11"] == pytest.approx(base["apps"].sum())
    assert ("hosts", "all") not in table.index
