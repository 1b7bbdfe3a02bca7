"""What Mesa's own tools ask of a model; its view in a browser is in tests/browser."""

from __future__ import annotations

import ast
import copy
import inspect
import pickle
import re
from pathlib import Path
from typing import Any

import mesa
import numpy as np
import pytest

import moatlab
from moatlab import App, InputError, Lab, Market, Rule, Scenario


def test_agent_sets_select_aggregate_and_do() -> None:
    market = Market("tiny", rng=1)
    market.step()
    apps = market.agents_by_type[App]
    dear = apps.select(lambda app: app.price > apps.agg("price", min))
    assert 0 < len(dear) < len(apps)
    assert apps.agg("revenue", sum) == sum(apps.get("revenue"))
    dear.do(lambda app: setattr(app, "price", 1.0))
    assert {app.price for app in dear} == {1.0}
    assert set(apps.groupby("category").groups) <= {0, 1}


def test_a_data_collector_sees_the_month() -> None:
    market = Market("tiny", rng=1)
    collector = mesa.DataCollector(
        model_reporters={"rent": lambda m: float(m.state.now["mean_rent"][0])},
        agent_reporters={"cash": lambda agent: getattr(agent, "cash", None)},
        agenttype_reporters={Lab: {"price": "price"}},
    )
    for _ in range(4):
        market.step()
        collector.collect(market)
    assert list(collector.get_model_vars_dataframe()["rent"]) == list(market.results.market["rent"])
    by_agent = collector.get_agent_vars_dataframe()
    assert set(by_agent.index.unique("Step")) == {1, 2, 3, 4}
    assert len(collector.get_agenttype_vars_dataframe(Lab)) == 8


needs_batch_run = pytest.mark.skipif(not hasattr(mesa, "batch_run"), reason="Mesa 4 has no batch_run")


@needs_batch_run
def test_batch_run_takes_a_plain_market_and_changes_of_its_scenario() -> None:
    """Seeds that nobody chose differ, a changed parameter acts, and the figures are those of the market's own run."""
    varied = {"scenario": "tiny", "users.crowding": [0.0, 0.8]}
    rows = mesa.batch_run(Market, varied, iterations=3, max_steps=3, display_progress=False)
    assert [row["users.crowding"] for row in rows] == 3 * [0.0, 0.8]
    assert len({row["market.rent"] for row in rows}) == 6
    for crowding in (0.0, 0.8):
        # Two scenarios, and no product of values: the seed goes with them.
        fixed = {"scenario": "tiny", "users.crowding": crowding, "rng": [7]}
        given = {key: fixed.pop(key) for key in ("rng",) if _SEEDS_APART}
        rows = mesa.batch_run(Market, fixed, **given, max_steps=4, data_collection_period=1, display_progress=False)
        alone = Market(Scenario("tiny").set({"users.crowding": crowding}), rng=7).run(len(rows))
        for address in ("market.rent", "labs.revenue", "apps.hhi"):
            assert [row[address] for row in rows] == list(alone.series(address))


#: Mesa 3.4 and later take seeds beside the parameters, 3.3 among them.
_SEEDS_APART = hasattr(mesa, "batch_run") and "rng" in inspect.signature(mesa.batch_run).parameters


class Collected(Market):
    """A market that collects by itself, in the way of Mesa's own examples."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__("tiny", **arguments)
        self.datacollector = mesa.DataCollector(
            model_reporters={"seed": "seed", "rent": lambda m: float(m.state.now["mean_rent"][0])}
        )

    def step(self) -> None:
        super().step()
        self.datacollector.collect(self)


@needs_batch_run
def test_a_market_that_collects_by_itself_keeps_its_collector() -> None:
    rows = mesa.batch_run(Collected, {}, iterations=5, max_steps=3, display_progress=False)
    assert len(rows) == len({row["seed"] for row in rows}) == len({row["rent"] for row in rows}) == 5


def test_a_step_of_ones_own_is_one_month() -> None:
    market = Collected(rng=1)
    market.run(3)
    collected = market.datacollector.get_model_vars_dataframe()["rent"]
    assert list(collected) == list(Market("tiny", rng=1).run(3).market["rent"])


def test_the_collector_of_a_market_holds_what_was_recorded_whenever_it_is_read() -> None:
    market = Market("tiny", rng=1)
    collector = market.datacollector
    assert collector.get_model_vars_dataframe().empty
    for months in (1, 4):
        market.run(months)
        # Both ways of Mesa's tools: the frame of a collector that they hold, and the lists of the model's.
        frame = collector.get_model_vars_dataframe()
        assert market.datacollector.model_vars["apps.hhi"] == list(frame["apps.hhi"])
        for address in frame:
            np.testing.assert_array_equal(frame[address].to_numpy(float), market.results.path(address))
    market.datacollector.collect(market)
    assert len(collector.get_model_vars_dataframe()) == 5


def test_the_collector_has_the_metrics_of_rules_from_outside() -> None:
    market = Market(Scenario("tiny").with_rule(Counting, after="settlement"), rng=1)
    market.run(3)
    assert list(market.datacollector.get_model_vars_dataframe()["toll.seen"]) == [0.0, 1.0, 2.0]


class Counting(Rule):
    """A rule that records the month."""

    name = "toll"
    metrics = (("seen", "months", "months before this one"),)

    def run(self) -> None:
        self.record("seen", float(self.state.clock[0]))


def test_a_run_without_mesas_tools_makes_no_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object) -> None:
        raise AssertionError("nobody asked for a collector")

    monkeypatch.setattr("moatlab.market.market.RecordCollector", refused)
    market = Market("tiny", rng=1)
    assert market.run(3).months == 3
    with pytest.raises(AssertionError, match="nobody asked"):
        _ = market.datacollector


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_a_copy_steps_and_collects_for_itself(copied: Any) -> None:
    market = Market("tiny", rng=1)
    market.run(2)
    _ = market.datacollector
    other = copied(market)
    other.run(3)
    assert (market.month, other.month) == (2, 5)
    assert len(other.datacollector.get_model_vars_dataframe()) == 5
    assert len(market.datacollector.get_model_vars_dataframe()) == 2


class Idle(Market):
    """Its step is none."""

    def step(self) -> None:
        pass


class Hasty(Market):
    """Its step is two."""

    def step(self) -> None:
        super().step()
        super().step()


@pytest.mark.parametrize("wrong", [Idle, Hasty])
def test_a_step_that_is_no_month_is_an_error(wrong: type[Market]) -> None:
    with pytest.raises(InputError, match=f"month 0 was not simulated: {wrong.__name__}.step"):
        wrong("tiny", rng=1).run(2)


def test_a_model_that_is_run_until_it_stops_ends_with_its_scenario() -> None:
    market = Market(Scenario("tiny"), rng=1)
    market.run_model()
    assert market.month == market.initial_scenario.months
    assert market.run(2).months == market.initial_scenario.months + 2


@pytest.mark.skipif(not hasattr(mesa.Model, "run_for"), reason="Mesa 3.3 and 3.4 have no time between steps")
def test_mesas_clock_runs_months_between_events_of_a_users_own() -> None:
    market, seen = Market("tiny", rng=1), []

    def look() -> None:
        seen.append(market.month)

    market.schedule_event(look, at=2.5)
    market.run_for(4)
    assert seen == [2] and market.month == 4 and market.time == 4.0
    assert market.results.equals(Market("tiny", rng=1).run(4))


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"seed": 3}, "not 'seed'; the seed is rng"),
        ({"rgn": 3}, "did you mean rng?"),
        ({"users.crowdin": 0.1}, "did you mean crowding"),
        ({"users.crowding": -1}, "users.crowding"),
    ],
)
def test_a_keyword_that_is_no_parameter_is_refused(keywords: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)):
        Market("tiny", **keywords)


def test_a_market_has_no_scenario_of_mesas() -> None:
    """Mesa's view takes what is under this name for its own, and would make the market again from it."""
    market = Market("tiny", rng=1)
    assert not hasattr(market, "scenario")
    with pytest.raises(AttributeError, match=r"market\.initial_scenario"):
        _ = market.scenario
    with pytest.raises(InputError, match="keeps the scenario"):
        market.scenario = Scenario("tiny")
    assert market.initial_scenario.name == "tiny"
    # Mesa's log of calls, and notebooks, show models.
    assert "tiny" in repr(market) and "tiny" in market._repr_html_()


def private_of_mesa() -> set[str]:
    """Names of Mesa's own on models, agents and collectors."""
    model = mesa.Model(rng=1)
    things = (model, mesa.Agent(model), mesa.DataCollector())
    names = {name for thing in things for name in [*dir(type(thing)), *vars(thing)]}
    return {name for name in names if name.startswith("_") and not name.startswith("__")}


def test_nothing_private_of_mesa_is_used_or_shadowed() -> None:
    used: set[str] = set()
    for path in (Path(moatlab.__file__).parent / "market").rglob("*.py"):
        source = path.read_text()
        if "mesa" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Attribute):
                used.add(node.attr)
            elif isinstance(node, ast.FunctionDef):
                used.add(node.name)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                used.add(node.value)
    assert "_views" in used and "_all_agents" in private_of_mesa()
    assert not used & private_of_mesa()


def test_the_seed_of_a_market_is_named_and_gives_it_again() -> None:
    one, other = Market("tiny", rng=None), Market("tiny")
    assert one.seed != other.seed
    again = Market("tiny", rng=np.int64(one.seed))
    assert one.run(3).market.to_pandas().equals(again.run(3).market.to_pandas())
    for wrong in (2**63, -1, True, "7", np.random.default_rng(1)):
        with pytest.raises(InputError, match="rng is a whole number from 0 to"):
            Market("tiny", rng=wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="months is a whole number from 1"):
        again.run(True)
    assert again.run(np.int64(2)).months == 5
