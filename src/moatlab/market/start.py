"""From a scenario to the state of month 0."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moatlab.market.rules.apps import refresh_apps
from moatlab.market.rules.offers import (
    CLOSED,
    NOT_TO_RIVALS,
    OPEN,
    RIVAL_BITS,
    grade_offers,
    mark_rivals,
    post_offers,
)
from moatlab.market.rules.training import publish, start_runs
from moatlab.market.rules.turnover import found, populate
from moatlab.market.rules.users import fit_potential
from moatlab.market.rules.vendors import first_generations
from moatlab.market.state import edges
from moatlab.market.state.codes import HOST, LAB
from moatlab.market.state.compiled import direct
from moatlab.market.state.fields import STATE_FIELDS
from moatlab.market.state.state import State
from moatlab.market.template import blank_start

if TYPE_CHECKING:
    from moatlab.scenario.scenario import Scenario

# Entered many times with arrays of the same types.
_start_runs = direct(start_runs)
_first_generations = direct(first_generations)
_publish = direct(publish)
_mark_rivals = direct(mark_rivals)
_post_offers = direct(post_offers)
_grade_offers = direct(grade_offers)
_populate = direct(populate)
_refresh_apps = direct(refresh_apps)
_fit_potential = direct(fit_potential)


def _share_startups(state: State, seed: int, first: int, count: int) -> None:
    """Categories and identities of the startups in ``count`` rows from ``first``, in proportion to market sizes."""
    # Categories in the order of their identities, so that their order in a file has no effect.
    order = np.argsort(state.users["identity"])
    sizes = state.users["market_size"][order]
    bounds = np.cumsum(sizes / sizes.sum()) if sizes.sum() > 0 else np.linspace(0, 1, len(sizes) + 1)[1:]
    found(state.apps[first : first + count], state.users, order, bounds, seed)


def start(scenario: Scenario, seed: int) -> State:
    """The state at the start of month 0: prices at the firms' own rules where the scenario names none."""
    slugs = {kind: scenario.slugs(kind) for kind in STATE_FIELDS}
    startups = int(scenario.kind_value("apps", "startups"))
    state, starts = blank_start(scenario)
    edges.thin(scenario, state, slugs, seed)
    now = state.now[0]
    now["seed"] = seed
    # What free alternatives cost while there is no app.
    now["token_cost"] = state.shared["users_reference_price"][0]
    _start_apps(state, starts["apps"], seed, startups)
    _start_runs(state.arrays)
    _first_generations(state.arrays)
    _publish(state.arrays)
    now["first_frontier"] = now["frontier"]
    state.hosts["service"] = 1.0
    _mark_rivals(state.arrays)
    _post_offers(state.arrays)
    state.offers["service"] = 1.0
    state.hosts["margin"] = state.shared["hosts_start_markup"][0] * _host_cost(state)
    _post_offers(state.arrays)
    _grade_offers(state.arrays)
    _first_routing(state, starts["apps"]["source"])
    _populate(state.arrays)
    at = state.live
    category, tourists = state.apps["category"][at], state.apps["tourists"][at]
    state.users["tourists"] = np.bincount(category, tourists, len(slugs["users"]))
    state.users["customers"] = np.bincount(category, tourists + state.apps["committed"][at], len(slugs["users"]))
    now["last_revenue"] = state.apps["revenue"][at].sum()
    _refresh_apps(state.arrays)
    _populate(state.arrays)
    _fit_potential(state.arrays)
    _refresh_apps(state.arrays)
    return state


def _start_apps(state: State, starts: dict[str, NDArray[np.float64]], seed: int, startups: int) -> None:
    apps, shared = state.apps, state.shared[0]
    named = len(starts["customers"])
    tourists = state.users["tourist_share"][apps["category"][:named].astype(int)]
    apps["tourists"][:named] = starts["customers"] * tourists
    apps["committed"][:named] = starts["customers"] * (1.0 - tourists)
    if startups:
        _share_startups(state, seed, named, startups)
        block = slice(named, named + startups)
        apps["generated"][block] = 1
        apps["alive"][block] = 1
        apps["owner"][block] = -1
        apps["awareness"][block] = shared["apps_startup_awareness"]
    state.fill_rows(named)
    everyone = slice(0, named + startups)
    apps["account"][everyone] = state.first_account["apps"] + np.arange(named + startups)
    apps["service"][everyone] = apps["own_service"][everyone] = 1.0
    cash = state.cash[state.first_account["apps"] :]
    cash[:named] = starts["cash"]
    cash[named : named + startups] = shared["apps_startup_cash"]
    size_own_models(state, np.flatnonzero(apps["own_model"] == 1), float(shared["outside_reference_rent"]))


def size_own_models(state: State, rows: NDArray[np.int64], rent: float) -> None:
    """Give apps with own models what their capability takes: training hours (Mh), and the cost of a token ($ per Mtok).

    The hours are those of a run with the algorithms of the month; the cost leaves out what an own fleet idles.
    """
    apps, shared, now = state.apps, state.shared[0], state.now[0]
    size = 10.0 ** (apps["own_capability"][rows] - now["algorithms"])
    apps["own_hours"][rows] = size * shared["labs_reference_hours"]
    hours = shared["labs_serving_hours"] * size ** shared["labs_serving_exponent"] * math.exp(-now["efficiency"])
    apps["own_unit_cost"][rows] = hours * (1.0 + shared["apps_own_overhead"]) * rent


def _host_cost(state: State) -> float:
    hosted = state.offers["seller_kind"] == HOST
    return float(state.offers["unit_cost"][hosted].mean()) if hosted.any() else 0.0


def _first_routing(state: State, sources: NDArray[np.float64]) -> None:
    """Tokens of named apps: most to the source that the scenario names (its row, -1 for none), the rest evenly."""
    offers = state.offers
    by_lab = offers["seller_kind"] == LAB
    column = np.where(by_lab, offers["seller"], state.labs.shape[0] + offers["seller"]).astype(int)
    named = len(sources)
    owned = offers["seller"] == state.apps["owner"][:named, None]
    rival = (offers["rivals"] >> (state.apps["category"][:named, None] % RIVAL_BITS)) & 1 == 1
    sold = (offers["open"] == OPEN) | ((offers["open"] == NOT_TO_RIVALS) & ~rival)
    sold |= (offers["open"] != CLOSED) & owned
    open_ = (state.sellers[:named, column] != 0) & sold
    main = open_ & by_lab & (offers["seller"] == sources[:, None])
    others = open_ & ~main
    routing = others / np.maximum(others.sum(axis=1, keepdims=True), 1)
    has = main.any(axis=1)
    share = state.shared["apps_main_source"][0]
    routing[has] = (1.0 - share) * routing[has] + share * main[has]
    total = routing.sum(axis=1, keepdims=True)
    routing = np.divide(routing, total, out=routing, where=total > 0.0)
    own = state.apps["own_model"][:named] == 1
    state.routing[:named, :-1] = np.where(own[:, None], 0.0, routing)
    state.routing[:named, -1] = own
