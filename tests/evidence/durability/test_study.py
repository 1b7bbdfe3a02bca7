"""A study: units that are kept and read again, draws as units, the table and its verdict, moats without a grant."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.errors import InputError
from moatlab.evidence.durability.accounts import discount_rate
from moatlab.evidence.durability.breakdown import (
    STEPS,
    WIDEST,
    Breakdown,
    Question,
    answer,
    bisect,
    fading_address,
    questions,
    scaled,
)
from moatlab.evidence.durability.concentration import arise, concentrations, excess, gini, hhi
from moatlab.evidence.durability.plan import Case, Plan, cases_of
from moatlab.evidence.durability.study import FOLDER, Study, run_study, study_key, tasks_of
from moatlab.evidence.durability.table import judge
from moatlab.evidence.durability.worlds import Response, Unit
from moatlab.scenario.moats import STOCKS

ESSAY = Scenario("essay-2023")
SMALL = Plan(ESSAY, cases_of(["data"]), month=6, after=35, draws=3, whole=False)


# ------------------------------------------------------------------------------------------------- units and folders


def test_units_are_kept_and_read_again(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    first = run_study(SMALL, 1, lambda done, total: told.append((done, total)), tmp_path)
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)] and len(list((tmp_path / FOLDER).glob("*.npz"))) == 3
    told.clear()
    again = run_study(SMALL, 1, lambda done, total: told.append((done, total)), tmp_path)
    assert told == [(3, 3)]
    for one, other in zip(first.units, again.units, strict=True):
        assert (one.draw, one.seed, one.gains, one.bought, one.firms) == (
            other.draw, other.seed, other.gains, other.bought, other.firms)  # fmt: skip
        assert one.reasons == other.reasons and one.base == other.base
        for at, found in one.responses.items():
            assert np.array_equal(found.profit, other.responses[at].profit)
            assert np.array_equal(found.share, other.responses[at].share)
            assert found.alive == other.responses[at].alive
    assert judge(first).to_pandas().equals(judge(again).to_pandas())


def test_units_of_another_study_and_damaged_ones_do_not_count(tmp_path: Path) -> None:
    plan = replace(SMALL, cases=cases_of(["data"])[:1], draws=2)
    run_study(plan, 1, folder=tmp_path)
    told: list[tuple[int, int]] = []
    run_study(replace(plan, worth=20.0), 1, lambda done, total: told.append((done, total)), tmp_path)
    assert told[0] == (0, 2)
    run_study(plan, 1, folder=tmp_path)
    first = sorted((tmp_path / FOLDER).glob("*.npz"))[0]
    first.write_bytes(first.read_bytes()[:100])
    told.clear()
    run_study(plan, 1, lambda done, total: told.append((done, total)), tmp_path)
    assert told[0] == (1, 2)


def test_what_decides_a_units_numbers_is_in_its_key() -> None:
    keys = {study_key(plan) for plan in (
        SMALL, replace(SMALL, worth=11.0), replace(SMALL, month=7), replace(SMALL, after=36), replace(SMALL, over=6),
        replace(SMALL, seed=2), replace(SMALL, whole=True), replace(SMALL, cases=SMALL.cases[1:]),
        replace(SMALL, scenario=ESSAY.set({"apps.data_taste": 0.2})))}  # fmt: skip
    assert len(keys) == 9


def test_every_draw_has_seeds_of_its_own() -> None:
    tasks = tasks_of(replace(SMALL, draws=4, seeds=3))
    assert len({seed for _, _, seed in tasks}) == 12 and len({s.digest() for s, _, _ in tasks}) == 4


# ------------------------------------------------------------------------------------------------ tables and verdicts

CASES = cases_of(["data"])
PLANTED = Plan(ESSAY, CASES, month=24, after=95, worth=10.0, draws=12)


def planted(late: float, seeds: int = 2) -> Study:
    """Responses of the data moat that halve in 12 months, A 1.5, rivals that take half; ``late`` $ a year for ever."""
    rng, units = np.random.default_rng(5), []
    months = np.arange(96)
    for draw in range(PLANTED.draws):
        size = 1.0 + 0.1 * rng.standard_normal()
        for seed in range(seeds):
            luck = 1.0 + 0.1 * rng.standard_normal()
            unit = Unit(draw, seed, {}, {}, {}, {}, {}, {"apps": 0.5, "labs": 0.2})
            for case in CASES:
                if case.kind == "labs":
                    unit.reasons[case] = "no price"
                    continue
                unit.bought[case], unit.firms[case], unit.base[case] = 3.0, "jasper", 1.0
                shape = size * luck * 0.5 ** (months / 12.0)
                times = {"free": 1.5, "clamped": 1.0, "frozen": 3.0, "maintained": 4.0, "maintained clamped": 2.0,
                         "off use to data": 1.2, "off users to users": 1.5, "rivals prices": 1.65}  # fmt: skip
                for arm in PLANTED.arms(case):
                    profit = shape + 10.0 * late / 12.0
                    unit.responses[case, arm] = Response(profit, 0.01 * times.get(arm, 1.5) * shape, (True, seed == 0))
            units.append(unit)
    return Study(PLANTED, units)


def test_the_table_shows_what_was_planted() -> None:
    found = judge(planted(0.0))
    row = next(row for row in found.comparable if row.case == Case("data", "apps", "leader"))
    assert row.units == PLANTED.draws and row.firm == "jasper" and row.bought == 3.0
    assert row.half_life_of_share is not None and row.half_life_of_share.estimate == pytest.approx(12.0, rel=0.02)
    assert row.amplification is not None and row.amplification.estimate == pytest.approx(1.5)
    assert row.maintained is not None and row.maintained.estimate == pytest.approx(2.0)
    assert row.erosion is not None and row.erosion.estimate == pytest.approx(0.5)
    assert row.predicted == pytest.approx(2.0) and row.exits == (0.0, 0.5)
    assert row.fed_by[0] == "use to data" and row.fed_by[1] == pytest.approx(0.2)
    assert row.eroded_by[0] == "prices" and row.eroded_by[1] == pytest.approx(0.1)
    assert row.value is not None
    yearly = 1.0 + discount_rate()
    expected = sum(0.5 ** (m / 12.0) * yearly ** (-m / 12.0) for m in range(96)) / 10.0
    assert row.value.estimate == pytest.approx(expected, rel=0.1)


def test_what_cannot_be_compared_says_so_in_its_row() -> None:
    found = judge(planted(0.0))
    table = found.to_pandas()
    labs = table[table["layer"] == "labs"]
    assert (labs["verdict"] == "not comparable").all() and (labs["reason"] == "no price").all()
    assert labs["value_per_dollar"].isna().all() and len(table) == len(CASES)


def test_the_claim_is_judged_by_all_rows_together() -> None:
    faded, lasting = judge(planted(0.0)), judge(planted(0.5))
    assert faded.verdict == "supported" and faded.p_none_lasts < 0.025 and not faded.lasts
    assert lasting.verdict == "contradicted" and len(lasting.lasts) == 3
    assert "No moat is durable: contradicted" in lasting.sentence()
    doubtful = planted(0.0)
    for unit in doubtful.units[::2]:
        for (case, arm), response in unit.responses.items():
            if arm == "free" and case.holder == "entrant":
                response.profit += (-1.0) ** unit.draw * 5.0
    assert judge(doubtful).verdict == "undecided"
    # What is counted adds up to the rows compared.
    for found in (faded, lasting, judge(doubtful)):
        counts = [int(n) for n in re.findall(r"(\d+) (?:of|last|are undecided)", found.sentence())]
        assert sum(counts) == len(found.comparable)


def test_seeds_of_a_draw_are_no_units_of_their_own() -> None:
    study, case = planted(0.0, seeds=4), Case("data", "apps", "leader")
    found = study.responses(case, "free", "profit")
    assert found.shape == (PLANTED.draws, 96)
    first = [unit.responses[case, "free"].profit for unit in study.units if unit.draw == 0]
    assert len(first) == 4 and found[0] == pytest.approx(np.mean(first, axis=0), rel=1e-12)


# ------------------------------------------------------------------------------------------------- without a grant


def test_gini_and_hhi_of_known_stocks() -> None:
    assert gini(np.ones(8)) == pytest.approx(0.0) and hhi(np.ones(8)) == pytest.approx(1 / 8)
    alone = np.r_[np.zeros(9), 1.0]
    assert gini(alone) == pytest.approx(0.9) and hhi(alone) == 1.0
    assert gini(np.arange(1.0, 5.0)) == pytest.approx(0.25)
    assert math.isnan(gini(np.zeros(3))) and math.isnan(hhi(np.zeros(3)))


def test_concentrations_of_every_stock() -> None:
    market = Market(ESSAY, rng=1)
    market.run(12)
    found = concentrations(market)
    assert [(one.layer, one.moat) for one in found] == [(stock.kind, stock.moat) for stock in STOCKS]
    for one in found:
        assert math.isnan(one.gini) or (0.0 <= one.gini <= 1.0 and 0.0 < one.hhi <= 1.0 and 0.0 <= one.leader <= 1.0)


def test_the_parts_of_an_excess_add_up_and_the_market_stays() -> None:
    market = Market(ESSAY, rng=1)
    market.run(24)
    before = market.state.apps.copy()
    found = excess(market, "chipmakers", 6)
    assert found is not None and found.firm == "nvidia" and sum(found.parts.values()) == pytest.approx(found.total)
    assert found.total > 0.0 and np.array_equal(market.state.apps, before) and market.month == 24
    assert excess(market, "foundry", 6) is None  # one plant has no peers


def test_a_world_without_a_grant_is_looked_at_in_the_months_asked() -> None:
    found = arise(ESSAY, 1, [1, 6], ["labs"], set_at=4)
    assert {one.month for one in found.concentrations} == {1, 6} and [one.layer for one in found.excess] == ["labs"]


# ------------------------------------------------------------------------------------------------------ breakdown


@pytest.mark.parametrize(("threshold", "upwards"), [(5.0, True), (0.2, False), (1.5, True)])
def test_the_factor_of_a_known_curve_is_found(threshold: float, upwards: bool) -> None:
    found, ends = bisect(lambda f: 0.05 * (f / threshold) ** (1 if upwards else -1), 0.05, upwards)
    step = WIDEST ** (1.0 / 2**STEPS)
    assert threshold / step <= found <= threshold * step and ends[1] >= 0.05 > ends[0]


def test_a_factor_beyond_the_widest_is_censored() -> None:
    assert bisect(lambda f: 0.0, 0.05, True)[0] == math.inf and bisect(lambda f: 0.0, 0.05, False)[0] == 0.0
    assert bisect(lambda f: 1.0, 0.05, True)[0] == 1.0 and math.isnan(bisect(lambda f: math.nan, 0.05, True)[0])
    question = Question(Case("data", "apps", "leader"), "decay", "apps.data_decay", False)
    assert Breakdown(question, 0.0, (0.0, 0.0)).said == f"not at x {1 / WIDEST:.3g}"
    assert Breakdown(question, 1.0, (1.0, 1.0)).said == "lasts anyhow"


def test_every_stock_has_a_parameter_that_fades_it() -> None:
    for question in questions(cases_of()):
        half = scaled(ESSAY, question.address, 0.5)
        assert half.digest() != ESSAY.digest(), question
    for stock in STOCKS:
        assert fading_address(stock)[0]


def test_scaling_stays_within_the_declared_range() -> None:
    found = scaled(ESSAY, "apps.data_decay", 1e9)
    assert found.kind_value("apps", "data_decay") == 1.0
    with pytest.raises(InputError):
        scaled(ESSAY, "apps.no_such_thing", 2.0)


def test_an_answer_is_of_the_market() -> None:
    """Where everybody's data fade more slowly there are more of them, and the money of a grant buys less of a lead."""
    plan = replace(SMALL, cases=(Case("data", "apps", "leader"),), after=30, month=12)
    question = Question(plan.cases[0], "decay", "apps.data_decay", False)
    found = answer(plan, question, [(ESSAY, 1)])
    assert np.isfinite(found.returns).all() and 0.0 <= found.factor <= 1.0
    dear = Question(Case("supply-chain", "clouds", "leader"), "decay", "clouds.priority_decay", False)
    assert math.isnan(answer(replace(plan, cases=(dear.case,), worth=1e9), dear, [(ESSAY, 1)]).factor)
