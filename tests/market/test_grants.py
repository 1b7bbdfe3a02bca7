"""Grants of equal dollars: what money buys of each stock, against the market's own laws and closed forms."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.cli.main import run_cli
from moatlab.errors import InputError
from moatlab.market.grants import LAWS, NotComparableError, bought, faded
from moatlab.scenario.events import parse_event
from moatlab.scenario.moats import STOCKS, find_stock

ESSAY = Scenario("essay-2023")
WORTH, MONTHS = 30.0, 6
FIRMS = {"apps": "jasper", "labs": "cohere", "clouds": "aws", "chipmakers": "amd"}


def market_at(months: int = 12, changes: dict[str, Any] | None = None) -> Market:
    market = Market(ESSAY.set(changes) if changes else ESSAY, rng=2)
    market.run(months)
    return market


def row_of(market: Market, kind: str) -> int:
    return market.find_row(f"{kind}.{FIRMS[kind]}")[1]


def price(market: Market, moat: str, kind: str, worth: float = WORTH, months: int = MONTHS) -> float:
    return bought(market.state, find_stock(moat, kind), row_of(market, kind), worth, months)


def geometric(fading: float, months: int = MONTHS) -> float:
    return sum((1.0 - fading) ** k for k in range(months))


def test_every_stock_that_says_what_it_is_bought_with_has_a_law() -> None:
    assert {(s.moat, s.kind) for s in STOCKS if s.bought_with and not s.cash} == set(LAWS)


# ------------------------------------------------------- built by spending, against the rules' own run

#: Moat, kind, the phase that builds the stock, parameters that leave only the spending, and what the spending is.
SPENDING: list[tuple[str, str, str, dict[str, Any], str]] = [
    ("algorithmic", "apps", "effect", {"apps.imitation": 0.0}, "rnd"),
    ("distribution", "apps", "effect", {"apps.acquisition_saturation": 0.0}, "marketing"),
    ("algorithmic", "labs", "decisions", {"labs.talent_mobility": 0.0}, "staff"),
    ("ecosystem", "labs", "effect", {}, "api_revenue"),
]


@pytest.mark.parametrize(("moat", "kind", "phase", "given", "flow"), SPENDING, ids=lambda v: str(v)[:12])
def test_it_is_what_the_market_builds_of_that_money(
    moat: str, kind: str, phase: str, given: dict[str, Any], flow: str
) -> None:
    """Two markets, in one of which the firm spends W / N a month more: the stocks then differ by the grant."""
    market = market_at(changes=given)
    row, field = row_of(market, kind), find_stock(moat, kind).field
    amount = price(market, moat, kind)
    held = market.state.kind(kind)[flow].copy()
    ends = []
    for more in (0.0, WORTH / MONTHS):
        m = copy.deepcopy(market)
        for _ in range(MONTHS):
            for name, run in m.walk():
                if name == phase:
                    m.state.kind(kind)[flow][: len(held)] = held
                    m.state.kind(kind)[flow][row] += more
                run()
        ends.append(float(m.state.kind(kind)[field][row]))
    assert amount > 0.0 and ends[1] - ends[0] == pytest.approx(amount, rel=1e-9)


def test_software_is_what_research_builds() -> None:
    """The maker's research is smoothed first, then its software moves towards what that builds."""
    market = market_at(changes={"chipmakers.rnd_share": 0.0})
    row = row_of(market, "chipmakers")
    market.state.chipmakers["rnd_budget"] = 40.0
    market.state.chipmakers["research"] = 40.0
    amount = price(market, "algorithmic", "chipmakers")
    ends = []
    for more in (0.0, WORTH / MONTHS):
        m = copy.deepcopy(market)
        m.state.chipmakers["rnd_budget"][row] += more
        m.run(MONTHS)
        ends.append(float(m.state.chipmakers["software"][row]))
    assert amount > 0.0 and ends[1] - ends[0] == pytest.approx(amount, rel=1e-9)


def test_chips_given_away_are_a_share_of_the_base_in_use() -> None:
    """Fleets stand still and are used in full; GPUs bought at the list price join them month by month."""
    market = market_at(changes={"clouds.capacity_rule": "fixed"})
    state, row = market.state, row_of(market, "chipmakers")
    state.backlog[:] = 0.0
    state.clouds["hours"] = state.clouds["capacity"]
    amount = price(market, "ecosystem", "chipmakers")
    given = WORTH / MONTHS / float(state.chipmakers["price"][row])
    ends = []
    for more in (0.0, given):
        m = copy.deepcopy(market)
        for _ in range(MONTHS):
            for name, run in m.walk():
                if name == "offers":
                    m.state.fleet[0, row, 0] += more
                if name == "chips":
                    m.state.clouds["hours"] = m.state.clouds["capacity"]
                run()
        ends.append(float(m.state.chipmakers["ecosystem"][row]))
    assert amount > 0.0 and ends[1] - ends[0] == pytest.approx(amount, rel=1e-6)


def test_data_are_tokens_given_away() -> None:
    """More tokens a month at their price, which settle in the stock and become outdated."""
    market = market_at()
    for kind, name in (("apps", "token_cost"), ("labs", "price")):
        decay = float(market.state.shared[f"{kind}_data_decay"][0])
        each = float(market.state.kind(kind)[name][row_of(market, kind)])
        tokens = WORTH / MONTHS / each  # M$ over $ per Mtok are Ttok
        assert price(market, "data", kind) == pytest.approx(tokens * geometric(decay), rel=1e-12)


def test_customers_cost_what_the_category_pays_for_one() -> None:
    market = market_at()
    app = market.state.apps[row_of(market, "apps")]
    user = market.state.users[int(app["category"])]
    each = float(user["marketing"] / user["joined"])  # $ a customer
    churn = float(app["left"] / (app["tourists"] + app["committed"] - app["joined"] + app["left"]))
    assert price(market, "network", "apps") == pytest.approx(WORTH / MONTHS / each * geometric(churn), rel=1e-12)


def test_depth_costs_what_its_customers_take_for_it() -> None:
    """The present value of a payment of D / alpha a month to every customer, as long as the depth lasts, is W."""
    market = market_at()
    app = market.state.apps[row_of(market, "apps")]
    alpha = float(market.state.users["price_taste"][int(app["category"])] * app["price_taste_factor"])
    rate, fading = float(market.state.now["discount"][0]), float(app["depth_fading"])
    depth = price(market, "stickiness", "apps")
    monthly = depth / alpha * float(app["tourists"] + app["committed"])
    paid = monthly * sum(((1 - fading) / (1 + rate)) ** k for k in range(4000)) / (1 + rate)
    assert paid == pytest.approx(WORTH, rel=0.01)
    assert monthly / (rate + fading) == pytest.approx(WORTH, rel=1e-12)


def test_priority_costs_the_interest_on_the_advance() -> None:
    market = market_at(changes={"clouds.aws.capital_spread": 0.12, "clouds.access_discount": 0.0})
    state, row = market.state, row_of(market, "clouds")
    state.backlog[row], state.prepaid[row] = 10.0, 0.0
    state.chipmakers["price"], state.chipmakers["captive"] = 25.0, 0
    state.clouds["own_chip"][row] = -1
    state.shared["chipmakers_volume_discount"] = 0.0
    orders = 250.0 * len(state.chipmakers)  # M$
    interest = (float(state.now["discount"][0]) + 0.12 / 12) * orders
    state.clouds["contracted"][row] = 0.0
    gain, erosion = float(state.shared["clouds_priority_gain"][0]), float(state.clouds["erosion"][row])
    some = gain * 0.5 / interest * geometric(erosion)
    assert price(market, "supply-chain", "clouds", 0.5 * MONTHS) == pytest.approx(some, rel=1e-12)
    with pytest.raises(NotComparableError, match=r"to prepay all that is on order costs .* and no more"):
        price(market, "supply-chain", "clouds", 2.0 * interest * MONTHS)


# ------------------------------------------------------------------------------------------ properties


@pytest.mark.parametrize("stock", [s for s in STOCKS if s.bought_with], ids=lambda s: f"{s.kind} {s.moat}")
def test_more_money_buys_more_and_never_more_than_in_proportion(stock: Any) -> None:
    market = market_at()
    row = row_of(market, stock.kind)
    one, two = (bought(market.state, stock, row, worth, 12) for worth in (0.01, 0.02))
    assert 0.0 < one < two <= 2.0 * one * (1 + 1e-9)


def test_marketing_buys_less_in_a_saturated_category() -> None:
    market = market_at(changes={"apps.acquisition_saturation": 1.0})
    category = int(market.state.apps["category"][row_of(market, "apps")])
    amounts = []
    for taken in (0.0, 0.75):
        market.state.users["customers"][category] = taken * market.state.users["potential"][category]
        amounts.append(price(market, "distribution", "apps", months=1))
    app = market.state.apps[row_of(market, "apps")]
    scale = float(market.state.shared["apps_awareness_scale"][0])
    law = [math.log1p(WORTH / (float(app["marketing"]) + s)) for s in (scale, 4.0 * scale)]
    assert amounts[1] / amounts[0] == pytest.approx(law[1] / law[0], rel=1e-12)


def test_money_is_money() -> None:
    market = market_at()
    for stock in STOCKS:
        if stock.cash:
            assert bought(market.state, stock, row_of(market, stock.kind), 7.0, 12) == 7.0


# ---------------------------------------------------------------------------------------------- events


def test_the_event_grants_what_the_money_buys() -> None:
    event = "month 12: grant apps.jasper distribution worth 30 over 6"
    market, control = Market(ESSAY.with_events(event), rng=2), market_at()
    market.run(12)
    amount = price(control, "distribution", "apps")
    before = float(control.state.apps["awareness"][row_of(control, "apps")])
    walk = market.walk()
    next(walk)
    assert float(market.state.apps["awareness"][row_of(market, "apps")]) == pytest.approx(before + amount, rel=1e-12)


def test_what_is_maintained_is_bought_once() -> None:
    """Later months give back what faded of the first amount, whatever it would buy by then."""
    event = "months 3-6: maintain labs.cohere data worth 20"
    control, held = Market(ESSAY, rng=1), Market(ESSAY.with_events(event), rng=1)
    for m in (control, held):
        m.run(3)
    stock, row = find_stock("data", "labs"), row_of(control, "labs")
    amount = bought(control.state, stock, row, 20.0, 12)
    keep = 1.0 - faded(control.state, stock, control.state.labs[row])
    for _ in range(3):
        control.step()
        held.step()
        control.state.labs["price"][row] *= 2.0
        held.state.labs["price"][row] *= 2.0
        gap = float(held.state.labs["data"][row] - control.state.labs["data"][row])
        assert gap == pytest.approx(amount * keep, rel=2e-2)


@pytest.mark.parametrize(
    "text",
    [
        "month 24: grant apps.jasper distribution worth 50",
        "month 24: grant apps.jasper data worth 0.5 over 6",
        "months 24-119: maintain labs.openai algorithmic worth 50",
    ],
)
def test_events_read_back_the_same(text: str) -> None:
    event = parse_event(text, ESSAY.all_slugs)
    assert str(event) == text and parse_event(str(event), ESSAY.all_slugs) == event


MISTAKES = {
    "month 24: grant clouds.aws stickiness worth 50": "not comparable: nothing that has a price builds stickiness",
    "month 24: grant apps.jasper data 5 over 6": "'over' goes with 'worth'",
    "month 24: grant apps.jasper data worth 5 over 0": "over takes from 1 to 1200 months, not 0",
    "month 24: grant apps.jasper data worth -5": "an amount above 0, not -5",
    "month 24: grant apps.jasper data worth": "worth",
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.items())
def test_mistakes_are_refused_in_a_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_event(text, ESSAY.all_slugs)
    assert message in str(refused.value) and "\n" not in str(refused.value)


NO_PRICE: dict[str, tuple[str, Callable[[Market], None]]] = {
    "month 2: grant labs.cohere data worth 50": ("sells no tokens", lambda m: m.state.labs["api"].fill(0)),
    "month 2: grant labs.cohere ecosystem worth 50": ("no API", lambda m: m.state.labs["api"].fill(0)),
    "month 2: grant apps.jasper network worth 50": ("won by marketing", lambda m: m.state.users["joined"].fill(0.0)),
    "month 2: grant apps.jasper network worth 90000": ("M customers of a category that has", lambda m: None),
    "month 2: grant clouds.aws supply-chain worth 50": ("nothing on order", lambda m: m.state.backlog.fill(0.0)),
    "month 2: grant labs.cohere algorithmic worth 50": (
        "money builds no algorithmic of labs", lambda m: m.state.shared["labs_lead_gain"].fill(0.0)),
}  # fmt: skip


@pytest.mark.parametrize("text", NO_PRICE)
def test_without_a_price_a_grant_is_not_comparable(text: str) -> None:
    message, change = NO_PRICE[text]
    market = Market(ESSAY, rng=1)
    market.run(2)
    change(market)
    with pytest.raises(NotComparableError, match=message) as refused:
        market.apply(parse_event(text, ESSAY.all_slugs))
    assert str(refused.value).startswith(f"event '{text}': not comparable: ")


def test_the_command_ends_with_one_line_and_code_2(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    out = tmp_path / "out"
    for event in ("month 3: grant clouds.aws stickiness worth 5", "month 0: grant apps.jasper network worth 5"):
        code = run_cli(["whatif", "essay-2023", "--event", event, "--months", "6", "--seeds", "2", "--out", str(out)])
        said = capsys.readouterr().err.strip().splitlines()
        assert code == 2 and len(said) == 1 and "not comparable" in said[0] and not out.exists()


def test_a_firm_that_has_left_gets_none() -> None:
    market = market_at(2)
    row = row_of(market, "apps")
    market.state.apps["alive"][row] = 0
    before = market.state.apps[row].copy()
    market.apply(parse_event("month 2: grant apps.jasper data worth 5", ESSAY.all_slugs))
    assert np.array_equal(market.state.apps[row], before)
