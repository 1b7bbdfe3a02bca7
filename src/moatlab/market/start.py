"""From a scenario to the state of month 0."""

from __future__ import annotations

import copy
import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moatlab.market.rules.apps import refresh_apps
from moatlab.market.rules.chips import ONE_GPU, first_generations
from moatlab.market.rules.conventions import annuity
from moatlab.market.rules.offers import (
    CLOSED,
    NOT_TO_RIVALS,
    OPEN,
    RIVAL_BITS,
    grade_offers,
    mark_rivals,
    post_offers,
)
from moatlab.market.rules.orders import FIXED_CAPACITY
from moatlab.market.rules.training import publish, start_runs
from moatlab.market.rules.turnover import found, populate
from moatlab.market.rules.users import fit_potential
from moatlab.market.state import edges
from moatlab.market.state.codes import HOST, LAB, UNPUBLISHED
from moatlab.market.state.compiled import direct
from moatlab.market.state.fields import AT_START_ONLY, STATE_FIELDS
from moatlab.market.state.identity import KIND_CODES, identity, named_index
from moatlab.market.state.state import FIXED, State
from moatlab.scenario.registry import Parameter, Value
from moatlab.scenario.tables import REGISTRY, parameters_of

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
#: What generated apps take from ``apps.*.name``; their other traits are drawn.
GENERATED_TAKE = ("price_rule", "markup", "price", "distribution", "plan", "token_price", "access")


def encode(parameter: Parameter, value: Value, slugs: dict[str, tuple[str, ...]]) -> float:
    """The number that an array holds for a declared value; a reference becomes the row it names, -1 for none."""
    if parameter.refers:
        return float(slugs[parameter.refers].index(str(value))) if value else -1.0
    return parameter.encode(value)


def _rows_of(
    scenario: Scenario, state: State, kind: str, slugs: dict[str, tuple[str, ...]]
) -> dict[str, NDArray[np.float64]]:
    """Write the rows' parameters into the kind's array; returns those that only describe month 0, by name [rows]."""
    table = state.kind(kind)
    starts = {}
    for parameter in parameters_of(kind, "firm"):
        values = [encode(parameter, scenario.value(kind, slug, parameter.name), slugs) for slug in slugs[kind]]
        if parameter.name in AT_START_ONLY.get(kind, ()):
            starts[parameter.name] = np.array(values)
        else:
            table[parameter.name][: len(values)] = values
    if kind == "users":
        taken: set[int] = set()
        for slug in sorted(slugs[kind]):
            code = named_index(slug) & 0xFFF
            while code in taken:
                code = (code + 1) & 0xFFF
            taken.add(code)
            table["identity"][slugs[kind].index(slug)] = identity(KIND_CODES[kind], 0, code)
        return starts
    for row, slug in enumerate(slugs[kind]):
        table["identity"][row] = identity(KIND_CODES[kind], 0, named_index(slug))
    if "alive" in table.dtype.names:
        table["alive"][: len(slugs[kind])] = 1
    if kind in FIXED:
        state.cash[table["account"]] = starts["cash"]
    return starts


def _share_startups(state: State, seed: int, first: int, count: int) -> None:
    """Categories and identities of the startups in ``count`` rows from ``first``, in proportion to market sizes."""
    # Categories in the order of their identities, so that their order in a file has no effect.
    order = np.argsort(state.users["identity"])
    sizes = state.users["market_size"][order]
    bounds = np.cumsum(sizes / sizes.sum()) if sizes.sum() > 0 else np.linspace(0, 1, len(sizes) + 1)[1:]
    found(state.apps[first : first + count], state.users, order, bounds, seed)


class _Template(NamedTuple):
    """What a scenario says of month 0 and no seed touches: read once, copied for every run."""

    state: State
    starts: dict[str, dict[str, NDArray[np.float64]]]


def _read(scenario: Scenario) -> _Template:
    slugs = {kind: scenario.slugs(kind) for kind in STATE_FIELDS}
    startups = int(scenario.kind_value("apps", "startups"))
    state = State({kind: len(names) for kind, names in slugs.items()}, len(slugs["apps"]) + startups)
    for parameter in REGISTRY.values():
        if parameter.scope == "kind":
            value = scenario.kind_value(parameter.kind, parameter.name)
            state.shared[f"{parameter.kind}_{parameter.name}"][0] = parameter.encode(value)
    starts = {kind: _rows_of(scenario, state, kind, slugs) for kind in STATE_FIELDS}
    for name in GENERATED_TAKE:
        state.app_defaults[name] = encode(REGISTRY["apps", name], scenario.value("apps", "*", name), slugs)
    edges.connect(scenario, state, slugs)
    now, shared = state.now[0], state.shared[0]
    now["hype"] = now["start_hype"] = shared["investors_hype"]
    now["discount"] = (
        max(0.0, shared["investors_cost_of_capital"] - shared["investors_hype_discount"] * now["hype"]) / 12.0
    )
    rent = float(shared["outside_reference_rent"])
    now["expected_rent"] = now["mean_rent"] = rent
    now["outside_hours"] = shared["outside_initial_hours"]
    now["expected_growth"] = shared["investors_expected_growth"]
    state.users["potential"] = state.users["market_size"]
    _start_labs(state, rent)
    state.list_offers()
    _start_hardware(state, starts["clouds"], rent)
    return _Template(state, starts)


_read_once = lru_cache(maxsize=64)(_read)
#: Scenarios with more generated apps are read anew for every run instead of being kept in memory.
KEPT_APPS = 10_000


def start(scenario: Scenario, seed: int) -> State:
    """The state at the start of month 0: prices at the firms' own rules where the scenario names none."""
    slugs = {kind: scenario.slugs(kind) for kind in STATE_FIELDS}
    startups = int(scenario.kind_value("apps", "startups"))
    if startups <= KEPT_APPS:
        template, starts = _read_once(scenario)
        state = copy.deepcopy(template)
    else:
        state, starts = _read(scenario)
    edges.thin(scenario, state, slugs, seed)
    now = state.now[0]
    now["seed"] = seed
    _start_apps(state, starts["apps"], seed, startups)
    _start_runs(state.arrays)
    _first_generations(state.arrays)
    _publish(state.arrays)
    now["first_frontier"] = now["expected_frontier"] = now["frontier"]
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
    # The worth of quotas is measured from the costs of month 0, which are known once all have their sources.
    state.users["first_log_cost"] = state.users["log_cost"]
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


def _start_labs(state: State, rent: float) -> None:
    labs, shared = state.labs, state.shared[0]
    labs["model_hours"] = shared["labs_reference_hours"] * 10.0 ** (labs["capability"] - labs["private_lead"])
    size = (labs["model_hours"] / shared["labs_reference_hours"]) ** shared["labs_serving_exponent"]
    labs["hours_per_token"] = shared["labs_serving_hours"] * size
    labs["unit_cost"] = labs["hours_per_token"] * rent
    labs["published"] = np.where(labs["open"] == 1, labs["capability"], UNPUBLISHED)
    labs["published_hours"] = np.where(labs["open"] == 1, labs["model_hours"], 0.0)
    labs["service"] = 1.0
    labs["raised"] = np.maximum(state.cash[labs["account"]], 0.0)
    own_rule = (1.0 + shared["labs_start_markup"]) * labs["unit_cost"]
    labs["price"] = np.where(labs["price"] > 0.0, labs["price"], own_rule)
    money = np.maximum(state.cash[labs["account"]], 0.0) / shared["labs_spending_horizon"] + labs["parent_budget"]
    labs["training_budget"] = shared["labs_compute_share"] * money
    labs["staff"] = (1.0 - shared["labs_compute_share"]) * money


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


def _start_hardware(state: State, starts: dict[str, NDArray[np.float64]], rent: float) -> None:
    clouds, makers, plants, shared = state.clouds, state.chipmakers, state.foundry, state.shared[0]
    plants["base_price"] = plants["price"]
    plants["expected"] = plants["capacity"]
    plants["book"] = plants["capacity"] * shared["foundry_capacity_cost"]
    reached = plants["capacity"].sum()
    package = (plants["price"] * plants["capacity"]).sum() / reached if reached > 0 else plants["price"].mean()
    makers["cost"] = (makers["unit_cost"] + package) / makers["performance"]
    floor = shared["chipmakers_elasticity_floor"]
    makers["price"] = np.where(makers["price"] > 0.0, makers["price"], makers["cost"] * floor / (floor - 1.0))
    makers["price"] = np.where(makers["captive"] == 1, makers["cost"], makers["price"])
    shares = _first_shares(state)
    _first_fleets(state, starts, shares)
    clouds["fleet_now"] = state.fleet.sum(axis=(1, 2))
    clouds["capacity"] = np.where(clouds["fleet_now"] >= ONE_GPU, clouds["fleet_now"], 0.0)
    clouds["capacity"] *= shared["clouds_hours_per_gpu"]
    clouds["running"] = shared["clouds_running_cost"]
    clouds["reserve"] = clouds["running"] * (1.0 + clouds["markup"])
    clouds["growth"] = shared["clouds_initial_growth"]
    clouds["size"] = clouds["fleet_now"] / max(clouds["fleet_now"].sum(), 1e-9)
    clouds["rent"] = clouds["contract_rent"] = clouds["expected_rent"] = rent
    clouds["budget"] = clouds["finance"] * math.exp(shared["clouds_hype_finance"] * shared["investors_hype"])
    _first_orders(state, shares, reached)
    free = makers["captive"] == 0
    state.now["chip_price"] = (
        np.average(makers["price"][free], weights=makers["share"][free] + 1e-12)
        if free.any()
        else (makers["price"].mean())
    )
    full = state.now["chip_price"][0] * (1.0 + shared["clouds_building_ratio"])
    clouds["book"] = shared["clouds_initial_book"] * clouds["fleet_now"] * full
    worth = annuity(float(state.now["discount"][0]), float(shared["clouds_life"]))
    clouds["full_cost"] = clouds["running"] + full / (worth * shared["clouds_hours_per_gpu"])
    plants["outlay"] = plants["capacity"] * plants["price"] * shared["foundry_operating_share"]
    state.places[:] = state.edges * (clouds["capacity"] * np.exp(clouds["affinity"]))[None, :]
    sums = state.places.sum(axis=1, keepdims=True)
    state.places[:] = np.divide(state.places, sums, out=np.zeros_like(state.places), where=sums > 0)


def _first_shares(state: State) -> NDArray[np.float64]:
    """Shares of vendors in what each cloud would order, [clouds, chipmakers]: 0 where nobody sells to it."""
    clouds, makers, shared = state.clouds, state.chipmakers, state.shared[0]
    appeal = np.full((clouds.shape[0], makers.shape[0]), -np.inf)
    for c in range(clouds.shape[0]):
        for v in range(makers.shape[0]):
            own = clouds["own_chip"][c] == v
            if state.vendors[c, v] and (not makers["captive"][v] or own):
                price = makers["cost"][v] if own else makers["price"][v]
                taste = shared["chipmakers_ecosystem_taste"] * (1.0 - shared["chipmakers_portability"])
                appeal[c, v] = taste * makers["ecosystem"][v] - shared["chipmakers_vendor_sharpness"] * math.log(
                    max(price, 1e-12)
                )
    # The best vendor of a cloud weighs 1; a cloud that nobody sells to has none.
    best = appeal.max(axis=1, keepdims=True)
    appeal = np.where(np.isfinite(appeal), np.exp(appeal - np.where(np.isfinite(best), best, 0.0)), 0.0)
    sums = appeal.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = np.divide(appeal, sums, out=np.zeros_like(appeal), where=sums > 0)
    return shares


def _first_fleets(state: State, starts: dict[str, NDArray[np.float64]], shares: NDArray[np.float64]) -> None:
    """Fleets of month 0, of the first generation: the declared share is own silicon, the rest by ``shares``."""
    clouds = state.clouds
    for c in range(clouds.shape[0]):
        fleet = float(starts["fleet"][c])
        own = int(clouds["own_chip"][c])
        part = float(starts["own_share"][c]) if own >= 0 else 0.0
        bought = shares[c].copy()
        if own >= 0:
            bought[own] = 0.0
        bought = bought / bought.sum() if bought.sum() > 0 else bought
        state.fleet[c, :, 0] = fleet * (1.0 - part) * bought
        if own >= 0:
            state.fleet[c, own, 0] = fleet * (part if bought.sum() > 0 else 1.0)


def _first_orders(state: State, shares: NDArray[np.float64], reached: float) -> None:
    """Supply of chips from foundries' ``reached`` capacity (kpackages), what is in production and on the books."""
    clouds, makers, shared = state.clouds, state.chipmakers, state.shared[0]
    makers["installed"] = state.fleet.sum(axis=(0, 2))
    weights = np.where(clouds["fleet_now"] > 0, clouds["fleet_now"], 1e-9)
    makers["share"] = (shares * weights[:, None]).sum(axis=0) / weights.sum()
    supply = reached * makers["share"] * makers["performance"] + makers["own_fab"] * makers["performance"]
    makers["supply"] = supply
    if shared["clouds_capacity_rule"] == FIXED_CAPACITY:
        # Nothing is on order or in production where nobody invests.
        supply = np.zeros_like(supply)
    build = int(shared["chipmakers_build_months"])
    for month in range(build):
        state.pipeline[:, month] = supply
    finance = np.where(clouds["finance"] > 0, clouds["finance"], 1e-9)
    part = shares * finance[:, None]
    sums = part.sum(axis=0, keepdims=True)
    part = np.divide(part, sums, out=np.zeros_like(part), where=sums > 0)
    state.backlog[:] = part * supply * (shared["chipmakers_initial_backlog"] + build)
    makers["backlog"] = state.backlog.sum(axis=0)
    makers["lead_time"] = np.where(makers["backlog"] > 0, build + shared["chipmakers_initial_backlog"], build)
    makers["outlay"] = supply * makers["cost"]
