"""Price shocks and elasticities: on every kind of seller, and equal to the logit's where it is known."""

from __future__ import annotations

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.errors import InputError
from moatlab.evidence.elasticity import elasticities, shocked
from tests.textbook.demand import at_rest, customers, of_apps, scenario

TINY = Scenario("tiny")


def test_the_elasticity_of_a_logit_is_known() -> None:
    """-p (1 - s), once all customers have chosen again and while rivals' prices stand still."""
    case = scenario("bertrand-3")
    prices = of_apps(at_rest(case), "price")
    case = case.set({"apps.*.price_rule": "frozen", **{f"apps.{app}.price": price for app, price in
                     zip(("one", "two", "three"), prices.tolist(), strict=True)}})  # fmt: skip
    share = customers(at_rest(case))[0]
    found = elasticities(case, ["apps.one"], 12, (1, 6), range(1, 3), 1e-4)
    for each in found:
        assert each.mean == pytest.approx(-prices[0] * (1.0 - share), rel=1e-3)
        assert each.price_kept == pytest.approx(1.0)


@pytest.mark.parametrize(
    "seller", ["apps.writer", "labs.closed", "hosts.hub", "clouds.large", "chipmakers.leader", "foundry.fab"]
)
@pytest.mark.parametrize("month", [0, 4])
def test_a_shock_reaches_the_price_of_every_kind_of_seller(seller: str, month: int) -> None:
    if seller == "hosts.hub" and month == 0:
        with pytest.raises(InputError, match="from month 1 on"):
            shocked(TINY, seller, 1.2, month)
        return
    plain, moved = (Market(each, rng=1).run(7) for each in (TINY, shocked(TINY, seller, 1.2, month)))
    kind = seller.partition(".")[0]
    # The rent of a cloud is above its reserve while capacity is scarce: volumes and prices may both stay.
    price = [run.series(f"{seller}.price").to_numpy() for run in (plain, moved)]
    if kind != "clouds":
        assert np.array_equal(price[0][:month], price[1][:month])
        assert price[1][month] / price[0][month] == pytest.approx(1.2, rel=0.05 if kind == "hosts" else 1e-9)
    assert moved.series("shock.price")[max(0, month - 1)] > 0.0 or month == 0


def test_a_dearer_host_sells_less_and_less() -> None:
    found = elasticities(TINY, ["hosts.hub"], 6, (1, 6, 12), range(1, 9), 0.05)
    means = [each.mean for each in found]
    assert means[2] < means[0] and means[2] < -0.2


def test_tokens_of_labs_and_hosts_are_a_metric() -> None:
    run = Market(TINY, rng=1).run(6)
    firms = run.firms.to_pandas()
    sellers = firms["kind"].isin(["labs", "hosts"])
    assert firms.loc[sellers, "tokens"].equals(firms.loc[sellers, "customers"])
    assert firms.loc[~sellers, "tokens"].isna().all()
    assert np.array_equal(run.path("labs.closed.tokens"), run.path("labs.closed.customers"), equal_nan=True)
    assert run.path("labs.closed.tokens")[-1] > 0.0 and np.isnan(run.path("apps.writer.tokens")).all()


@pytest.mark.parametrize(
    ("sellers", "options", "clue"),
    [(["users.copy"], {}, "sells nothing"), (["labs.closedd"], {}, "closed"),
     (["labs.closed"], {"rise": 0.0}, "a rise"), (["labs.closed"], {"after": (0,)}, "from 1")],
)  # fmt: skip
def test_mistakes_are_named(sellers: list[str], options: dict[str, float], clue: str) -> None:
    with pytest.raises(InputError, match=clue):
        elasticities(TINY, sellers, 2, **options)  # type: ignore[arg-type]
