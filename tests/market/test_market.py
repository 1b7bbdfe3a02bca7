"""The market as a Mesa model: agents, determinism, independence, own firms, events."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from moatlab import App, Cloud, Foundry, InputError, Investor, Lab, Market, Scenario
from moatlab.market.month import PHASES


def tables(market: Market) -> list[pd.DataFrame]:
    r = market.results
    return [getattr(r, n).to_pandas() for n in ("market", "layers", "categories", "firms", "ledger")]


def same(one: Market, other: Market) -> bool:
    return all(a.equals(b) for a, b in zip(tables(one), tables(other), strict=True))


def test_mesa_sees_every_firm() -> None:
    market = Market("essay-2023", rng=1)
    market.step()
    assert market.month == 1
    apps = market.agents_by_type[App]
    assert len(apps) == len(market.state.live)
    assert len(market.agents_by_type[Lab]) == 10
    assert len(market.agents_by_type[Foundry]) == len(market.agents_by_type[Investor]) == 1
    dear = apps.select(lambda a: a.price > 30)
    assert 0 < len(dear) < len(apps)
    assert apps.agg("price", max) == max(apps.get("price"))
    jasper = market.firm("apps.jasper")
    assert jasper in apps and jasper.name == "Jasper"
    apps.do(lambda a: setattr(a, "awareness", 0.0))
    assert market.state.apps["awareness"][market.state.live].max() == 0.0
    market.run(30)
    assert len(market.agents_by_type[App]) == len(market.state.live)


def test_same_seed_same_bytes_and_other_seeds_differ() -> None:
    one, two, three = (Market("essay-2023", rng=seed) for seed in (5, 5, 6))
    for market in (one, two, three):
        market.run(24)
    assert same(one, two)
    assert not same(one, three)


def test_phases_one_by_one_make_the_same_month() -> None:
    whole, parts = Market("tiny", rng=3), Market("tiny", rng=3)
    whole.run(12)
    for _ in range(12):
        walked = []
        for name, run in parts.walk():
            walked.append(name)
            run()
        assert walked == [phase.name for phase in PHASES]
    assert same(whole, parts)


def test_live_models_never_touch_each_other() -> None:
    alone = Market("tiny", rng=1)
    alone.run(12)
    one, two = Market("tiny", rng=1), Market("tiny", rng=2)
    for _ in range(12):
        one.step()
        two.step()
        _ = len(two.agents)
    assert same(alone, one)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_a_copy_goes_on_as_the_original(copied: Any) -> None:
    market = Market("essay-2023", rng=4)
    market.run(10)
    _ = market.graph, len(market.agents)
    twin = copied(market)
    market.run(10)
    assert twin.month == 10
    twin.run(10)
    assert same(market, twin)
    assert pickle.loads(pickle.dumps(market.results)).market.to_pandas().equals(market.results.market.to_pandas())


class LossLeader(Lab):
    seen: float = 0.0

    def set_price(self) -> float:
        return 0.8 * self.marginal_cost


class Hoarder(Cloud):
    def set_order(self) -> float:
        return 2.0 * super().set_order()


def test_a_firm_of_ones_own_decides_for_itself() -> None:
    plain = Market("essay-2023", rng=1)
    own = Market(Scenario("essay-2023").replace("labs.cohere", LossLeader), rng=1)
    cohere = own.firm("labs.cohere")
    assert isinstance(cohere, LossLeader)
    before = None
    for market in (plain, own):
        market.step()
    assert cohere.price == pytest.approx(0.8 * cohere.marginal_cost)
    assert own.firm("labs.openai").price == plain.firm("labs.openai").price
    for market in (plain, own):
        market.run(11)
    sold = [m.results.series("labs.cohere.customers").sum() for m in (plain, own)]
    assert sold[1] > 1.5 * sold[0], before
    hoard = Market(Scenario("essay-2023").replace("clouds.aws", Hoarder), rng=1)
    hoard.run(12)
    assert hoard.firm("clouds.aws").fleet_now > plain.firm("clouds.aws").fleet_now


def test_a_firm_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(InputError, match="no Lab"):
        Market(Scenario("essay-2023").replace("labs.cohere", Hoarder), rng=1)


def test_events_happen_and_end() -> None:
    base = Scenario("essay-2023")
    outage = base.with_events("months 6-8: scale foundry.tsmc.capacity 0.1")
    market = Market(outage, rng=1)
    market.run(6)
    whole = market.firm("foundry.tsmc").capacity
    market.step()
    assert market.firm("foundry.tsmc").capacity < 0.2 * whole
    market.run(3)
    assert whole <= market.firm("foundry.tsmc").capacity < 1.2 * whole
    ended = Market(base.with_events("months 2-3: set clouds.running_cost 2.0"), rng=1)
    ended.run(3)
    assert ended.state.shared["clouds_running_cost"][0] == 2.0
    ended.run(2)
    assert ended.state.shared["clouds_running_cost"][0] == 0.6
    cut = Market(base.with_events("month 3: cut apps.jasper labs.openai"), rng=1).run(6)
    paid = cut.ledger.to_pandas()
    assert paid[(paid["payer"] == "apps.jasper") & (paid["payee"] == "labs.openai")]["month"].max() == 2


@pytest.mark.parametrize("bad", [-1, 1.5, True])
def test_bad_seed_is_refused(bad: Any) -> None:
    with pytest.raises(InputError, match="rng"):
        Market("tiny", rng=bad)


@pytest.mark.parametrize("bad", [0, -3, 2.5])
def test_bad_horizon_is_refused(bad: Any) -> None:
    with pytest.raises(InputError, match="months"):
        Market("tiny", rng=1).run(bad)


def test_layers_alone_are_the_same_layers() -> None:
    whole, thin = Market("essay-2023", rng=1), Market("essay-2023", rng=1, detail="layer")
    for market in (whole, thin):
        market.run(12)
    for name in ("market", "layers", "categories", "payments"):
        assert getattr(whole.results, name).to_pandas().equals(getattr(thin.results, name).to_pandas())
    assert len(thin.results.firms) == 0


def test_invariants_hold_every_month() -> None:
    market = Market("essay-2023", rng=7)
    for _ in range(60):
        market.step()
        s = market.state
        apps = s.apps[s.live]
        customers = np.bincount(apps["category"], apps["tourists"] + apps["committed"], s.users.shape[0])
        assert (customers <= s.users["potential"] + 1e-9).all()
        assert (apps["tourists"] >= 0).all() and (apps["committed"] >= 0).all()
        assert (s.clouds["hours"] <= s.clouds["capacity"] * (1 + 1e-9)).all()
        assert (s.clouds["rent"] >= s.clouds["running"] * 0.999).all()
        assert (s.backlog >= 0).all() and (s.fleet >= 0).all()
        assert np.isfinite(s.cash).all()
        routed = s.next_routing[s.live][:, :]
        assert (routed >= 0).all() and (routed <= 1 + 1e-12).all()


def test_neutral_drivers_have_no_effect() -> None:
    base = Scenario("essay-2023")
    off = Market(base.set({"apps.graduation": "off"}), rng=1).run(60)
    assert off.series("apps.graduations").sum() == 0
    ample = Market(base.set({"clouds.*.fleet": 5000.0}), rng=1).run(6)
    assert ample.series("market.scarcity_rent").abs().max() == 0
    loyal = Market(base.set({"users.*.hazard_tourist": 0.0, "users.*.hazard_committed": 0.0}), rng=1).run(6)
    assert loyal.series("apps.churn").max() == 0


def test_a_rule_for_all_apps_holds_for_generated_ones_and_entrants() -> None:
    market = Market(Scenario("essay-2023").set({"apps.*.price_rule": "frozen"}), rng=1)
    market.run(12)
    apps = market.state.apps[market.state.live]
    assert (apps["birth"] > 0).any() and (apps["price_rule"] == 1).all()
