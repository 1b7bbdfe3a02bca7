"""What events do: every line of docs/events.md, grants of moats, labs that follow the frontier, outages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.errors import InputError
from moatlab.market.events import monthly_costs
from moatlab.market.state.fields import dtype_of
from moatlab.scenario.events import parse_event
from moatlab.scenario.moats import MOATS, STOCKS, Stock, find_stock, kinds_with
from moatlab.scenario.registry import KINDS, Parameter
from moatlab.scenario.tables import REGISTRY

ESSAY = Scenario("essay-2023")
LINES = re.findall(r"\| `(months? [^`]+)` \|", (Path(__file__).parents[2] / "docs" / "events.md").read_text())
FIRMS = {"apps": "jasper", "labs": "cohere", "clouds": "coreweave", "chipmakers": "amd"}


def row_of(market: Market, kind: str) -> Any:
    return market.state.kind(kind)[market.find_row(f"{kind}.{FIRMS[kind]}")[1]]


def granted(stock: Stock, amount: float) -> str:
    return f"month 0: grant {stock.kind}.{FIRMS[stock.kind]} {stock.moat} {amount}"


@pytest.mark.parametrize("line", LINES)
def test_every_documented_event_does_something(line: str) -> None:
    event = parse_event(line, ESSAY.all_slugs)
    months = event.month + 24
    plain = Market(ESSAY, rng=3).run(months).market.to_pandas()
    changed = Market(ESSAY.with_events(line), rng=3).run(months).market.to_pandas()
    assert plain.iloc[: event.month].equals(changed.iloc[: event.month])
    assert not plain.equals(changed)


#: Parameters that act on what has happened by month 1: whom a deficit of month 0 closes, and a round in it.
ONLY_AT_FIRST = {"apps.incumbent", "hosts.round_months"}
CHANGEABLE = [p for p in REGISTRY.values() if not (p.at_start or p.state or p.needed or p.address in ONLY_AT_FIRST)]


def differ(plain: Scenario, changed: Scenario, months: int) -> bool:
    """Whether anything that is recorded of the market, or paid, is another."""
    one, other = (Market(scenario, rng=1).run(months) for scenario in (plain, changed))
    return not (
        one.market.to_pandas().equals(other.market.to_pandas())
        and one.payments.to_pandas().equals(other.payments.to_pandas())
    )


@pytest.mark.parametrize("parameter", CHANGEABLE, ids=lambda p: p.address)
def test_an_event_on_a_parameter_acts_or_is_refused(parameter: Parameter) -> None:
    """What only describes month 0 is refused; all else acts in a later month, where the parameter acts at all."""
    moves = parameter.moves
    first, then = moves.step or (parameter.default, min(1.5 * float(parameter.default), parameter.high))
    who = f".{moves.who}" if parameter.scope == "firm" else ""
    address = f"{parameter.kind}{who}.{parameter.name}"
    word = str(then).lower() if isinstance(then, bool) else then or '""' if isinstance(then, str) else then
    plain = ESSAY.set({**dict(moves.given), address: first})
    changed = plain.with_events(f"month 1: set {address} {word}")
    assert differ(plain, changed, 42) or differ(plain, changed, 120)


def test_a_pledge_in_a_later_month_is_paid() -> None:
    late = Market(ESSAY.with_events("month 12: set labs.cohere.pledge 3600"), rng=1).run(36)
    book = late.ledger.to_pandas().query("kind == 'lab backing' and payee == 'labs.cohere'")
    assert book["month"].min() >= 12 and book["amount"].max() == pytest.approx(100.0)


def test_a_company_that_loses_its_cash_flow_stops_to_pay() -> None:
    market = Market(ESSAY.with_events("month 12: set labs.meta.cash_flow 0"), rng=1)
    market.run(60)
    row = market.find_row("labs.meta")[1]
    assert market.state.labs["flow"][row] == 0.0 and market.state.labs["stake"][row] == 0.0


def test_optimism_that_ends_ends_the_boom() -> None:
    end = ESSAY.with_events("month 24: set labs.optimism 1")
    plain, sober = (Market(scenario, rng=1).run(48).path("labs.training") for scenario in (ESSAY, end))
    assert (plain[:24] == sober[:24]).all() and sober[-12:].sum() < 0.7 * plain[-12:].sum()


def test_the_document_has_every_question() -> None:
    assert len(LINES) >= 25


# ---------------------------------------------------------------------------------------------------------- grants


def test_the_table_of_moats_is_sound() -> None:
    assert {stock.moat for stock in STOCKS} == set(MOATS) and len(MOATS) == 8
    assert len({(stock.moat, stock.kind) for stock in STOCKS}) == len(STOCKS)
    for stock in STOCKS:
        assert stock.kind in KINDS and stock.field in (dtype_of(stock.kind).names or ())
        assert find_stock(stock.moat, stock.kind) is stock
        assert kinds_with(stock.moat).count(stock.kind) == 1


@pytest.mark.parametrize("stock", STOCKS, ids=lambda s: f"{s.kind} {s.moat}")
def test_a_grant_raises_its_stock_and_nothing_else(stock: Stock) -> None:
    market, control = Market(ESSAY, rng=1), Market(ESSAY, rng=1)
    for m in (market, control):
        m.run(6)
    market.apply(parse_event(granted(stock, 0.5), ESSAY.all_slugs))
    firm, before = row_of(market, stock.kind), row_of(control, stock.kind)
    for name in firm.dtype.names:
        if name == stock.field:
            rise = 0.5 / (12 * monthly_costs(stock.kind, before)) if stock.cash else 0.5
            assert float(firm[name]) == pytest.approx(float(before[name]) + rise, rel=1e-12)
        else:
            assert firm[name] == before[name]
    one, other = market.run(30), control.run(30)
    assert not one.firms.to_pandas().equals(other.firms.to_pandas())
    assert np.isfinite(market.state.cash).all()


EXACT = [("clouds", "stickiness"), ("clouds", "supply-chain"), ("labs", "algorithmic"), ("labs", "data")]


@pytest.mark.parametrize(("kind", "moat"), EXACT)
def test_a_maintained_grant_stands_by_its_amount_and_then_fades(kind: str, moat: str) -> None:
    """Where what feeds the stock has not changed yet, it is higher by the amount, less the month's own decay."""
    stock = find_stock(moat, kind)
    firm = f"{kind}.{FIRMS[kind]}"
    control = Market(ESSAY, rng=1)
    held = Market(ESSAY.with_events(f"months 3-5: maintain {firm} {moat} 0.5"), rng=1)
    once = Market(ESSAY.with_events(f"month 3: grant {firm} {moat} 0.5"), rng=1)
    gaps = []
    for _ in range(8):
        for market in (control, held, once):
            market.step()
        base = float(row_of(control, kind)[stock.field])
        gaps.append([float(row_of(m, kind)[stock.field]) - base for m in (held, once)])
    found, impulse = np.array(gaps).T
    keep = impulse[3] / 0.5
    assert (found[:3] == 0.0).all() and 0.5 < keep < 1.0
    # The month's rules have already taken their part of the amount.
    assert found[3] == pytest.approx(0.5 * keep)
    if moat != "supply-chain":  # whose erosion follows the lead time of the month
        near = 2e-3 if moat == "algorithmic" else 1e-6  # leads also move with the people who carry them
        assert found[3:6] == pytest.approx(0.5 * keep, rel=near)
        assert found[6] == pytest.approx(0.5 * keep**2, rel=near)
        assert impulse[4] == pytest.approx(0.5 * keep**2, rel=near)
    assert found[7] < found[6] < found[5] and (found[3:6] >= impulse[3:6]).all()


def test_a_scale_grant_is_money_in_the_ledger_and_access_to_capital() -> None:
    market = Market(ESSAY.with_events("month 3: grant labs.cohere scale 500"), rng=1)
    control = Market(ESSAY, rng=1)
    results = market.run(4)
    control.run(3)
    costs = monthly_costs("labs", row_of(control, "labs"))
    control.run(1)
    paid = results.ledger.to_pandas().query("month == 3 and kind == 'lab equity' and payee == 'labs.cohere'")
    assert paid["amount"].sum() == pytest.approx(500.0)
    assert (paid["payer"] == "investors").all()
    account = row_of(market, "labs")["account"]
    assert market.state.cash[account] - control.state.cash[account] == pytest.approx(500.0, rel=0.2)
    rise = 500.0 / (12 * costs)
    fading = 1.0 - float(ESSAY.kind_value("investors", "access_decay"))
    assert row_of(market, "labs")["access"] == pytest.approx(rise * fading)
    before = market.state.cash.copy()
    market.step()
    assert market.ledger.imbalance(before, market.state.cash) < 1e-9 * market.state.totals[:-1].sum()


def test_a_firm_that_has_left_gets_nothing() -> None:
    market = Market(ESSAY, rng=1)
    market.run(2)
    row = row_of(market, "labs")
    row["alive"] = 0
    before = row.copy()
    market.apply(parse_event("months 2-9: maintain labs.cohere algorithmic 1", ESSAY.all_slugs))
    assert row == before


def test_users_granted_stay_within_the_category() -> None:
    market = Market(ESSAY, rng=1)
    market.apply(parse_event("month 0: grant apps.jasper network 1000", ESSAY.all_slugs))
    app, users = row_of(market, "apps"), market.state.users
    user = users[int(app["category"])]
    assert app["committed"] + app["tourists"] <= user["potential"]
    market.run(12)
    users = market.state.users
    assert (users["customers"] <= users["potential"] + 1e-9).all()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("month 1: grant apps.jasper distrbution 1", "did you mean distribution?"),
        ("month 1: grant apps.jaspr distribution 1", "did you mean jasper?"),
        ("month 1: grant labs.openai distribution 1", "it applies to apps"),
        ("month 1: grant foundry.tsmc ecosystem 1", "it applies to chipmakers, labs"),
        ("month 1: grant apps.jasper distribution 0", "above 0"),
        ("month 1: grant apps.jasper distribution much", "needs a number"),
        ("month 1: grant apps.jasper distribution", "firm, moat and amount"),
        ("months 1-9: grant apps.jasper distribution 1", "'maintain' keeps"),
        ("month 1: maintain apps.jasper distribution 1", "needs its span"),
        ("month 1: follow apps.jasper 3", "only labs"),
        ("month 1: follow labs.stabilty 3", "did you mean stability?"),
        ("month 1: follow labs.stability soon", "whole number"),
        ("month 1: grnt apps.jasper distribution 1", "did you mean grant?"),
    ],
)
def test_a_bad_grant_is_one_clear_line(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_event(text, ESSAY.all_slugs)
    assert says in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "month 24: grant apps.jasper distribution 0.4",
        "months 24-119: maintain labs.openai algorithmic 0.3",
        "month 24: follow labs.stability 12",
        "months 0-119: follow labs.stability 0",
    ],
)
def test_grants_read_back(text: str) -> None:
    event = parse_event(text, ESSAY.all_slugs)
    assert str(event) == text and parse_event(str(event), ESSAY.all_slugs) == event


# ----------------------------------------------------------------------------------------------- frontier, outage


def test_an_open_lab_that_follows_reaches_the_frontier() -> None:
    market = Market(ESSAY.with_events("months 12-30: follow labs.stability 0"), rng=1)
    frame = market.run(30).market.to_pandas()
    assert (frame["labs.open_gap"][:12] > 0.05).all()
    # The gap is measured at the end of a month, when rivals may just have released.
    assert frame["labs.open_gap"][12:].median() < 0.05
    stability, leader = market.find_row("labs.stability")[1], int(market.state.labs["capability"].argmax())
    labs = market.state.labs
    # And it costs as much to serve as the leader's, for what it can do.
    gap = labs["capability"][stability] - labs["capability"][leader]
    assert labs["published_hours"][stability] == pytest.approx(labs["model_hours"][leader] * 10**gap, rel=1e-2)


def test_a_lab_that_follows_with_a_lag_has_the_frontier_of_then() -> None:
    plain = Market(ESSAY, rng=1).run(25).series("labs.capability")
    market = Market(ESSAY.with_events("month 24: follow labs.open-research 12"), rng=1)
    market.run(24)
    market._events.begin()
    lab = market.state.labs[market.find_row("labs.open-research")[1]]
    own = Market(ESSAY, rng=1)
    own.run(24)
    before = own.state.labs[own.find_row("labs.open-research")[1]]["capability"]
    assert lab["capability"] == max(before, plain[12])


def test_an_outage_stops_chips_and_leaves_the_capacity() -> None:
    months = 30
    plain = Market(ESSAY, rng=2).run(months).market.to_pandas()
    out = Market(ESSAY.with_events("months 12-17: set foundry.tsmc.availability 0"), rng=2).run(months)
    frame = out.market.to_pandas()
    build = int(ESSAY.kind_value("chipmakers", "build_months"))
    # Intel's own fab and the pipeline go on; from the foundry nothing comes for six months.
    assert (frame["deliveries"][12 + build : 18 + build] < 0.1 * plain["deliveries"][12 + build : 18 + build]).all()
    assert frame["deliveries"][18 + build + 1] > 0.5 * plain["deliveries"][18 + build + 1]
    assert (frame["foundry.capacity"][12:18] >= frame["foundry.capacity"][12]).all()
    assert frame["rent"][15:24].mean() > plain["rent"][15:24].mean()
    started = out.payments.to_pandas().query("kind == 'packages'").set_index("month")["amount"]
    assert (started[12:17] == 0).all() and started[18] > 0
