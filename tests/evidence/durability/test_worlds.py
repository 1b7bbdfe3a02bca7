"""Worlds of a study: what is held is the control world's path, and nothing else is touched."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.evidence.durability.plan import ANSWERS, FEEDBACKS, HOLDERS, Case, Plan, cases_of, holders
from moatlab.evidence.durability.worlds import CASH, HELD, Control, run_arm, run_control, run_unit
from moatlab.market.grants import bought, faded
from moatlab.market.state.fields import dtype_of
from moatlab.scenario.moats import MOATS, STOCKS

ESSAY = Scenario("essay-2023")
PLAN = Plan(ESSAY, cases_of(), month=12, after=17, draws=1)
LEADERS = [case for case in PLAN.cases if case.holder == "leader"]


@pytest.fixture(scope="module")
def world() -> tuple[Market, Control]:
    start = Market(ESSAY, rng=3)
    start.run(PLAN.month)
    return start, run_control(PLAN, start)


def row_of(control: Control, case: Case) -> int:
    return control.holders[case.kind][case.holder]


def test_all_eight_moats_have_cases_for_every_holder() -> None:
    assert {case.moat for case in PLAN.cases} == set(MOATS)
    assert len(PLAN.cases) == len(STOCKS) * len(HOLDERS) == len(set(PLAN.cases))
    assert [case.kind for case in cases_of(["scale"])] == ["apps"] * 3 + ["labs"] * 3 + ["clouds"] * 3


def test_every_field_that_is_held_exists() -> None:
    """A field that was renamed would be left out in silence."""
    for kind, names in HELD.items():
        assert set(names) - {CASH} <= set(dtype_of(kind).names or ())
    for stock in STOCKS:
        if not stock.cash:
            assert stock.field in HELD[stock.kind]


def test_every_arm_without_a_grant_is_the_control_world(world: tuple[Market, Control]) -> None:
    """What is held is held to the path on which it is anyhow: to the last bit."""
    start, control = world
    arms = {arm for case in LEADERS for arm in PLAN.arms(case)}
    assert len(arms) > 12
    for case in LEADERS:
        for arm in PLAN.arms(case):
            found = run_arm(PLAN, start, control, case, row_of(control, case), arm, worth=0.0)
            assert not found.profit.any() and not found.share.any(), (case.name, arm)


@pytest.mark.parametrize("case", LEADERS, ids=lambda c: f"{c.moat} {c.kind}")
def test_a_grant_does_something_where_it_has_a_price(case: Case, world: tuple[Market, Control]) -> None:
    start, control = world
    row = row_of(control, case)
    if not case.stock.bought_with:
        pytest.skip("not comparable")
    found = run_arm(PLAN, start, control, case, row, "free")
    assert found.profit.any() or case.stock.cash  # money that a rich firm does not need changes nothing


def test_the_granted_stock_fades_at_its_own_rate_where_it_is_clamped(world: tuple[Market, Control]) -> None:
    start, control = world
    case = Case("data", "apps", "leader")
    row, stock = row_of(control, case), case.stock
    amount = bought(start.state, stock, row, PLAN.worth, PLAN.over)
    keep = 1.0 - faded(start.state, stock, start.state.apps[row])
    seen: list[float] = []

    def look(market: Market, month: int) -> None:
        then = control.heads[month]["apps"]
        at = np.flatnonzero(then.identity == market.state.apps["identity"][row])[0]
        seen.append(float(market.state.apps["data"][row]) - float(then.values["data"][at]))

    spied = copy.deepcopy(start)
    _walk_clamped(spied, control, case, row, look)
    assert seen == pytest.approx([amount * keep**month for month in range(len(seen))], rel=1e-9)


def _walk_clamped(market: Market, control: Control, case: Case, row: int, look: object) -> None:
    """The clamped arm by hand, looking at the market once the head of each month has been written."""
    from moatlab.evidence.durability.worlds import _Clamp
    from moatlab.scenario.events import Event

    firm = f"{case.kind}.{market.slug(case.kind, row)}"
    market.apply(Event(PLAN.month, "grant", value=PLAN.worth, firm=firm, moat=case.moat, over=PLAN.over))
    clamp = _Clamp(control, case, row, "clamped")
    for month in range(PLAN.after + 1):
        for place, (_, run) in enumerate(market.walk()):
            if place == 0:
                clamp.at_head(market, month)
                assert callable(look)
                look(market, month)
            run()


def test_in_a_clamped_world_nothing_that_feeds_stocks_follows_the_grant(world: tuple[Market, Control]) -> None:
    """Spending, data and features of all firms are the control world's, though the holder sells more."""
    start, control = world
    case = Case("distribution", "apps", "leader")
    row = row_of(control, case)
    differs = {"rnd": 0, "feature": 0, "data": 0, "customers": 0}

    def look(market: Market, month: int) -> None:
        apps, then = market.state.apps, control.heads[month]["apps"]
        at = np.flatnonzero(then.identity == apps["identity"][row])[0]
        for name in ("rnd", "feature", "data"):
            differs[name] += float(apps[name][row]) != then.values[name][at]
        differs["customers"] += float(apps["committed"][row]) != then.values["committed"][at]

    _walk_clamped(copy.deepcopy(start), control, case, row, look)
    assert differs["rnd"] == differs["feature"] == differs["data"] == 0 < differs["customers"]


def test_without_network_effects_users_feed_nothing() -> None:
    """The arm that switches direct network effects off is the free one where customers have no taste for company."""
    case = Case("distribution", "apps", "leader")
    areas = {}
    for taste in (0.0, 4.0):
        # Use feeds brand as well, which is a feedback of its own.
        start = Market(ESSAY.set({"users.*.network_taste": taste, "apps.brand_gain": 0.0}), rng=3)
        start.run(PLAN.month)
        control = run_control(PLAN, start)
        for arm in ("free", "off users to users"):
            areas[taste, arm] = float(run_arm(PLAN, start, control, case, row_of(control, case), arm).share.sum())
    assert areas[0.0, "off users to users"] == pytest.approx(areas[0.0, "free"], rel=1e-6)
    assert areas[4.0, "off users to users"] < 0.98 * areas[4.0, "free"]


def test_rivals_that_are_frozen_do_what_they_do_without_the_grant(world: tuple[Market, Control]) -> None:
    start, control = world
    case = Case("algorithmic", "apps", "leader")
    row = row_of(control, case)
    free, frozen = (run_arm(PLAN, start, control, case, row, arm) for arm in ("free", "frozen"))
    assert not np.array_equal(free.share, frozen.share)
    # Imitation is one of their answers: without it the lead in features takes more of the category.
    assert frozen.share.sum() > free.share.sum()


def test_holders_by_revenue_and_age(world: tuple[Market, Control]) -> None:
    start, _ = world
    found = holders(start, "apps")
    apps = start.state.apps
    assert float(apps["revenue"][found["leader"]]) == float(apps["revenue"][start.state.live].max())
    assert 0 < apps["birth"][found["entrant"]] < PLAN.month and apps["birth"][found["middle"]] == 0
    labs = holders(start, "labs")
    assert len(set(labs.values())) == 3 and start.state.labs["revenue"][labs["entrant"]] > 0.0


def test_a_unit_says_why_a_case_cannot_be_compared() -> None:
    plan = Plan(ESSAY, cases_of(["stickiness"]), month=6, after=5, draws=1, whole=False)
    unit = run_unit(plan, ESSAY, 0, 1)
    clouds, apps = Case("stickiness", "clouds", "leader"), Case("stickiness", "apps", "leader")
    assert "nothing that has a price" in unit.reasons[clouds] and (clouds, "free") not in unit.responses
    assert unit.bought[apps] > 0.0 and unit.responses[apps, "clamped"].share.shape == (6,)


def test_feedbacks_and_answers_are_of_kinds_that_have_firms() -> None:
    assert set(ANSWERS) <= set(FEEDBACKS) == {"apps", "labs", "hosts", "clouds", "chipmakers"}
