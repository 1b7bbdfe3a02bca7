"""The month: the phases in their order.  This list is what runs, what is timed, compiled ahead, printed and documented.

Demand flows down the stack, compute clears, money flows up, firms decide from the same snapshot, hardware moves, firms
come and go.  A phase is one compiled function of the state's arrays (`moatlab.market.state.arrays.Arrays`), whose
docstring says all that it does.  It returns 0 when it is done, and another number where the state has to be helped
first (`meet`): it is then entered again from its start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from moatlab.errors import ClearingError
from moatlab.market.record import record_trade, record_turnover
from moatlab.market.rules.apps import commit_apps, refresh_apps
from moatlab.market.rules.bargaining import decide_deals
from moatlab.market.rules.budgets import decide_budgets
from moatlab.market.rules.capital import balance_infrastructure, move_hype, raise_rounds
from moatlab.market.rules.chips import age_fleets, cost_chips, deliver, keep_priority, measure_fleets, start_chips
from moatlab.market.rules.commit import commit_hardware, commit_sellers
from moatlab.market.rules.compute import decide_reserves, expect, find_rents, gather_buyers, serve
from moatlab.market.rules.entry import count_entrants, weigh_entry
from moatlab.market.rules.foundry import decide_foundry, run_foundry
from moatlab.market.rules.graduation import decide_own_model
from moatlab.market.rules.offers import post
from moatlab.market.rules.orders import decide_list_prices, decide_orders, order_chips
from moatlab.market.rules.outside import move_outside
from moatlab.market.rules.pricing import decide_app_prices
from moatlab.market.rules.race import compete
from moatlab.market.rules.settlement import account_labs, settle_apps, settle_compute
from moatlab.market.rules.sourcing import carry_tokens, decide_routing
from moatlab.market.rules.spending import decide_spending
from moatlab.market.rules.token_prices import decide_token_prices
from moatlab.market.rules.training import decide_training, drift_specialisation
from moatlab.market.rules.turnover import enter, leave
from moatlab.market.rules.users import choose
from moatlab.market.rules.vendors import develop
from moatlab.market.state.compiled import Chain, Rows, kernel

if TYPE_CHECKING:
    from moatlab.market.state.state import State

#: What a phase returns: it is done, the table of buyers is too short, no rents clear, startups need rows.
DONE, MORE_BUYERS, NOT_CLEARED, MORE_APPS = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Phase:
    """A named part of the month: a compiled function of the state's arrays."""

    name: str
    rule: Any

    @property
    def meaning(self) -> str:
        """What happens in it, in a sentence: the first paragraph of the rule's docstring."""
        return " ".join((self.rule.__doc__ or "").split("\n\n")[0].split()).rstrip(".")


@kernel
def offers(s: Rows) -> int:
    """What follows from firms' decisions is brought up to date: open models are published, offers posted and graded;
    costs of chips, running costs and capacity of fleets; prices of metered plans, apps' costs, capability and use.
    """
    post(s)
    measure_fleets(s)
    cost_chips(s)
    refresh_apps(s)
    return DONE


@kernel
def users(s: Rows) -> int:
    """Non-users adopt, customers reconsider, choose and leave: customers of every app."""
    choose(s)
    return DONE


@kernel
def tokens(s: Rows) -> int:
    """Calls go to labs, to hosts of open checkpoints and to apps' in-house models."""
    carry_tokens(s)
    return DONE


@kernel
def compute(s: Rows) -> int:
    """Labs, hosts, apps and outside demand rent GPU-hours; rents clear; what scarce capacity cuts off is recorded."""
    if not gather_buyers(s):
        return MORE_BUYERS
    if not find_rents(s):
        return NOT_CLEARED
    serve(s)
    return DONE


@kernel
def settlement(s: Rows) -> int:
    """Users, apps, labs, hosts and outside demand pay; costs are booked; companies lose and win income by the race of
    models; expectations of rents follow."""
    settle_apps(s)
    settle_compute(s)
    account_labs(s)
    compete(s)
    expect(s)
    return DONE


@kernel
def decisions(s: Rows) -> int:
    """All decide from one snapshot: sources, in-house models, deals, prices, quotas, budgets, orders, expansion."""
    decide_routing(s)
    decide_own_model(s)
    decide_deals(s)
    decide_app_prices(s)
    decide_spending(s)
    decide_token_prices(s)
    decide_budgets(s)
    decide_training(s)
    decide_reserves(s)
    decide_orders(s)
    decide_list_prices(s)
    decide_foundry(s)
    return DONE


@kernel
def effect(s: Rows) -> int:
    """Decisions take effect, all at once, for the next month; models are released; stocks grow and fade."""
    commit_apps(s)
    commit_sellers(s)
    commit_hardware(s)
    drift_specialisation(s)
    return DONE


@kernel
def chips(s: Rows) -> int:
    """Orders are placed; chips are delivered, started and, after the lead time, arrive; fabs are built; fleets age;
    chipmakers' research builds software and designs, and new generations ramp up.
    """
    order_chips(s)
    deliver(s)
    start_chips(s)
    run_foundry(s)
    keep_priority(s)
    age_fleets(s)
    develop(s)
    return DONE


@kernel
def capital(s: Rows) -> int:
    """Outside demand and hype move; rounds close; owners fund shortfalls and withdraw surplus cash."""
    move_outside(s)
    raise_rounds(s)
    balance_infrastructure(s)
    move_hype(s)
    return DONE


@kernel
def record(s: Rows) -> int:
    """The month's trade goes into the tables, at the prices that were paid."""
    record_trade(s)
    return DONE


@kernel
def exits(s: Rows) -> int:
    """Firms without cash or without a prospect exit; founders see what a newcomer would be worth."""
    leave(s)
    weigh_entry(s)
    return DONE


@kernel
def entry(s: Rows) -> int:
    """Offers are posted as they now are; startups enter and choose their first sources, prices and quotas."""
    post(s)
    count_entrants(s)
    now = s.now[0]
    if s.live.shape[0] != now.kept + now.coming or s.apps.shape[0] < now.rows + now.coming:
        return MORE_APPS
    enter(s)
    return DONE


@kernel
def close(s: Rows) -> int:
    """Exits, entries and the month's payments go into the tables."""
    record_turnover(s)
    return DONE


#: The month, in order.
PHASES: tuple[Phase, ...] = (
    Phase("offers", offers),
    Phase("users", users),
    Phase("tokens", tokens),
    Phase("compute", compute),
    Phase("settlement", settlement),
    Phase("decisions", decisions),
    Phase("chips", chips),
    Phase("capital", capital),
    Phase("record", record),
    Phase("effect", effect),
    Phase("exit", exits),
    Phase("entry", entry),
    Phase("close", close),
)

#: What Python does between two phases, for instance the decisions of firms of one's own.
Hook = Callable[[], None]


class Month:
    """Runs phases on a state, with hooks after some of them."""

    def __init__(self, phases: Sequence[Phase] = PHASES) -> None:
        self.phases = tuple(phases)
        self.names = tuple(phase.name for phase in phases)
        self._chain = Chain([phase.rule for phase in phases])

    def run(self, state: State, hooks: Mapping[str, Sequence[Hook]]) -> None:
        """Simulate a month: all phases in order, and after each the ``hooks`` of its name.

        Raises `ClearingError` where demand for GPU-hours is not a number, which no sound state brings about.
        """
        done = 0
        if hooks:
            for place, name in enumerate(self.names, start=1):
                if name in hooks:
                    self.step(state, done, place)
                    done = place
                    for hook in hooks[name]:
                        hook()
        self.step(state, done, len(self.names))

    def step(self, state: State, first: int, last: int) -> None:
        """Run the phases from place ``first`` up to ``last``."""
        need = -1
        while need != DONE:
            first, need = self._chain.run(state.arrays, first, last)
            if need != DONE:
                meet(state, need)

    def compile(self, state: State) -> None:
        """Compile all phases, or load them from the cache."""
        self._chain.compile(state.arrays)


def meet(state: State, need: int) -> None:
    """Give the state what a phase stopped for (see `DONE`): rows of buyers or of apps."""
    now = state.now
    if need == MORE_BUYERS:
        state.make_room_for_buyers(int(now["wanted_rows"][0]))
        return
    if need == MORE_APPS:
        state.turn_over()
        return
    raise ClearingError(
        f"the market for GPU-hours did not clear in month {now['month'].item()}: relative excess demand "
        f"{now['residual'].item():.3g} after {now['iterations'].item():.0f} iterations; last rents "
        f"{np.array2string(state.clouds['rent'], precision=6)}, capacity "
        f"{np.array2string(state.clouds['capacity'], precision=6)}"
    )


#: The month as the market runs it.
MONTH = Month()
