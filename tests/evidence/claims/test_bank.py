"""The runs behind claims: what is laid on what, each distinct run once, read back as they were run."""

from __future__ import annotations

import re
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np

from moatlab import Market, Scenario
from moatlab.evidence.claims import bank
from moatlab.evidence.claims.bank import Bank, Group
from moatlab.evidence.claims.files import load
from moatlab.evidence.claims.model import Changes, DrawnMarket, code_of, outcome_of
from moatlab.evidence.claims.sample import from_prior
from moatlab.evidence.claims.variants import BASE, PATHS, RIVALS, all_variants, pairs
from moatlab.experiments.record import reduce
from moatlab.experiments.spec import Outcome
from moatlab.scenario.addresses import resolve
from tests.evidence.claims.tiny import SIZES, claim, ran

ROOT = Path(__file__).parents[3]
TINY = Scenario("tiny")


def drawn(count: int = 2) -> DrawnMarket:
    return DrawnMarket(TINY, from_prior(TINY, count), all_variants(), 12)


def at(scenario: Scenario, address: str) -> object:
    return scenario.at(resolve(address, scenario.all_slugs, "test"))


def test_an_arm_goes_before_a_variant_and_a_variant_before_the_draw() -> None:
    model = drawn()
    arm = model.world({"apps.graduation": "forced"}, (), {})
    forced = model.at(arm, {"draw": 1, "variant": "graduation-off"}).scenario
    assert at(forced, "apps.graduation") == "forced"
    none = model.at(Changes(), {"draw": 1, "variant": "graduation-off"}).scenario
    assert at(none, "apps.graduation") == "off"
    free = model.at(Changes(), {"draw": 1, "variant": "routing-free"}).scenario
    plain = model.at(Changes(), {"draw": 1, "variant": BASE}).scenario
    assert at(free, "apps.routing_speed") == 1.0 != at(plain, "apps.routing_speed")
    slow = model.at(Changes(), {"draw": 1, "variant": "leaks-slow"}).scenario
    assert np.isclose(float(str(at(slow, "labs.leak_half_life"))), 3 * float(str(at(plain, "labs.leak_half_life"))))


def test_draws_have_random_numbers_of_their_own_and_arms_of_a_draw_share_them() -> None:
    model = drawn()
    code = code_of(Outcome(metric="market.hype", months=(11, 11), reduce="last"))
    base = TINY.set({"investors.hype_feedback": 0.0})
    places = [model.at(Changes(), {"draw": d, "variant": BASE}) for d in (0, 1)]
    same = [replace(place, scenario=base) for place in places]
    hype = [float(model.run(place, 7, 1, [code])[0, 0]) for place in same]
    assert hype[0] != hype[1]
    dearer = replace(same[0], scenario=base.set({"apps.overhead": 0.2}))
    assert float(model.run(dearer, 7, 1, [code])[0, 0]) == hype[0]


def test_the_key_of_a_run_says_all_that_decides_it() -> None:
    model, arm = drawn(), Changes((("apps.graduation", "off"),))
    points = [{"draw": 0, "variant": BASE}, {"draw": 1, "variant": BASE}, {"draw": 0, "variant": "hype-given"}]
    keys = [*model.digests(Changes(), points), *model.digests(arm, points)]
    assert len(set(keys)) == 6
    other = DrawnMarket(TINY, from_prior(TINY, 2, seed=3), all_variants(), 12)
    assert not set(other.digests(Changes(), points)) & set(keys)
    longer = DrawnMarket(TINY, from_prior(TINY, 2), all_variants(), 13)
    assert not set(longer.digests(Changes(), points)) & set(keys)
    assert drawn(4).digests(Changes(), points) == keys[:3]


def test_an_outcome_and_the_name_of_its_column_are_the_same() -> None:
    outcome = Outcome(
        metric="labs.revenue", per=("apps.revenue",), log=True, months=(3, 9), label="x", predicted="lower"
    )
    back = outcome_of(code_of(outcome))
    assert (back.metric, back.per, back.log, back.months) == ("labs.revenue", ("apps.revenue",), True, (3, 9))
    assert code_of(back) == code_of(outcome) and '"' not in code_of(outcome)


def test_what_is_read_back_is_what_the_market_does() -> None:
    """One run of the bank, done again by hand."""
    found, sample = ran(), ran().group.sample
    draw, hours = 4, claim().outcomes["hours"]
    scenario = TINY.set(sample.changes[draw]).with_events("month 2: scale foundry.fab.capacity 2")
    main = found.group.experiments["main"]
    seed = main.plan.seeds[0][0]
    own = int(np.random.SeedSequence([seed, draw]).generate_state(1, np.uint64)[0] >> np.uint64(1))
    run = Market(scenario, rng=own).run(18)
    paths = {"market.hours_sold": run.path("market.hours_sold")}
    by_hand = reduce(hours, paths, TINY.all_slugs)
    assert found.values(hours, found.group.arm_of(claim(), "twice"))[draw] == by_hand
    assert found.failed == 0


def test_variants_are_read_at_their_own_draws() -> None:
    found, hours = ran(), claim().outcomes["hours"]
    arm = found.group.arm_of(claim(), "control")
    base = found.values(hours, arm)
    assert len(base) == SIZES.draws
    assert len(found.values(hours, arm, "outside-half")) == SIZES.path_draws
    assert len(found.values(hours, arm, "routing-free")) == SIZES.structure_draws
    # A rival that says what the market does anyway leaves it as it is, and half the outside demand does not.
    half = found.values(hours, arm, "outside-half")
    assert half.mean() < base[: len(half)].mean() - 0.05


def test_arms_that_say_the_same_are_one_and_stored_runs_are_not_done_again(tmp_path: Path) -> None:
    group = Group(tuple(load(["graduation", "app-margins"])), ran().group.sample, SIZES)
    assert group.arm_of(group.claims[0], "control") == group.arm_of(group.claims[1], "control")
    small = replace(SIZES, draws=2, structure_draws=1, path_draws=1)
    mine = Group((claim(),), from_prior(TINY, 2), small)
    done: list[int] = []
    for _ in range(2):
        bank.run(mine, tmp_path, "serial", None, None, lambda counts: done.append(counts.todo))
        assert (max(done) > 0) == (len(done) and done[-1] >= 0 and _ == 0)
        done.clear()


def test_rivals_are_alternatives_alone_and_in_pairs() -> None:
    count = len(RIVALS)
    assert len(pairs()) == count * (count - 1) // 2
    assert len(all_variants()) == count + len(pairs()) + len(PATHS)
    both = all_variants()["labs-prices-frozen--graduation-off"]
    assert dict(both.set) == {"labs.*.price_rule": "frozen", "apps.graduation": "off"}
    essay = Scenario("essay-2023")
    model = DrawnMarket(essay, from_prior(essay, 1), all_variants(), 12)
    plain = model.at(Changes(), {"draw": 0, "variant": BASE}).scenario
    for name in all_variants():
        assert model.at(Changes(), {"draw": 0, "variant": name}).scenario.digest() != plain.digest(), name


def test_rivals_are_those_that_the_patterns_do_not_reject() -> None:
    """The list of docs/trace.md, with the settings of the benchmark that prints it."""
    settings = runpy.run_path(str(ROOT / "benchmarks" / "patterns.py"))["RIVALS"]
    listed = re.findall(r"^(\S.*?) +not rejected$", (ROOT / "docs" / "trace.md").read_text(encoding="utf-8"), re.M)
    essay = Scenario("essay-2023")
    mine = [
        essay.set({**rival.set, **{name: by * float(str(at(essay, name))) for name, by in rival.scale.items()}})
        for rival in RIVALS
    ]
    assert {one.digest() for one in mine} == {essay.set(settings[name]).digest() for name in listed if name != "base"}


def test_seeds_of_a_draw_are_averaged_and_what_failed_is_left_out() -> None:
    hours = claim().outcomes["hours"]
    table = np.array([[[[1.0], [3.0]], [[np.nan], [5.0]], [[np.nan], [np.nan]]]])
    sizes = replace(SIZES, draws=3, seeds=2)
    made = Bank(replace(ran().group, sizes=sizes), Path(), {"main": ({"a": 0}, {code_of(hours): 0}, table)}, 0)
    assert np.array_equal(made.values(hours, "a"), [2.0, 5.0, np.nan], equal_nan=True)
