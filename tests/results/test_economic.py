"""Economic profit: hand-computed firms, limits of the measure, sums by layer, firm and owner; outside buyers' area."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad

from moatlab import Market, Scenario
from moatlab.market.state.posting import POSTING_DTYPE
from moatlab.results import economic
from moatlab.results.economic import area_under_demand, flows_of_firms, profits, shares
from moatlab.results.measure import ASSETS, Measure
from moatlab.results.payments import CODE, INFRASTRUCTURE, LAYERS
from moatlab.results.results import Results

FOREVER = {asset.name: math.inf for asset in ASSETS if asset.life is not None}
AT_ONCE = dict.fromkeys(FOREVER, 0.0)


@pytest.fixture(scope="module")
def run() -> Results:
    return Market("essay-2023", rng=2).run(30)


def one_lab(training: list[float], sales: float, measure: Measure) -> NDArray[np.float64]:
    """Economic profit by month of a lab that sells, serves for 10, pays for its staff once, and trains as given."""
    lab, cloud, app = 7, 8, 9
    rows = []
    for month, spent in enumerate(training):
        rows += [(month, CODE["api"], app, lab, sales), (month, CODE["lab inference"], lab, cloud, 10.0)]
        rows += [(month, CODE["lab training"], lab, cloud, spent)]
    postings = np.array(rows, POSTING_DTYPE)
    row_of = np.full(10, -1)
    row_of[lab] = 0
    flows = flows_of_firms(postings, len(training), row_of, 1, np.full(10, -1))
    return profits(flows, np.zeros(1), np.zeros((len(training), 1)), measure)["economic_profit"][:, 0]


def test_two_months_of_training_by_hand() -> None:
    # Half a life of 18 months at 36 a month stands: 324.  It loses 1/18 a month, gets what was spent, and costs 1 %.
    found = one_lab([36.0, 36.0, 0.0], 100.0, Measure())
    stocks = [324.0, 324.0 - 18.0 + 36.0, 342.0 - 19.0 + 36.0]
    assert found == pytest.approx([90.0 - stock / 18.0 - 0.01 * stock for stock in stocks], rel=1e-14)


def test_later_spending_is_written_off_geometrically() -> None:
    found = one_lab([0.0, 50.0, *[0.0] * 40], 10.0, Measure())
    stock = 50.0 * (1.0 - 1.0 / 18.0) ** np.arange(40)
    assert found[:2] == pytest.approx([0.0, 0.0])
    assert found[2:] == pytest.approx(-stock * (1.0 / 18.0 + 0.01), rel=1e-12)


def test_no_economic_profit_at_rest_is_exactly_none() -> None:
    measure = Measure(cost_of_capital=0.75).with_lives({"training": 16.0})
    whole = Measure(
        cost_of_capital=0.75,
        assets=tuple(type(a)(a.name, a.life, 1.0, a.payments, a.reason) for a in measure.assets),
    )
    # 32 a month over 16 months is a stock of 512, which loses 32 and costs a sixteenth, 32; serving costs 10.
    assert (one_lab([32.0] * 50, 74.0, whole) == 0.0).all()


def test_write_offs_and_the_cost_of_capital_are_worth_what_was_spent() -> None:
    for life in (1.0, 7.0, 18.0, 40.0):
        measure = Measure().with_lives({"training": life})
        charges = -one_lab([0.0, 1.0, *[0.0] * 3000], 10.0, measure)
        discount = 1.01 ** -(np.arange(len(charges)) - 1.0)
        assert charges @ discount == pytest.approx(1.0, rel=1e-9)


def test_without_write_offs_and_cost_of_capital_it_is_operating_profit_and_what_is_capitalised(run: Results) -> None:
    free = run.measured(Measure(cost_of_capital=0.0).with_lives(FOREVER))
    for layer in LAYERS:
        spent = run.path(f"{layer}.rnd") + run.path(f"{layer}.marketing")
        won = run.path("labs.won") if layer == "labs" else 0.0
        expected = run.path(f"{layer}.operating_profit") + spent + won
        assert free.path(f"{layer}.economic_profit") == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert free.path(f"{layer}.amortisation") == pytest.approx(0.0, abs=0.0)


def test_all_at_once_and_free_capital_is_operating_profit(run: Results) -> None:
    plain = run.measured(Measure(cost_of_capital=0.0).with_lives(AT_ONCE))
    for layer in LAYERS:
        won = run.path("labs.won") if layer == "labs" else 0.0
        expected = run.path(f"{layer}.operating_profit") + won
        assert plain.path(f"{layer}.economic_profit") == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_layers_are_the_sums_of_their_firms(run: Results) -> None:
    firms = run.firms.to_pandas()
    for layer in ("labs", "clouds", "chipmakers", "foundry", "hosts"):
        sums = firms[firms["kind"] == layer].groupby("month")
        # All of them live for these months.
        assert sums.size().nunique() == 1
        for name in ("operating_profit", "economic_profit", "capital"):
            assert sums[name].sum().to_numpy() == pytest.approx(run.path(f"{layer}.{name}"), rel=1e-9), (layer, name)


def test_plant_is_the_book_that_the_market_keeps() -> None:
    market = Market("essay-2023", rng=2)
    market.run(10)
    books = dict(zip(market.slugs["clouds"], market.state.clouds["book"].copy(), strict=True))
    fab = float(market.state.foundry["book"][0])
    results = market.run(1)
    for slug, book in books.items():
        assert results.path(f"clouds.{slug}.capital")[10] == pytest.approx(book, rel=1e-12)
    assert results.path("foundry.tsmc.capital")[10] == pytest.approx(fab, rel=1e-12)


def test_owners_add_up_to_the_layers(run: Results) -> None:
    owners = run.owners.to_pandas().groupby("month")
    lost = run.path("labs.lost")
    for name in ("economic_profit", "generative_profit"):
        layers = np.sum([run.path(f"{layer}.{name}") for layer in LAYERS], axis=0)
        assert owners[name].sum().to_numpy() == pytest.approx(layers - lost, rel=1e-9)
    for name in ("operating_profit", "gross_profit_after_depreciation", "value_added", "capital"):
        layers = np.sum([run.path(f"{layer}.{name}") for layer in LAYERS], axis=0)
        assert owners[name].sum().to_numpy() == pytest.approx(layers, rel=1e-9), name
    assert owners["income_lost"].sum().to_numpy() == pytest.approx(lost, rel=1e-12)
    assert owners["income_won"].sum().to_numpy() == pytest.approx(run.path("labs.won"), rel=1e-12)


def test_income_lost_is_booked_to_its_owner(run: Results) -> None:
    ledger = run.ledger.to_pandas()
    booked = ledger[ledger["kind"] == "income lost"].groupby("month")["amount"].sum().reindex(range(30), fill_value=0.0)
    assert run.path("labs.lost") == pytest.approx(booked.to_numpy(), rel=1e-12)
    assert (run.path("owners.google.income_lost")[6:] > 0.0).all()
    assert (run.path("owners.openai.income_lost") == 0.0).all()


def test_an_owner_is_its_firms(run: Results) -> None:
    chatgpt, openai = (run.path(f"{firm}.economic_profit") for firm in ("apps.chatgpt", "labs.openai"))
    assert run.path("owners.openai.economic_profit") == pytest.approx(chatgpt + openai, rel=1e-9)
    parts = [run.path(f"{firm}.economic_profit") for firm in ("labs.google", "clouds.gcp", "chipmakers.google-tpu")]
    rest = np.nan_to_num(run.path("apps.google.economic_profit")) - run.path("owners.google.income_lost")
    assert run.path("owners.google.economic_profit") == pytest.approx(np.sum(parts, axis=0) + rest, rel=1e-9)
    share = run.path("market.generative_share")
    assert run.path("owners.nvidia.generative_profit") == pytest.approx(
        share * run.path("chipmakers.nvidia.economic_profit"), rel=1e-9
    )


def test_sales_within_an_owner_are_no_revenue_of_it(run: Results) -> None:
    ledger = run.ledger.to_pandas()
    within = ledger[(ledger["payer"] == "labs.google") & (ledger["payee"] == "clouds.gcp")]
    labs_to_cloud = within.groupby("month")["amount"].sum().reindex(range(30), fill_value=0.0)
    assert labs_to_cloud.sum() > 0.0
    sold = np.sum([np.nan_to_num(run.path(f"{firm}.revenue")) for firm in
                   ("labs.google", "clouds.gcp", "chipmakers.google-tpu", "apps.google")], axis=0)  # fmt: skip
    own = ledger[ledger["payer"].isin(["clouds.gcp", "apps.google"])
                 & ledger["payee"].isin(["chipmakers.google-tpu", "labs.google"])]  # fmt: skip
    other = own.groupby("month")["amount"].sum().reindex(range(30), fill_value=0.0)
    assert run.path("owners.google.revenue") == pytest.approx(sold - (labs_to_cloud + other).to_numpy(), rel=1e-9)


def test_the_copy_of_named_firms_keeps_owners(run: Results) -> None:
    small = run.named()
    for address in ("owners.startups.economic_profit", "owners.microsoft.generative_profit", "apps.jasper.capital",
                    "owners.amazon.revenue"):  # fmt: skip
        assert small.path(address) == pytest.approx(run.path(address), rel=1e-12, nan_ok=True)
    assert (small.owners.to_pandas()["capital"] == run.owners.to_pandas()["capital"]).all()


def test_attribution_and_shares(run: Results) -> None:
    generative = run.path("market.generative_share")
    parts = []
    for layer in LAYERS:
        profit = run.path(f"{layer}.economic_profit")
        parts.append(profit * generative if layer in INFRASTRUCTURE else profit)
        assert run.path(f"{layer}.generative_profit") == pytest.approx(parts[-1], rel=1e-12)
    positive = np.maximum(np.stack(parts, axis=1), 0.0)
    for at, layer in enumerate(LAYERS):
        expected = positive[:, at] / positive.sum(axis=1)
        assert run.path(f"{layer}.economic_share") == pytest.approx(expected, rel=1e-12)
    assert np.isnan(shares(np.array([[-1.0, -2.0]]))).all()


def test_dearer_capital_and_shorter_lives_cost_what_they_should(run: Results) -> None:
    dear = run.measured(Measure(cost_of_capital=0.2))
    for layer in LAYERS:
        less = 0.08 / 12.0 * run.path(f"{layer}.capital")
        assert dear.path(f"{layer}.economic_profit") == pytest.approx(run.path(f"{layer}.economic_profit") - less)
    short = run.measured(Measure().scaled(0.5))
    assert short.path("clouds.economic_profit") == pytest.approx(run.path("clouds.economic_profit"))
    assert (short.path("labs.capital")[1:] < run.path("labs.capital")[1:]).all()


@pytest.mark.parametrize(("rent", "elasticity"), [(2.0, 0.56), (3.7, 1.0), (0.4, 1.7), (60.0, 0.56)])
def test_the_area_under_outside_demand(rent: float, elasticity: float) -> None:
    hours, choke = 5.0, 40.0
    area = quad(lambda u: hours * (u / rent) ** -elasticity, rent, max(rent, choke))[0]
    found = area_under_demand(np.array([hours * rent]), np.array([rent]), elasticity, choke)
    assert found[0] == pytest.approx(area, rel=1e-8, abs=1e-12)


def test_outside_buyers_surplus_is_that_of_their_demand_cloud_by_cloud(run: Results) -> None:
    scenario = Scenario("essay-2023")
    spot, reference = (float(scenario.kind_value("outside", n)) for n in ("spot_elasticity", "reference_rent"))
    ledger = run.ledger.to_pandas()
    paid = ledger[ledger["kind"] == "outside compute"]
    rents = {f"clouds.{slug}": run.path(f"clouds.{slug}.price") for slug in run.about["slugs"]["clouds"]}
    exact = np.zeros(30)
    for payee, own in paid.groupby("payee"):
        month = own["month"].to_numpy()
        area = area_under_demand(own["amount"].to_numpy(), rents[str(payee)][month], spot, 10.0 * reference)
        np.add.at(exact, month, area)
    # The metric takes the mean rent of all clouds, so that markets that record layers only have it too.
    assert run.path("market.outside_surplus") == pytest.approx(exact, rel=0.05)


def test_nothing_sold_is_no_surplus() -> None:
    assert area_under_demand(np.zeros(1), np.array([np.nan]), 0.5, 40.0).tolist() == [0.0]


def test_items_cover_every_payment_that_is_a_cost_or_income() -> None:
    from moatlab.results.payments import KINDS_OF_PAYMENT

    for kind in KINDS_OF_PAYMENT:
        costs = kind.use in ("cost of goods", "overhead", "rnd", "marketing", "capex")
        assert (economic._TO_PAYER[kind.code] >= 0) == costs, kind.name
