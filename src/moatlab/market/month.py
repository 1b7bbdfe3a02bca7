"""The month: the phases in their order, the only place that orders them (printed by `moatlab phases`).

Demand flows down the stack, compute clears, money flows up, firms decide from the same snapshot, hardware moves, firms
come and go, and the month is recorded.  Each phase is one compiled function that calls the rules in their order.  A
market enters them in three stretches, because handing the arrays over costs as much as a small phase: until decisions
are taken, from their effect until firms leave, and the entry of new ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from moatlab.errors import ClearingError
from moatlab.market.record import record_trade
from moatlab.market.rules.apps import commit_apps, decide_spending, refresh_apps
from moatlab.market.rules.bargaining import decide_deals
from moatlab.market.rules.capital import balance_infrastructure, move_hype, raise_rounds
from moatlab.market.rules.chips import age_fleets, deliver, keep_priority, start_chips
from moatlab.market.rules.clearing import TOLERANCE, clear, settle_in
from moatlab.market.rules.commit import commit_hardware, commit_sellers, price_hosted
from moatlab.market.rules.compute import decide_reserves, expect, gather_buyers, serve
from moatlab.market.rules.foundry import decide_foundry, run_foundry
from moatlab.market.rules.graduation import decide_own_model
from moatlab.market.rules.orders import decide_list_prices, decide_orders, order_chips
from moatlab.market.rules.outside import move_outside
from moatlab.market.rules.pricing import decide_app_prices, decide_token_prices
from moatlab.market.rules.settlement import account_labs, settle_apps, settle_compute
from moatlab.market.rules.sourcing import carry_tokens, decide_routing, grade_offers, mark_rivals, post_offers
from moatlab.market.rules.training import decide_training, drift_specialisation, publish
from moatlab.market.rules.turnover import count_entrants, enter, leave
from moatlab.market.rules.users import choose
from moatlab.market.state.compiled import Rows, direct, kernel

if TYPE_CHECKING:
    from moatlab.market.recorder import Recorder
    from moatlab.market.state.ledger import Ledger
    from moatlab.market.state.state import State

Step = Callable[["State", "Ledger"], None]


@dataclass(frozen=True, slots=True)
class Phase:
    """A named part of the month, with what happens in it."""

    name: str
    meaning: str
    run: Step


# In the compiled phases, ``s`` is the tuple of arrays of `moatlab.market.state.state.Arrays`; ``book`` and ``totals``
# are the ledger's.


@kernel
def _users(s: Rows, book: Rows, totals: Rows) -> None:
    choose(s.users, s.apps, s.live, s.labs.shape[0], s.shared, s.now)


@kernel
def _tokens(s: Rows, book: Rows, totals: Rows) -> None:
    carry_tokens(s.apps, s.live, s.routing, s.sellers, s.offers, s.grades, s.labs, s.hosts)


@kernel
def _compute(s: Rows) -> int:
    """The number of buyers, or minus the room that they need."""
    shared = s.shared[0]
    now = s.now[0]
    lag, affinity, hours, trained = s.matrices[0], s.matrices[1], s.matrices[2], s.matrices[3]
    count = gather_buyers(s.buyers, lag, affinity, s.labs, s.hosts, s.apps, s.live, s.routing, s.offers, s.places,
                          s.app_places, s.edges, s.app_edges, s.clouds, s.shared, s.now)  # fmt: skip
    if count < 0:
        return count
    n = s.clouds.shape[0]
    capacity = np.empty(n)
    reserve = np.empty(n)
    rents = np.empty(n)
    gravity = np.empty(n)
    for c in range(n):
        capacity[c] = s.clouds[c].capacity
        reserve[c] = s.clouds[c].reserve
        rents[c] = s.clouds[c].rent
        gravity[c] = s.clouds[c].gravity
    settle_in(s.buyers, count, lag, affinity, capacity, gravity, shared.compute_switching_rate,
              shared.compute_choke_steepness)  # fmt: skip
    iterations, violation = clear(
        s.buyers, count, lag, affinity, capacity, reserve, rents, shared.compute_rent_sharpness,
        shared.compute_choke_steepness, shared.outside_spot_elasticity,
        shared.outside_reference_rent,
    )  # fmt: skip
    now.iterations = iterations
    now.residual = violation
    if violation <= TOLERANCE:
        for c in range(n):
            s.clouds[c].rent = rents[c]
        serve(s.buyers, count, lag, affinity, hours, trained, s.clouds, s.labs, s.hosts, s.apps, s.places,
              s.app_places, s.shared, s.now)  # fmt: skip
    return count


@kernel
def _settle(s: Rows, count: int, book: Rows, totals: Rows) -> None:
    settle_apps(s.users, s.apps, s.live, s.routing, s.offers, s.labs, s.hosts, book, s.cash, totals, s.shared, s.now)
    settle_compute(s.buyers, count, s.matrices[2], s.matrices[3], s.clouds, s.labs, s.hosts, s.apps, book, s.cash,
                   totals, s.shared, s.now)  # fmt: skip
    account_labs(s.labs, s.cash, s.shared, s.now)
    expect(s.clouds, s.labs, s.shared, s.now)


@kernel
def _decide(s: Rows, book: Rows, totals: Rows) -> None:
    """Every rule reads the state as it stands and writes what is to follow; nothing takes effect yet."""
    decide_routing(s.users, s.apps, s.live, s.routing, s.next_routing, s.sellers, s.offers, s.grades, s.labs, s.hosts,
                   s.shared)  # fmt: skip
    decide_own_model(s.users, s.apps, s.live, s.sellers, s.offers, s.grades, s.labs, s.specialisation, s.cash, s.shared,
                     s.now)  # fmt: skip
    decide_deals(s.users, s.apps, s.live, s.routing, s.sellers, s.offers, s.grades, s.labs, s.specialisation, s.shared,
                 s.now)  # fmt: skip
    decide_app_prices(s.users, s.apps, s.live, s.shared)
    decide_spending(s.users, s.apps, s.live, s.cash, s.shared)
    decide_token_prices(s.labs, s.hosts, s.offers, s.shared)
    decide_training(s.labs, s.cash, s.shared, s.now)
    decide_reserves(s.clouds, s.shared)
    decide_orders(s.clouds, s.chipmakers, s.backlog, s.vendors, s.shared, s.now)
    decide_list_prices(s.chipmakers, s.shared)
    decide_foundry(s.foundry, s.chipmakers, s.shared)


@kernel
def _take_effect(s: Rows, book: Rows, totals: Rows) -> None:
    commit_apps(s.users, s.apps, s.live, s.routing, s.next_routing, s.shared, s.now)
    commit_sellers(s.labs, s.hosts, s.shared, s.now)
    commit_hardware(s.clouds, s.chipmakers, s.foundry)
    drift_specialisation(s.specialisation, s.labs, s.users, s.shared, s.now)


@kernel
def _chips(s: Rows, book: Rows, totals: Rows) -> None:
    order_chips(s.clouds, s.chipmakers, s.backlog, s.prepaid, s.vendors, book, s.cash, totals, s.shared, s.now)
    deliver(s.clouds, s.chipmakers, s.backlog, s.prepaid, s.fleet, s.pipeline, book, s.cash, totals, s.shared, s.now)
    start_chips(s.chipmakers, s.foundry, s.backlog, s.pipeline, s.fabs, book, s.cash, totals, s.shared, s.now)
    run_foundry(s.foundry, s.construction, book, s.cash, totals, s.shared, s.now)
    keep_priority(s.clouds, s.chipmakers, s.backlog, s.prepaid, s.shared)
    age_fleets(s.clouds, s.chipmakers, s.fleet, s.foundry, s.shared, s.now)


@kernel
def _capital(s: Rows, book: Rows, totals: Rows) -> None:
    move_outside(s.shared, s.now)
    raise_rounds(s.apps, s.live, s.labs, s.hosts, book, s.cash, totals, s.shared, s.now)
    balance_infrastructure(s.clouds, s.chipmakers, s.foundry, book, s.cash, totals, s.shared, s.now)
    move_hype(s.apps, s.live, s.shared, s.now)


@kernel
def _leave(s: Rows, book: Rows, totals: Rows) -> tuple[int, int]:
    """Apps that stay, and startups that are about to enter."""
    kept = leave(s.apps, s.live, s.labs, book, s.cash, totals, s.now)
    publish(s.labs, s.now)
    mark_rivals(s.labs, s.apps, s.live[:kept])
    post_offers(s.offers, s.labs, s.hosts, s.shared, s.now)
    grade_offers(s.grades, s.offers, s.labs, s.specialisation)
    price_hosted(s.hosts, s.offers)
    return kept, count_entrants(s.users, s.entrants, s.shared, s.now)


@direct
@kernel
def _enter(s: Rows, kept: int, first_row: int, first_account: int, book: Rows, totals: Rows) -> None:
    for position in range(kept, s.live.shape[0]):
        s.live[position] = first_row + position - kept
    enter(s.users, s.apps, first_row, s.entrants, first_account, s.sellers, s.routing, s.app_places, s.app_edges,
          s.offers, s.grades, s.labs, s.hosts, book, s.cash, totals, s.shared, s.now)  # fmt: skip
    refresh_apps(s.users, s.apps, s.live, s.routing, s.offers, s.grades, s.shared, s.now)


@direct
@kernel
def _trade(s: Rows, book: Rows, totals: Rows) -> int:
    """The phases until decisions are taken; those after compute only if that market cleared (see `_compute`)."""
    _users(s, book, totals)
    _tokens(s, book, totals)
    count = _compute(s)
    if count >= 0 and s.now[0].residual <= TOLERANCE:
        _settle(s, count, book, totals)
        _decide(s, book, totals)
    return count


@direct
@kernel
def _act(
    s: Rows, book: Rows, totals: Rows, market: Rows, layers: Rows, categories: Rows, firms: Rows, first: int,
    with_firms: bool,
) -> tuple[int, int, int]:  # fmt: skip
    """The phases from the effect of decisions until firms leave, what traded recorded before they do."""
    _take_effect(s, book, totals)
    _chips(s, book, totals)
    _capital(s, book, totals)
    last = record_trade(s, totals, market, layers, categories, firms, first, with_firms)
    kept, coming = _leave(s, book, totals)
    return last, kept, coming


def trade(s: State, ledger: Ledger) -> None:
    """Phases 1 to 5.  Raises `ClearingError` where no rents clear the market, which no sound state does."""
    s.buyer_count = _trade(s.arrays, ledger.book, ledger.totals)
    if s.buyer_count < 0:
        for phase in PHASES[2:5]:
            phase.run(s, ledger)
    _see_cleared(s)


def act(s: State, ledger: Ledger, recorder: Recorder) -> None:
    """Phases 6 to 9, and the record of what traded."""
    place = recorder.place(s, ledger)
    last, kept, coming = _act(s.arrays, ledger.book, ledger.totals, *place)
    recorder.used[-1] = last
    _welcome(s, ledger, kept, coming)


def _see_cleared(s: State) -> None:
    violation = s.now["residual"].item()
    if not violation <= TOLERANCE:
        raise ClearingError(
            f"the market for GPU-hours did not clear in month {s.now['month'].item()}: relative excess demand "
            f"{violation:.3g} after {s.now['iterations'].item():.0f} iterations; last rents "
            f"{np.array2string(s.clouds['rent'], precision=6)}, capacity "
            f"{np.array2string(s.clouds['capacity'], precision=6)}"
        )


def _welcome(s: State, ledger: Ledger, kept: int, coming: int) -> None:
    """Make room for the startups that come, and let them enter."""
    s.turn_over(kept, coming)
    _enter(s.arrays, kept, s.count, s.first_account["apps"], ledger.book, ledger.totals)
    s.count += coming


# The phases one by one, for those who look between them.


def _step(compiled: Any) -> Step:
    """The step of a phase that is compiled whole."""
    entry = direct(compiled)

    def run(s: State, ledger: Ledger) -> None:
        entry(s.arrays, ledger.book, ledger.totals)

    return run


meet_users, send_tokens, decide = _step(_users), _step(_tokens), _step(_decide)
take_effect, move_chips, raise_capital = _step(_take_effect), _step(_chips), _step(_capital)
_enter_compute, _enter_settle, _enter_leave = direct(_compute), direct(_settle), direct(_leave)


def clear_compute(s: State, ledger: Ledger) -> None:
    """Phase 3."""
    s.buyer_count = _enter_compute(s.arrays)
    if s.buyer_count < 0:
        s.make_room_for_buyers(-s.buyer_count)
        s.buyer_count = _enter_compute(s.arrays)
    _see_cleared(s)


def settle(s: State, ledger: Ledger) -> None:
    """Phase 4."""
    _enter_settle(s.arrays, s.buyer_count, ledger.book, ledger.totals)


def turn_over(s: State, ledger: Ledger) -> None:
    """Phase 9."""
    kept, coming = _enter_leave(s.arrays, ledger.book, ledger.totals)
    _welcome(s, ledger, kept, coming)


#: The month, in order.  Phase 10, the record, is the market's own (see `moatlab.market.market.Market.step`).
PHASES: tuple[Phase, ...] = (
    Phase("users", "non-users adopt, customers reconsider, choose, leave: customers of every app", meet_users),
    Phase("tokens", "calls go to labs, to hosts of open checkpoints and to apps' own models", send_tokens),
    Phase("compute", "labs, hosts, apps and outside demand rent GPU-hours; rents clear, scarcity shows", clear_compute),
    Phase("settlement", "users, apps, labs, hosts and outside demand pay; costs are booked", settle),
    Phase("decisions", "all decide from the same snapshot: prices, quotas, sources, make-or-buy, budgets, orders",
          decide),
    Phase("effect", "decisions take effect at once; models are released; stocks grow and fade", take_effect),
    Phase("chips", "orders meet supply; chips arrive after their lead time; fabs are built; fleets age", move_chips),
    Phase("capital", "outside demand and hype move; rounds close; owners cover and take out", raise_capital),
    Phase("turnover", "firms without cash leave; open models are published; startups enter", turn_over),
)  # fmt: skip
