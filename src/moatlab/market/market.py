"""The market: a Mesa model whose month is a few compiled phases on arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, SupportsIndex, get_args

import mesa
import numpy as np
from mesa.agent import AgentSet

from moatlab.errors import InputError, shown
from moatlab.market.agents import KINDS_OF_FIRM, Firm, Investor
from moatlab.market.collector import RecordCollector
from moatlab.market.compilation import warm_up
from moatlab.market.events import Events
from moatlab.market.graph import TradeGraph
from moatlab.market.month import MONTH, Hook
from moatlab.market.names import Names
from moatlab.market.recorder import Recorder, collect
from moatlab.market.rule import Rule, recorded
from moatlab.market.start import start
from moatlab.market.state.ledger import Ledger
from moatlab.market.state.state import State
from moatlab.results.results import Results
from moatlab.scenario.addresses import nearest
from moatlab.scenario.events import Event
from moatlab.scenario.months import month_name
from moatlab.scenario.rules import RuleUse
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.seeds import check_seed, fresh_seed
from moatlab.scenario.values import whole_number

Detail = Literal["firm", "layer"]


class Market(mesa.Model):
    """One market, from month 0 of its scenario.

    ``scenario`` is a `Scenario`, the name of a packaged one or a path; ``rng`` the seed of all its draws, a whole
    number from 0 to 2**63 - 1, or None for one that nobody chose, which ``seed`` then names.  ``detail`` "firm" records
    every firm and every payment, "layer" layers, categories and sums of payments only, for markets of very many apps.
    Further keywords are changes of the scenario by address, as in ``Market("tiny", **{"users.crowding": 0.8})``, which
    Mesa's tools can vary (docs/mesa.md).

    Raises `InputError` for a scenario that does not exist or contradicts itself, and for other keywords.
    """

    def __init__(
        self,
        scenario: Scenario | str | Path,
        rng: SupportsIndex | None = None,
        detail: Detail = "firm",
        # Mesa 3.3's view accepts names that it does not know only where they go into ``kwargs``.
        **kwargs: Any,
    ) -> None:
        seed = fresh_seed() if rng is None else check_seed(rng, "rng")
        if detail not in get_args(Detail):
            raise InputError(f"detail is firm or layer, not {shown(detail)}")
        warm_up()
        super().__init__(rng=seed)
        #: The scenario that the market started from.
        self.initial_scenario = _changed(scenario, kwargs)
        #: The seed of all draws, whoever chose it: the same seed gives the same run.
        self.seed = seed
        self.detail: Detail = detail
        self.state: State = start(self.initial_scenario, self.seed)
        self.names = Names(self.initial_scenario, self.state)
        #: Cash of every account at month 0, M$.
        self.first_cash = self.state.cash.copy()
        #: Book value of fleets and fabs at month 0 by account, M$.
        self.first_books = np.zeros_like(self.first_cash)
        for table in (self.state.clouds, self.state.foundry):
            self.first_books[table["account"].astype(int)] = table["book"]
        self.ledger = Ledger("firm" if detail == "firm" else "kind")
        self.recorder = Recorder(detail)
        self._graph: TradeGraph | None = None
        self._graph_seen = (-1, -1)
        self._views: dict[tuple[str, int], Firm] = {}
        self._investor: Investor | None = None
        self._events = Events(self.initial_scenario.events, self.state, self.names, self.recorder)
        self._deciders = [self._make_own(address, cls) for address, cls in self.initial_scenario.overrides.items()]
        self._rules = [self._make_rule(use) for use in self.initial_scenario.rules]
        self._collector: Any = None

    # The month ------------------------------------------------------------------------------------------------------

    @property
    def month(self) -> int:
        """Months completed; the month that the next step simulates."""
        return int(self.state.clock[0])

    def __repr__(self) -> str:
        now = f"month {self.month}, {month_name(self.month, self.initial_scenario.start)}"
        return f"<Market {self.initial_scenario.name}, seed {self.seed}, before {now}>"

    def _repr_html_(self) -> str:
        from moatlab.results.text.html import page

        told = self.results._repr_html_() if self.month else ""
        return page(repr(self)[1:-1], self.initial_scenario._repr_html_(), told)

    def step(self) -> None:
        """Simulate a month: events, then the phases of `moatlab.market.month.PHASES`."""
        self._open_month()
        MONTH.run(self.state, self._hooks)
        self._close_month()
        if self.month >= self.initial_scenario.months:
            # For those who go on until a model stops running; `run` and `step` go on for as long as they are asked.
            self.running = False

    def walk(self) -> Iterator[tuple[str, Hook]]:
        """Simulate a month phase by phase, for those who look between them: each phase's name, and what runs it.

        ``for name, run in market.walk(): run()`` does what `step` does; Mesa's count of steps stays.
        """
        self._open_month()
        for place, name in enumerate(MONTH.names):
            yield name, partial(MONTH.step, self.state, place, place + 1)
            for hook in self._hooks.get(name, ()):
                hook()
        self._close_month()

    def _open_month(self) -> None:
        self._events.begin()
        self.ledger.open_month(self.state)
        self.recorder.open_month(self.state)
        self._events.pay()
        for rule in self._rules:
            rule.open_month()

    def _close_month(self) -> None:
        self.ledger.close_month(self.state)
        self.recorder.close_month(self.state)
        self.state.clock[0] += 1

    @property
    def _hooks(self) -> dict[str, list[Hook]]:
        """What Python does after phases, by the phase's name."""
        hooks: dict[str, list[Hook]] = {"decisions": [self._decide_own]} if self._deciders else {}
        for rule, use in zip(self._rules, self.initial_scenario.rules, strict=True):
            hooks.setdefault(use.after, []).append(rule.run)
        return hooks

    def run(self, months: SupportsIndex | None = None, progress: Callable[[int], None] | None = None) -> Results:
        """Simulate ``months`` further months (by default the scenario's horizon) and return all that is recorded.

        ``progress`` is called with the number of months done after each.
        """
        horizon = self.initial_scenario.months if months is None else months
        asked = whole_number(horizon)
        if asked is None or asked < 1:
            raise InputError(f"months is a whole number from 1, not {shown(months)}")
        for done in range(asked):
            month = self.month
            self.step()
            if self.month != month + 1:
                raise InputError(_STANDS_STILL.format(month=month, name=type(self).__name__, version=mesa.__version__))
            if progress is not None:
                progress(done + 1)
        return self.results

    @property
    def results(self) -> Results:
        """What has been recorded so far."""
        return collect(self.initial_scenario, self.seed, self.detail, self.names, self.state, self.ledger,
                       self.recorder, self.first_cash, self.first_books, recorded(self._rules))  # fmt: skip

    def _decide_own(self) -> None:
        """Ask firms of one's own for their decisions, all from the same snapshot, then write them."""
        taken: list[tuple[Any, str, int, float]] = []
        for agent in self._deciders:
            if agent.rows["alive"][agent.row] != 1:
                continue
            for method, target in agent.decisions.items():
                if getattr(type(agent), method) is not getattr(KINDS_OF_FIRM[agent.kind], method):
                    value = _decided(getattr(agent, method)(), target, f"{agent.address}: {method}")
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

    def _make_rule(self, use: RuleUse) -> Rule:
        if not issubclass(use.rule, Rule):
            raise InputError(f"{use.rule.__name__} is no subclass of moatlab.Rule", "with_rule")
        if use.after not in MONTH.names:
            raise InputError(f"there is no phase {use.after!r}; {nearest(use.after, MONTH.names)}", f"rule {use.name}")
        rule: Rule = use.rule(self.state, self.names, dict(use.values))
        rule.start()
        return rule

    # Events ---------------------------------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Apply an event now; a temporary one is undone after its last month."""
        self._events.apply(event)

    # Names ----------------------------------------------------------------------------------------------------------

    @property
    def slugs(self) -> dict[str, tuple[str, ...]]:
        """Slugs of the rows that the scenario names, by kind."""
        return self.names.slugs

    def slug(self, kind: str, row: int) -> str:
        """Name in addresses of the firm in that row; a generated startup's is category-birth-index."""
        return self.names.slug(kind, row)

    def display_name(self, kind: str, row: int) -> str:
        """Name to show."""
        return self.names.display_name(kind, row)

    def find_row(self, address: str) -> tuple[str, int]:
        """The (kind, row) of a firm's address ``kind.slug``; ``outside`` is outside demand."""
        return self.names.find_row(address)

    def account_name(self, account: int) -> str:
        """Name of an account: a firm's address, or users, outside, investors, parents, suppliers."""
        return self.names.account_name(account)

    # Mesa's view ----------------------------------------------------------------------------------------------------

    @property
    def scenario(self) -> Any:
        """Not there: Mesa 3.5 and later keep a scenario of a class of their own under this name."""
        raise AttributeError("the scenario that a market started from is market.initial_scenario")

    @scenario.setter
    def scenario(self, scenario: Any) -> None:
        # What Mesa sets when it makes a model.  Its view asks for nothing if a model has no scenario of Mesa's.
        if isinstance(scenario, Scenario):
            raise InputError("a market keeps the scenario that it started from: make another with Market(scenario)")

    @property
    def datacollector(self) -> mesa.DataCollector:
        """Mesa's collector of the market-wide metrics and those of layers, by address; filled when it is asked for.

        A subclass may set one of its own.
        """
        if self._collector is None:
            self._collector = RecordCollector(self._recorded, tuple(recorded(self._rules)))
        if isinstance(self._collector, RecordCollector):
            self._collector.fill()
        return self._collector

    @datacollector.setter
    def datacollector(self, collector: mesa.DataCollector) -> None:
        self._collector = collector

    def _recorded(self) -> Results:
        return self.results

    @property
    def graph(self) -> TradeGraph:
        """The trade graph with this month's volumes and dollars; changes to it reach the market at once."""
        seen = (self.month, self.state.edges_version)
        if self._graph is None:
            self._graph = TradeGraph(self.state, self.names, self.ledger)
        elif self._graph_seen[0] != self.month:
            # Whoever keeps a graph each month keeps that month's.
            self._graph = self._graph.successor()
        elif self._graph_seen != seen:
            self._graph.refresh()
        self._graph_seen = seen
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
            self._views.pop(key).forget()

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


#: What is said where a step was no month.
_STANDS_STILL = (
    "month {month} was not simulated: {name}.step() did not reach Market.step() exactly once; a step of one's own "
    "calls super().step(), and Mesa {version} has to call the model's step (docs/mesa.md names the versions tested)"
)


def _changed(scenario: Scenario | str | Path, changes: dict[str, Any]) -> Scenario:
    """The scenario, with the changes that were given as keywords."""
    started = scenario if isinstance(scenario, Scenario) else Scenario(scenario)
    for name in changes:
        if "." not in name:
            known = ["scenario", "rng", "detail"]
            hint = "the seed is rng" if name == "seed" else nearest(name, known)
            raise InputError(f"Market takes scenario, rng, detail and addresses of parameters, not {name!r}; {hint}")
    return started.set(changes) if changes else started


def _decided(value: Any, target: str, what: str) -> float:
    """What a decision returned, as a finite number, from 0 for all but orders, which may cancel some."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = np.nan
    if not np.isfinite(number) or (number < 0.0 and target != "next_order"):
        raise InputError(f"{what} returned {shown(value)}; a number from 0 is needed")
    return number
