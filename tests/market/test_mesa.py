"""What Mesa's own tools, and its browser view, ask of a model."""

from __future__ import annotations

from typing import Any

import mesa
import numpy as np
import pytest

from moatlab import App, InputError, Lab, Market


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


class Collected(Market):
    """A market as `mesa.batch_run` asks for it: one that collects."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__("tiny", **arguments)
        self.datacollector = mesa.DataCollector(
            model_reporters={"seed": "seed", "rent": lambda m: float(m.state.now["mean_rent"][0])}
        )

    def step(self) -> None:
        super().step()
        self.datacollector.collect(self)


def test_iterations_of_a_batch_run_are_different_runs() -> None:
    rows = mesa.batch_run(Collected, {}, iterations=5, max_steps=3, display_progress=False)
    assert len(rows) == len({row["seed"] for row in rows}) == len({row["rent"] for row in rows}) == 5
    rows = mesa.batch_run(Collected, {"rng": np.arange(3)}, max_steps=3, display_progress=False)
    assert [row["seed"] for row in rows] == [0, 1, 2]


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


def test_what_the_browser_view_needs() -> None:
    """SolaraViz makes a model anew from keyword arguments, steps it while it is running, and copies nothing else."""
    market = Market("tiny", rng=1)
    arguments: dict[str, Any] = {"scenario": "tiny", "rng": 2}
    again = type(market)(**arguments)
    assert again.running and again.steps == 0
    for _ in range(3):
        again.step()
    assert again.steps == again.month == 3
    assert {type(agent).__name__ for agent in again.agents} >= {"App", "Lab", "Cloud", "Investor"}
    assert all(agent.unique_id >= 1 for agent in again.agents)
