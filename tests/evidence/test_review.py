"""A deal in a frozen month: what is frozen is what the market's rules use, and where its own rule comes to rest."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.errors import InputError
from moatlab.evidence.compare import Comparison
from moatlab.evidence.frozen import category_of, freeze
from moatlab.evidence.mergers import company, merge, stake
from moatlab.evidence.review import Deal, Review, carried_out, changes_of, review, screen
from tests.textbook.demand import at_rest, of_apps, scenario

TINY = Scenario("tiny")


def the_review(case: Scenario, deal: Deal, month: int = 60) -> Review:
    (found,) = [each for each in review(freeze(case, month), deal) if each.overlap or deal.one.startswith("labs.")]
    return found


@pytest.mark.parametrize("name", ["bertrand-5", "nested"])
def test_the_frozen_month_rests_where_the_market_does(name: str) -> None:
    """All customers choose again, so that the frozen demand is all there is: the merger's prices are the market's."""
    case = scenario(name)
    deal = Deal("apps.one", "apps.three")
    found = the_review(case, deal)
    np.testing.assert_allclose(found.before.price, of_apps(at_rest(case), "price"), rtol=1e-8)
    merged = of_apps(at_rest(carried_out(case, deal, 0)), "price")
    np.testing.assert_allclose(found.after.price, merged, rtol=1e-8)
    assert merged[0] > found.before.price[0] * 1.002
    # There the agency's slopes are the market's.
    np.testing.assert_allclose(found.simulated.price, found.after.price, rtol=1e-9)


@pytest.mark.parametrize("name", ["bertrand-5", "nested"])
@pytest.mark.parametrize(
    "terms", [{"stake": 0.4}, {"stake": 0.4, "control": True}, {"saving": 0.2}, {"stake": 0.3, "saving": 0.1}]
)
def test_stakes_and_savings_rest_where_the_frozen_month_says(name: str, terms: dict[str, float]) -> None:
    case = scenario(name)
    deal = Deal("apps.one", "apps.three", **terms)  # type: ignore[arg-type]
    found = the_review(case, deal)
    np.testing.assert_allclose(of_apps(at_rest(carried_out(case, deal, 0)), "price"), found.after.price, rtol=1e-8)
    assert abs(found.after.price[0] / found.before.price[0] - 1.0) > 1e-3


def test_sticky_customers_move_less_in_an_agencys_eyes() -> None:
    """Firms count on a share of their customers; slopes that come from margins take that share for all there is."""
    case = scenario("bertrand-5").set({"users.*.hazard_committed": 0.08})
    found = the_review(case, Deal("apps.one", "apps.three"), 119)
    assert np.all(found.before.moved < 0.7)
    np.testing.assert_allclose(found.before.price, of_apps(at_rest(case), "price"), rtol=1e-6)
    np.testing.assert_allclose(found.before.calibrated().elasticities(), found.before.elasticities(), rtol=1e-12)
    assert found.simulated.price[0] > found.after.price[0] > found.before.price[0]


@pytest.mark.parametrize(("crowding", "within"), [(0.0, 1e-9), (0.3, 2e-2)])
def test_the_rules_own_prices_are_best_prices_of_the_frozen_month(crowding: float, within: float) -> None:
    """Every app's next price in a month of the large scenario, as the compiled rule sets it.

    Where apps crowd, the rule takes the share that counts to move as in a logit, which is exact at rest only.
    """
    market = Market(Scenario("essay-2023").set({"users.crowding": crowding}), rng=3)
    market.run(20)
    frozen = []
    for name, run in market.walk():
        if name == "decisions":
            frozen = [category_of(market.state, market.names, k) for k in range(len(market.slugs["users"]))]
        run()
        if name == "decisions":
            break
    speed = float(market.state.shared["apps_price_speed"][0])
    checked = 0
    for category in frozen:
        products = category.products
        others = category.owner * products.diversion()
        np.fill_diagonal(others, 0.0)
        elsewhere = others @ (products.price - products.cost)
        for place, row in enumerate(category.rows):
            if products.sets[place]:
                best = products.best_price(place, float(products.cost[place]), float(elsewhere[place]))
                wanted = products.price[place] + speed * (best - products.price[place])
                assert market.state.apps["next_price"][row] == pytest.approx(wanted, rel=within)
                checked += 1
    assert checked > 50


def test_a_saving_is_paid_to_the_parties() -> None:
    deal = Deal("apps.writer", "apps.assistant", saving=0.25)
    plain, cheaper = (carried_out(TINY, each, 2) for each in (Deal("apps.writer", "apps.assistant"), deal))
    runs = {name: Market(each, rng=1).run(8) for name, each in (("plain", plain), ("cheaper", cheaper))}
    saved = runs["cheaper"].series("deal.saving")
    assert list(saved[:2]) == [0.0, 0.0] and np.all(saved[2:] > 0.0)
    for name, run in runs.items():
        paid = run.payments.to_pandas()
        mine = paid[(paid["kind"] == "app support") & (paid["month"] >= 2)]["amount"].sum()
        assert (mine > 0.0) == (name == "cheaper")
    assert runs["cheaper"].series("apps.writer.price").iloc[-1] < runs["plain"].series("apps.writer.price").iloc[-1]


def test_a_remedy_takes_the_overlap_away() -> None:
    """What is divested sells alone: with its only rival product gone the merger moves no price."""
    case = scenario("nested")
    whole = the_review(case, Deal("apps.two", "apps.four"))
    part = the_review(case, Deal("apps.two", "apps.four", remedies=("apps.six",)))
    assert whole.concentration()[1] > part.concentration()[1] > part.concentration()[0]
    gain = [each.after.price[3] / each.before.price[3] for each in (whole, part)]
    assert gain[0] > gain[1]
    rest = of_apps(at_rest(carried_out(case, Deal("apps.two", "apps.four", remedies=("apps.six",)), 0)), "price")
    np.testing.assert_allclose(part.after.price, rest, rtol=1e-8)
    with pytest.raises(InputError, match="not part of the merged"):
        changes_of(case, Deal("apps.two", "apps.four", remedies=("apps.three",)))
    with pytest.raises(InputError, match="nothing is left"):
        changes_of(case, Deal("apps.one", "apps.three", remedies=("apps.one", "apps.three")))


def test_screens_name_what_an_agency_asks_for() -> None:
    found = the_review(TINY, Deal("apps.writer", "apps.assistant"), 6)
    before, after, joint = found.concentration()
    shares = found.shares()
    places = [found.before.names.index(app) for app in ("apps.writer", "apps.assistant")]
    assert after - before == pytest.approx(2e4 * shares[places[0]] * shares[places[1]])
    assert joint == pytest.approx(shares[places].sum())
    row = found.screens()[0]
    assert row["app"] == "apps.writer" and row["upp"] == pytest.approx(row["guppi"] * row["price"])
    assert row["margin"] == pytest.approx(-1.0 / row["elasticity"], rel=1e-6)
    partner = found.screens()[1]
    assert row["guppi"] == pytest.approx(row["diversion"] * (partner["price"] - partner["cost"]) / row["price"])
    assert found.surplus_change() < 0.0 < found.mean_price_change(found.after)


def test_a_lab_that_buys_an_app_lowers_its_cost() -> None:
    found = next(r for r in review(freeze(TINY, 6), Deal("labs.closed", "apps.writer")) if r.category.slug == "copy")
    writer = found.before.names.index("apps.writer")
    assert (
        found.after.cost[writer] < found.before.cost[writer] and found.after.price[writer] < found.before.price[writer]
    )
    # The lab has an app in the category already: that one's price counts the new sibling.
    own = found.before.names.index("apps.assistant")
    assert found.merged[own, writer] == 1.0 and found.owner[own, writer] == 0.0


def test_layers_are_screened_by_shares() -> None:
    found = screen(freeze(TINY, 6), Deal("clouds.large", "clouds.small"))
    assert found is not None
    before, after, joint = found.concentration()
    assert joint == pytest.approx(1.0) and after == pytest.approx(1e4) and before < after
    assert {row["firm"] for row in found.rows} == {"clouds.large", "clouds.small"}
    assert all(row["diversion"] == pytest.approx(1.0) for row in found.rows)
    assert screen(freeze(TINY, 6), Deal("labs.closed", "apps.writer")) is None


def test_deals_between_layers() -> None:
    assert merge(TINY, "clouds.small", "clouds.large") == {
        "clouds.large.company": "small", "clouds.small.company": "small"}  # fmt: skip
    assert merge(TINY, "clouds.small", "chipmakers.leader") == {"clouds.small.own_chip": "leader"}
    assert stake(TINY, "clouds.large", "labs.closed", 0.2) == {
        "labs.closed.partner": "large", "labs.closed.revenue_share": 0.2}  # fmt: skip
    deal = Deal("labs.closed", "clouds.large", stake=0.2)
    assert carried_out(TINY, deal, 0).value("labs", "closed", "partner") == "large"
    dated = [event.dated(TINY.start) for event in carried_out(TINY, deal, 12).events]
    assert Counter(dated) == Counter(["2024-01: set labs.closed.partner large",
                                      "2024-01: set labs.closed.revenue_share 0.2"])  # fmt: skip
    assert Market(carried_out(TINY, deal, 3), rng=1).run(6).series("labs.closed.revenue").iloc[-1] > 0.0


def test_apps_of_a_lab_come_along() -> None:
    case = TINY.set({"apps.painter.owner": "closed"})
    assert company(case, "apps.painter") == ("apps.painter", "apps.assistant")
    assert company(case, "labs.closed") == ("labs.closed", "apps.painter", "apps.assistant")
    assert set(merge(case, "apps.writer", "apps.painter")) == {
        f"apps.{app}.company" for app in ("writer", "painter", "assistant")}  # fmt: skip


@pytest.mark.parametrize(
    ("deal", "clue"),
    [(("apps.writer", "apps.assistant", 0.0), "stake is a share"),
     (("apps.writer", "apps.assistant", 1.0, True), "control goes with"),
     (("apps.writer", "apps.assistant", 1.0, False, 1.0), "saving is a share"),
     (("clouds.large", "clouds.small", 0.5), "partial stake"),
     (("clouds.large", "clouds.small", 1.0, False, 0.1), "marginal cost"),
     (("apps.writer", "apps.assistant", 0.5, False, 0.0, ("apps.writer",)), "remedy")],
)  # fmt: skip
def test_terms_that_cannot_be(deal: tuple[str, str], clue: str) -> None:
    with pytest.raises(InputError, match=clue):
        Deal(*deal)


@pytest.mark.parametrize(
    ("one", "other", "clue"),
    [("clouds.large", "chipmakers.house", "own already"), ("clouds.large", "chipmakers.leader", "has a chip"),
     ("clouds.large", "labs.closed", "give the stake"), ("labs.closed", "labs.commons", "two apps can merge"),
     ("hosts.hub", "apps.writer", "two apps can merge"), ("clouds.large", "clouds.large", "already")],
)  # fmt: skip
def test_deals_that_the_market_has_no_rule_for(one: str, other: str, clue: str) -> None:
    with pytest.raises(InputError, match=clue):
        merge(TINY, one, other)


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="month 24"):
        freeze(TINY, 24)
    with pytest.raises(InputError, match=r"already, clouds\.large"):
        stake(TINY.set({"labs.closed.partner": "large", "labs.closed.revenue_share": 0.1}), "clouds.small",
              "labs.closed", 0.2)  # fmt: skip


def test_a_comparison_with_a_stake_goes_on_and_another_stake_is_another(tmp_path: Path) -> None:
    """The rule is in no file of the folder; its values are in the manifest."""
    out = tmp_path / "deal"

    def compare(share: float, seeds: int) -> Comparison:
        treated = carried_out(TINY, Deal("apps.writer", "apps.assistant", stake=share), 0)
        return TINY.compare(on=treated, seeds=seeds, months=6, out=out, metrics=["apps.writer.price"])

    first = compare(0.3, 2)
    more = compare(0.3, 3)
    assert np.array_equal(more.paths("apps.writer.price")[:, :2], first.paths("apps.writer.price"))
    # What was not recorded is run again in the same folder.
    assert more.effect("price", firm="apps.assistant").estimate != 0.0
    with pytest.raises(InputError, match=r"compares something else: .*stake"):
        compare(0.6, 3)
