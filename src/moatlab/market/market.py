"""The market: a Mesa model whose month is a few compiled phases on arrays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import mesa
import numpy as np
from mesa.agent import AgentSet

from moatlab.errors import InputError
from moatlab.market.agents import KINDS_OF_FIRM, Firm, Investor
from moatlab.market.compilation import warm_up
from moatlab.market.events import Happening
from moatlab.market.graph import TradeGraph
from moatlab.market.month import act, trade
from moatlab.market.recorder import Recorder
from moatlab.market.start import start
from moatlab.market.state.ledger import Ledger
from moatlab.market.state.state import State
from moatlab.results.payments import OUTSIDE_PARTIES
from moatlab.results.results import Results
from moatlab.results.slugs import generated_slug
from moatlab.scenario.events import Event
from moatlab.scenario.scenario import Scenario

Detail = Literal["firm", "layer"]


class Market(mesa.Model):
    """One market, from month 0 of its scenario.

    ``scenario`` is a `Scenario`, the name of a packaged one or a path; ``rng`` the seed of all its luck (a whole number
    from 0).  ``detail`` "firm" records every firm and every payment, "layer" layers, categories and sums of payments
    only, for markets of very many apps.

    Raises `InputError` for a scenario that does not exist or contradicts itself.
    """

    def __init__(self, scenario: Scenario | str | Path, rng: int = 0, detail: Detail = "firm") -> None:
        if isinstance(rng, bool) or int(rng) != rng or rng < 0:
            raise InputError(f"rng is a whole number from 0, not {rng!r}")
        warm_up()
        super().__init__(rng=int(rng))
        # Mesa keeps bound methods of the model on the model, a cycle that would keep a run's tables in memory until a
        # later garbage collection.  The class has both methods, so Mesa's wrapper works without.
        for name in ("step", "_user_step"):
            self.__dict__.pop(name, None)
        self.scenario = scenario if isinstance(scenario, Scenario) else Scenario(scenario)
        self.seed = int(rng)
        self.detail: Detail = detail
        self.slugs: dict[str, tuple[str, ...]] = {kind: self.scenario.slugs(kind) for kind in ("users", *KINDS_OF_FIRM)}
        self.state: State = start(self.scenario, self.seed)
        #: Cash of every account at month 0, M$.
        self.first_cash = self.state.cash.copy()
        self.ledger = Ledger("firm" if detail == "firm" else "kind")
        self.recorder = Recorder(detail)
        self._graph: TradeGraph | None = None
        self._graph_month = -1
        self._views: dict[tuple[str, int], Firm] = {}
        self._investor: Investor | None = None
        self._happening = Happening(self.scenario.events)
        self._deciders = [self._make_own(address, cls) for address, cls in self.scenario.overrides.items()]

    @property
    def scenario(self) -> Scenario:
        """The scenario that the market started from."""
        return self._scenario_started

    @scenario.setter
    def scenario(self, scenario: Any) -> None:
        # Mesa 3.5 gives every model a scenario of a class of its own, which a market has no use for.
        if isinstance(scenario, Scenario):
            self._scenario_started = scenario

    # The month ------------------------------------------------------------------------------------------------------

    @property
    def month(self) -> int:
        """Months completed; the month that the next step simulates."""
        return int(self.state.clock[0])

    def step(self) -> None:
        """Simulate a month: the phases of `moatlab.market.month.PHASES`, then the record."""
        self._wrapped_step()

    def _user_step(self) -> None:
        """What Mesa's wrapper calls once it has counted the step."""
        self._happening.begin(self, self.month)
        state, ledger = self.state, self.ledger
        ledger.open_month(state)
        self._happening.pay(self, ledger)
        trade(state, ledger)
        if self._deciders:
            self._decide_own()
        act(state, ledger, self.recorder)
        ledger.close_month()
        self.recorder.turnover(state, ledger)
        state.clock[0] += 1

    def run(self, months: int | None = None, progress: Callable[[int], None] | None = None) -> Results:
        """Simulate ``months`` further months (by default the scenario's horizon) and return all that is recorded.

        ``progress`` is called with the number of months done after each.
        """
        horizon = self.scenario.months if months is None else months
        if isinstance(horizon, bool) or int(horizon) != horizon or horizon < 1:
            raise InputError(f"months is a whole number from 1, not {months!r}")
        for done in range(int(horizon)):
            self.step()
            if progress is not None:
                progress(done + 1)
        return self.results

    @property
    def results(self) -> Results:
        """What has been recorded so far."""
        return Results.of(self)

    def _decide_own(self) -> None:
        """Ask firms of one's own for their decisions, all from the same snapshot, then write them."""
        taken: list[tuple[Any, str, int, float]] = []
        for agent in self._deciders:
            if agent.rows["alive"][agent.row] != 1:
                continue
            for method, target in agent.decisions.items():
                if getattr(type(agent), method) is not getattr(KINDS_OF_FIRM[agent.kind], method):
                    value = float(getattr(agent, method)())
                    if not np.isfinite(value) or (value < 0.0 and target != "next_order"):
                        raise InputError(f"{agent.address}: {method} returned {value!r}; a number from 0 is needed")
                    taken.append((agent.rows, target, agent.row, value))
        for rows, target, row, value in taken:
            rows[target][row] = value

    def _make_own(self, address: str, cls: type) -> Firm:
        kind, row = self.find_row(address)
        if not issubclass(cls, KINDS_OF_FIRM[kind]):
            raise InputError(f"{cls.__name__} is no {KINDS_OF_FIRM[kind].__name__}: it cannot be {address}")
        agent: Firm = cls(self, row)
        self._views[kind, row] = agent
        return agent

    # Events ---------------------------------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Let an event happen now; a temporary one is undone after its last month."""
        self._happening.apply(self, event)

    def forget_graph(self) -> None:
        """Edges have changed: the graph is read anew when it is next looked at."""
        self._graph_month = -1

    # Names ----------------------------------------------------------------------------------------------------------

    def slug(self, kind: str, row: int) -> str:
        """Name in addresses of the firm in that row; a generated startup's is category-birth-index."""
        named = self.slugs[kind]
        if row < len(named):
            return named[row]
        category = self.slugs["users"][int(self.state.apps["category"][row])]
        return generated_slug(category, int(self.state.apps["identity"][row]))

    def display_name(self, kind: str, row: int) -> str:
        """Name to show."""
        named = self.slugs[kind]
        return self.scenario.display_name(kind, named[row]) if row < len(named) else self.slug(kind, row)

    def find_row(self, address: str) -> tuple[str, int]:
        """The (kind, row) of a firm's address ``kind.slug``; ``outside`` is outside demand."""
        if address == "outside":
            return "outside", 0
        kind, _, slug = address.partition(".")
        if kind in self.slugs and slug in self.slugs[kind]:
            return kind, self.slugs[kind].index(slug)
        if kind == "apps":
            for row in range(len(self.slugs["apps"]), self.state.count):
                if self.slug("apps", row) == slug:
                    return "apps", row
        raise InputError(f"there is no firm {address!r} in {self.scenario.name}")

    def account_name(self, account: int) -> str:
        """Name of an account: a firm's address, or users, outside, investors, parents, suppliers."""
        party, row = self.state.account_party(account)
        return party if party in OUTSIDE_PARTIES else f"{party}.{self.slug(party, row)}"

    # Mesa's view ----------------------------------------------------------------------------------------------------

    @property
    def graph(self) -> TradeGraph:
        """The trade graph with this month's volumes and dollars; changes to it reach the market at once."""
        if self._graph is None:
            self._graph = TradeGraph(self)
        elif self._graph_month != self.month:
            self._graph.refresh()
        self._graph_month = self.month
        return self._graph

    def _make_agents(self) -> None:
        """Agents are made when somebody looks at them, and leave when their firm has left."""
        if self._investor is None:
            self._investor = Investor(self)
        alive: set[tuple[str, int]] = set()
        for kind, cls in KINDS_OF_FIRM.items():
            table = self.state.kind(kind)
            rows = self.state.live if kind == "apps" else np.flatnonzero(table["alive"] == 1)
            for row in rows.tolist():
                alive.add((kind, row))
                if (kind, row) not in self._views:
                    self._views[kind, row] = cls(self, row)
        for key in [key for key in self._views if key not in alive]:
            self._views.pop(key).remove()

    @property
    def agents(self) -> AgentSet:
        """All firms alive, and the investors, as Mesa agents."""
        self._make_agents()
        return super().agents

    @agents.setter
    def agents(self, agents: Any) -> None:
        raise AttributeError("model.agents is Mesa's own; firms come from the scenario")

    @property
    def agent_types(self) -> list[type]:
        """The types of agents alive."""
        self._make_agents()
        return list(super().agent_types)

    @property
    def agents_by_type(self) -> dict[Any, AgentSet]:
        """Agents by class."""
        self._make_agents()
        by_type: dict[Any, AgentSet] = super().agents_by_type
        return by_type

    def firm(self, address: str) -> Firm:
        """The agent at an address ``kind.slug``."""
        kind, row = self.find_row(address)
        if (kind, row) not in self._views:
            self._views[kind, row] = KINDS_OF_FIRM[kind](self, row)
        return self._views[kind, row]
