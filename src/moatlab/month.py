"""The month: the phases in their order, the only place that orders them (printed by `moatlab phases`).

Demand flows down the stack, compute clears, money flows up, firms decide from the same snapshot, hardware moves, firms
come and go, and the month is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from moatlab.errors import ClearingError
from moatlab.rules import apps, capital, chips, commit, compute, foundry, outside, pricing, settlement, sourcing
from moatlab.rules import training, turnover, users

if TYPE_CHECKING:
    from moatlab.world.ledger import Ledger
    from moatlab.world.state import State

Step = Callable[["State", "Ledger"], None]


@dataclass(frozen=True, slots=True)
class Phase:
    """A named part of the month, with what happens in it."""

    name: str
    meaning: str
    run: Step


def meet_users(s: State, ledger: Ledger) -> None:
    """Phase 1."""
    users.choose(s.users, s.apps, s.live, s.shared, s.now)


def carry_tokens(s: State, ledger: Ledger) -> None:
    """Phase 2."""
    sourcing.carry_tokens(s.apps, s.live, s.routing, s.sellers, s.offers, s.labs, s.hosts)


def clear_compute(s: State, ledger: Ledger) -> None:
    """Phase 3."""
    s.make_room_for_buyers()
    lag, affinity, hours, trained = s.buyer_matrices
    s.buyer_count = compute.gather_buyers(
        s.buyers, lag, affinity, s.labs, s.hosts, s.apps, s.live, s.routing, s.offers, s.places, s.app_places,
        s.edges, s.app_edges, s.clouds, s.shared, s.now,
    )  # fmt: skip
    shared = s.shared[0]
    rents = s.clouds["rent"].copy()
    iterations, violation = compute.clear(
        s.buyers, s.buyer_count, lag, affinity, s.clouds["capacity"], s.clouds["reserve"], rents,
        shared["compute_rent_sharpness"], shared["compute_switching_rate"], shared["compute_choke_steepness"],
        shared["outside_spot_elasticity"], shared["outside_reference_rent"],
    )  # fmt: skip
    s.now["iterations"], s.now["residual"] = iterations, violation
    if not violation <= compute.TOLERANCE:
        raise ClearingError(
            f"the market for GPU-hours did not clear in month {int(s.now['month'][0])}: relative excess demand "
            f"{violation:.3g} after {iterations} iterations; rents {np.array2string(rents, precision=6)}, capacity "
            f"{np.array2string(s.clouds['capacity'], precision=6)}"
        )
    s.clouds["rent"] = rents
    compute.serve(
        s.buyers, s.buyer_count, lag, affinity, hours, trained, s.clouds, s.labs, s.hosts, s.apps, s.places,
        s.app_places, s.shared, s.now,
    )  # fmt: skip


def settle(s: State, ledger: Ledger) -> None:
    """Phase 4."""
    book, totals = ledger.book, ledger.totals
    _, _, hours, trained = s.buyer_matrices
    settlement.settle_apps(
        s.users, s.apps, s.live, s.routing, s.offers, s.labs, s.hosts, book, s.cash, totals, s.shared, s.now
    )
    settlement.settle_compute(
        s.buyers, s.buyer_count, hours, trained, s.clouds, s.labs, s.hosts, s.apps, book, s.cash, totals, s.shared,
        s.now,
    )  # fmt: skip
    settlement.account_labs(s.labs, s.cash, s.shared, s.now)
    compute.expect(s.clouds, s.labs, s.shared, s.now)


def decide(s: State, ledger: Ledger) -> None:
    """Phase 5: every rule reads the state as it stands and writes what is to follow; nothing takes effect yet."""
    sourcing.decide_routing(
        s.users, s.apps, s.live, s.routing, s.next_routing, s.sellers, s.offers, s.labs, s.hosts, s.specialisation,
        s.shared,
    )  # fmt: skip
    sourcing.decide_own_model(
        s.users, s.apps, s.live, s.sellers, s.offers, s.labs, s.specialisation, s.cash, s.shared, s.now
    )
    pricing.decide_app_prices(s.users, s.apps, s.live, s.shared)
    apps.decide_spending(s.users, s.apps, s.live, s.cash, s.shared)
    pricing.decide_token_prices(s.labs, s.hosts, s.offers, s.shared)
    training.decide_training(s.labs, s.cash, s.shared, s.now)
    compute.decide_reserves(s.clouds, s.shared)
    chips.decide_orders(s.clouds, s.chipmakers, s.backlog, s.cash, s.shared, s.now)
    chips.decide_list_prices(s.chipmakers, s.shared)
    foundry.decide_foundry(s.foundry, s.chipmakers, s.shared)


def take_effect(s: State, ledger: Ledger) -> None:
    """Phase 6."""
    apps.commit_apps(s.users, s.apps, s.live, s.next_routing, s.offers, s.shared, s.now)
    # The routing that carried this month's tokens stays readable as ``next_routing`` until it is decided anew.
    s.routing, s.next_routing = s.next_routing, s.routing
    commit.commit_sellers(s.labs, s.hosts, s.shared, s.now)
    commit.commit_hardware(s.clouds, s.chipmakers, s.foundry)
    training.drift_specialisation(s.specialisation, s.labs, s.users, s.shared, s.now)


def move_chips(s: State, ledger: Ledger) -> None:
    """Phase 7."""
    book, totals = ledger.book, ledger.totals
    chips.order_chips(s.clouds, s.chipmakers, s.backlog, s.vendors, s.shared)
    chips.deliver(
        s.clouds, s.chipmakers, s.backlog, s.fleet, s.pipeline, book, s.cash, totals, s.shared, s.now
    )
    chips.start_chips(
        s.chipmakers, s.foundry, s.backlog, s.pipeline, s.fabs, book, s.cash, totals, s.shared, s.now
    )
    foundry.run_foundry(s.foundry, s.construction, book, s.cash, totals, s.shared, s.now)
    chips.age_fleets(s.clouds, s.chipmakers, s.fleet, s.foundry, s.shared, s.now)


def raise_capital(s: State, ledger: Ledger) -> None:
    """Phase 8."""
    book, totals = ledger.book, ledger.totals
    outside.move_outside(s.shared, s.now)
    capital.raise_rounds(s.apps, s.live, s.labs, s.hosts, book, s.cash, totals, s.shared, s.now)
    capital.balance_infrastructure(s.clouds, s.chipmakers, s.foundry, book, s.cash, totals, s.shared, s.now)
    capital.move_hype(s.apps, s.live, s.shared, s.now)


def turn_over(s: State, ledger: Ledger) -> None:
    """Phase 9."""
    book, totals = ledger.book, ledger.totals
    kept = turnover.leave(s.apps, s.live, s.labs, book, s.cash, totals, s.now)
    training.publish(s.labs, s.now)
    sourcing.post_offers(s.offers, s.labs, s.hosts, s.shared, s.now)
    commit.price_hosted(s.hosts, s.offers)
    coming = turnover.count_entrants(s.users, s.entrants, s.shared, s.now)
    s.live = s.live[:kept]
    if coming:
        s.reserve(coming)
        turnover.enter(
            s.users, s.apps, s.count, s.entrants, s.first_account["apps"], s.sellers, s.routing, s.app_places,
            s.app_edges, s.offers, s.labs, s.hosts, s.specialisation, book, s.cash, totals, s.shared, s.now,
        )  # fmt: skip
        s.live = np.concatenate([s.live, np.arange(s.count, s.count + coming, dtype=np.int64)])
        s.count += coming
    else:
        s.now["entries"] = 0.0
    apps.refresh_apps(
        s.users, s.apps, s.live, s.routing, s.offers, s.labs, s.specialisation, s.shared, s.now
    )


#: The month, in order.  Phase 10, the record, is the market's own (see `moatlab.market.Market.step`).
PHASES: tuple[Phase, ...] = (
    Phase("users", "non-users adopt, customers reconsider, choose, leave: customers of every app", meet_users),
    Phase("tokens", "calls go to labs, to hosts of open checkpoints and to apps' own models", carry_tokens),
    Phase("compute", "labs, hosts, apps and outside demand rent GPU-hours; rents clear, scarcity shows", clear_compute),
    Phase("settlement", "users, apps, labs, hosts and outside demand pay; costs are booked", settle),
    Phase("decisions", "all decide from the same snapshot: prices, quotas, sources, make-or-buy, budgets, orders",
          decide),
    Phase("effect", "decisions take effect at once; models are released; stocks grow and fade", take_effect),
    Phase("chips", "orders meet supply; chips arrive after their lead time; fabs are built; fleets age", move_chips),
    Phase("capital", "outside demand and hype move; rounds close; owners cover and take out", raise_capital),
    Phase("turnover", "firms without cash leave; open models are published; startups enter", turn_over),
)  # fmt: skip
