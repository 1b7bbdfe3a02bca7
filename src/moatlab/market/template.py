"""What a scenario says of month 0 and no seed touches: read once, kept, and copied for every run.

A scenario that was made from another by changing values is not read as a whole: its template is that of the other one
with the changed values written over it.
"""

from __future__ import annotations

import copy
import math
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moatlab.market.rules.chips import ONE_GPU
from moatlab.market.rules.conventions import annuity
from moatlab.market.rules.orders import FIXED_CAPACITY
from moatlab.market.rules.vendors import choose_vendors
from moatlab.market.state import edges
from moatlab.market.state.codes import UNPUBLISHED
from moatlab.market.state.compiled import direct
from moatlab.market.state.fields import AT_START_ONLY, STATE_FIELDS
from moatlab.market.state.identity import KIND_CODES, identity, named_index
from moatlab.market.state.state import FIXED, State, copied
from moatlab.scenario.addresses import ALL, Address
from moatlab.scenario.registry import KINDS, Parameter, Value
from moatlab.scenario.tables import REGISTRY, parameters_of

if TYPE_CHECKING:
    from moatlab.scenario.scenario import Scenario

# Entered many times with arrays of the same types.
_choose_vendors = direct(choose_vendors)
#: What generated apps take from ``apps.*.name``; their other traits are drawn.
GENERATED_TAKE = ("price_rule", "markup", "price", "distribution", "plan", "token_price", "access")
#: Kinds whose values no array of the hardware depends on at month 0.
_APART_FROM_HARDWARE = frozenset({"users", "apps", "labs", "hosts"})
#: What `_start_hardware` writes, beside one figure of ``now``.
_HARDWARE = ("clouds", "chipmakers", "foundry", "fleet", "pipeline", "backlog", "places")
#: The parameters of single firms and categories from which anything of month 0 follows, by kind.  A test compares, for
#: every parameter that there is, the template of a changed scenario with one that is read as a whole.
_FOLLOWED = {
    "users": frozenset({"market_size"}),
    "apps": frozenset[str](),
    "labs": frozenset(
        {"capability", "private_lead", "open", "price", "parent_budget", "cash", "first_budget", "cash_flow"}
    ),
    "hosts": frozenset({"cash"}),
}
#: What the size of the arrays, or the edges of private clouds, follow from: the scenario is read as a whole.
_READ_AGAIN = frozenset({"apps.startups", "clouds.private", "clouds.company", "labs.company"})
#: Memory for templates that are kept, bytes.
MOST_KEPT = 64_000_000

Slugs = dict[str, tuple[str, ...]]
#: What only describes month 0, by kind and parameter: [rows].
Starts = dict[str, dict[str, NDArray[np.float64]]]


class Template(NamedTuple):
    """A state before any draw is made.

    ``declared`` holds the values as they are declared, before prices, fleets and the like follow from them; None for a
    template that is itself made from another, and for one that is too large to be ``kept``.
    """

    state: State
    starts: Starts
    declared: State | None
    kept: bool


class _Kept:
    """The templates last used, as far as there is room; a scenario is known by its identity, and kept with them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[Scenario, Template, int]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, scenario: Scenario) -> Template | None:
        with self._lock:
            entry = self._kept.get(id(scenario))
            if entry is None:
                return None
            self._kept.move_to_end(id(scenario))
            return entry[1]

    def put(self, scenario: Scenario, template: Template) -> None:
        size = template.state.bytes() * (1 if template.declared is None else 2)
        with self._lock:
            if id(scenario) in self._kept:
                return
            self._kept[id(scenario)] = scenario, template, size
            self._size += size
            while self._size > MOST_KEPT and len(self._kept) > 1:
                _, (_, _, freed) = self._kept.popitem(last=False)
                self._size -= freed


_kept = _Kept()


def blank_start(scenario: Scenario) -> tuple[State, Starts]:
    """A state of one's own that a scenario starts from, and what else it says of month 0 (not to be written to)."""
    template = _template(scenario)
    return copy.deepcopy(template.state) if template.kept else template.state, template.starts


def _template(scenario: Scenario) -> Template:
    first, changed = scenario.origin or (scenario, frozenset())
    if not changed:
        scenario = first
    template = _kept.get(scenario)
    if template is None:
        apart = any(address.declared.address in _READ_AGAIN for address in changed)
        base = _template(first) if changed and not apart else None
        template = _derived(base, scenario, changed) if base and base.declared else _read(scenario)
        if template.kept:
            _kept.put(scenario, template)
    return template


def encode(parameter: Parameter, value: Value, slugs: dict[str, tuple[str, ...]]) -> float:
    """The number that an array holds for a declared value; a reference becomes the row it names, -1 for none."""
    if parameter.refers:
        return float(slugs[parameter.refers].index(str(value))) if value else -1.0
    return parameter.encode(value)


def _read(scenario: Scenario) -> Template:
    """The template of a scenario, from its values."""
    slugs = {kind: scenario.slugs(kind) for kind in STATE_FIELDS}
    startups = int(scenario.kind_value("apps", "startups"))
    state = State({kind: len(names) for kind, names in slugs.items()}, len(slugs["apps"]) + startups)
    starts = _declare(state, slugs)
    for address in scenario.given():
        _write(scenario, address, state, starts, slugs)
    edges.connect(scenario, state, slugs)
    kept = state.bytes() <= MOST_KEPT
    declared = copy.deepcopy(state) if kept else None
    _begin(state, starts, None)
    return Template(state, starts, declared, kept)


def _derived(first: Template, scenario: Scenario, changed: Iterable[Address]) -> Template:
    """The template of a scenario that differs from the first one's in the values at ``changed``."""
    slugs = {kind: scenario.slugs(kind) for kind in STATE_FIELDS}
    apart = not any(_followed(address) for address in changed)
    state = copy.deepcopy(first.state if apart else first.declared)
    assert state is not None
    starts = first.starts
    if any(address.parameter in starts.get(address.kind, ()) for address in changed):
        starts = {kind: {name: values.copy() for name, values in named.items()} for kind, named in starts.items()}
    for address in changed:
        _write(scenario, address, state, starts, slugs)
    if not apart:
        same = all(address.kind in _APART_FROM_HARDWARE for address in changed)
        _begin(state, starts, first.state if same else None)
    return Template(state, starts, None, kept=True)


def _followed(address: Address) -> bool:
    """Whether anything of month 0 follows from the value at an address."""
    return address.slug is None or address.kind not in _FOLLOWED or address.parameter in _FOLLOWED[address.kind]


def _declare(state: State, slugs: Slugs) -> Starts:
    """Write identities, and the default of every parameter; returns the arrays of what only describes month 0."""
    for kind in KINDS:
        for parameter in parameters_of(kind, "kind"):
            state.shared[f"{kind}_{parameter.name}"] = parameter.encode(parameter.default)
    starts: Starts = {}
    for kind, names in slugs.items():
        table, starts[kind] = state.kind(kind), {}
        for parameter in parameters_of(kind, "firm"):
            value = encode(parameter, parameter.default, slugs)
            if parameter.name in AT_START_ONLY.get(kind, ()):
                starts[kind][parameter.name] = np.full(len(names), value)
            else:
                table[parameter.name][: len(names)] = value
        if kind == "users":
            table["identity"] = _categories(names)
        else:
            for row, slug in enumerate(names):
                table["identity"][row] = identity(KIND_CODES[kind], 0, named_index(slug))
        if "alive" in table.dtype.names:
            table["alive"][: len(names)] = 1
    for name in GENERATED_TAKE:
        parameter = REGISTRY["apps", name]
        state.app_defaults[name] = encode(parameter, parameter.default, slugs)
    return starts


def _categories(names: tuple[str, ...]) -> list[int]:
    """The identities of categories: 12 bits of a digest, told apart from their neighbours."""
    codes: dict[str, int] = {}
    for slug in sorted(names):
        code = named_index(slug) & 0xFFF
        while code in codes.values():
            code = (code + 1) & 0xFFF
        codes[slug] = code
    return [identity(KIND_CODES["users"], 0, codes[slug]) for slug in names]


def _write(scenario: Scenario, address: Address, state: State, starts: Starts, slugs: Slugs) -> None:
    """Write what the scenario says at an address into the arrays; at ``*``, of every row."""
    kind, slug, name = address.kind, address.slug, address.parameter
    parameter = address.declared
    if slug is None:
        state.shared[f"{kind}_{name}"] = parameter.encode(scenario.at(address))
        return
    values = starts[kind].get(name)
    cells = state.kind(kind)[name] if values is None else values
    if slug != ALL:
        cells[slugs[kind].index(slug)] = encode(parameter, scenario.at(address), slugs)
        return
    for row, each in enumerate(slugs[kind]):
        cells[row] = encode(parameter, scenario.at(Address(kind, each, name)), slugs)
    if kind == "apps" and name in GENERATED_TAKE:
        state.app_defaults[name] = encode(parameter, scenario.at(address), slugs)


def _begin(state: State, starts: Starts, same_hardware: State | None) -> None:
    """What follows from the declared values; the hardware is that of another state where nothing of it differs."""
    for kind in FIXED:
        state.cash[state.kind(kind)["account"]] = starts[kind]["cash"]
    now, shared = state.now[0], state.shared[0]
    now["hype"] = now["start_hype"] = shared["investors_hype"]
    now["discount"] = (
        max(0.0, shared["investors_cost_of_capital"] - shared["investors_hype_discount"] * now["hype"]) / 12.0
    )
    rent = float(shared["outside_reference_rent"])
    now["expected_rent"] = now["mean_rent"] = rent
    now["outside_hours"] = shared["outside_initial_hours"]
    now["outside_wanted"] = shared["outside_initial_hours"] * shared["outside_shortage"]
    now["demand_growth"] = shared["clouds_initial_growth"]
    now["expected_growth"] = shared["investors_expected_growth"]
    state.users["potential"] = state.users["market_size"]
    now["pool"] = shared["labs_pool"]
    now["optimism"] = shared["labs_optimism"]
    _start_labs(state, starts["labs"]["first_budget"], rent)
    state.list_offers()
    if same_hardware is None:
        _start_hardware(state, starts["clouds"], rent)
        _start_ramps(state, starts["chipmakers"])
        return
    for name in _HARDWARE:
        setattr(state, name, copied(getattr(same_hardware, name)))
    now["chip_price"] = same_hardware.now["chip_price"][0]
    state.gather()


def _start_labs(state: State, first_budget: NDArray[np.float64], rent: float) -> None:
    labs, shared = state.labs, state.shared[0]
    labs["model_hours"] = shared["labs_reference_hours"] * 10.0 ** labs["capability"]
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
    part = float(shared["labs_compute_share"])
    # With its staff: what it spends in all is what training leaves room for.
    spends = np.where(first_budget > 0.0, first_budget / max(part, 1e-9), money)
    labs["training_budget"] = part * spends
    labs["staff"] = (1.0 - part) * spends
    labs["spent"] = spends
    labs["belief"] = shared["labs_optimism"]
    labs["flow"] = labs["cash_flow"]
    labs["kept"] = labs["kept_without"] = 1.0


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
    company = clouds["company"]
    joint = (company[:, None] == company) & (company != 0)
    joint |= np.eye(len(clouds), dtype=bool)
    clouds["size"] = joint @ starts["fleet"] / max(starts["fleet"].sum(), 1e-9)
    shares = np.zeros((clouds.shape[0], makers.shape[0]))
    _choose_vendors(state.arrays, shares)
    own_chip = clouds["own_chip"].tolist()
    for c in range(clouds.shape[0]):
        fleet = float(starts["fleet"][c])
        own = own_chip[c]
        part = float(starts["own_share"][c]) if own >= 0 else 0.0
        bought = shares[c].copy()
        if own >= 0:
            bought[own] = 0.0
        bought = bought / bought.sum() if bought.sum() > 0 else bought
        state.fleet[c, :, 0] = fleet * (1.0 - part) * bought
        if own >= 0:
            state.fleet[c, own, 0] = fleet * (part if bought.sum() > 0 else 1.0)
    clouds["fleet_now"] = state.fleet.sum(axis=(1, 2))
    clouds["capacity"] = np.where(clouds["fleet_now"] >= ONE_GPU, clouds["fleet_now"], 0.0)
    clouds["capacity"] *= shared["clouds_hours_per_gpu"]
    clouds["running"] = shared["clouds_running_cost"]
    clouds["reserve"] = clouds["running"] * (1.0 + clouds["markup"])
    clouds["rent"] = clouds["contract_rent"] = clouds["expected_rent"] = rent
    clouds["budget"] = clouds["finance"] * math.exp(shared["clouds_hype_finance"] * shared["investors_hype"])
    makers["installed"] = state.fleet.sum(axis=(0, 2))
    weights = np.where(clouds["fleet_now"] > 0, clouds["fleet_now"], 1e-9)
    makers["share"] = (shares * weights[:, None]).sum(axis=0) / weights.sum()
    supply = reached * makers["share"] * makers["performance"] + makers["own_fab"] * makers["performance"]
    makers["supply"] = supply
    company = makers["company"]
    joint = (company[:, None] == company) & (company != 0)
    joint |= np.eye(len(makers), dtype=bool)
    makers["research"] = joint @ (shared["chipmakers_rnd_share"] * supply * makers["price"] + makers["rnd_budget"])
    if shared["clouds_capacity_rule"] == FIXED_CAPACITY:
        # Nothing is on order or in production where nobody invests.
        supply = np.zeros_like(supply)
    build = int(shared["chipmakers_build_months"])
    for month in range(build):
        state.pipeline[:, month] = supply
    finance = np.where(clouds["finance"] > 0, clouds["finance"], 1e-9)
    ordered = shares * finance[:, None]
    sums = ordered.sum(axis=0, keepdims=True)
    ordered = np.divide(ordered, sums, out=np.zeros_like(ordered), where=sums > 0)
    state.backlog[:] = ordered * supply * (shared["chipmakers_initial_backlog"] + build)
    makers["backlog"] = state.backlog.sum(axis=0)
    makers["lead_time"] = np.where(makers["backlog"] > 0, build + shared["chipmakers_initial_backlog"], build)
    free = makers["captive"] == 0
    state.now["chip_price"] = (
        np.average(makers["price"][free], weights=makers["share"][free] + 1e-12)
        if free.any()
        else (makers["price"].mean())
    )
    full = state.now["chip_price"][0] * (1.0 + shared["clouds_building_ratio"])
    clouds["book"] = shared["clouds_initial_book"] * clouds["fleet_now"] * full
    capital = state.now["discount"][0] + clouds["capital_spread"] / 12.0
    rates = (1.0 + np.maximum(capital, 0.0)) * (1.0 + shared["clouds_expected_fall"])
    rates = rates / max(1.0 - shared["clouds_failure_rate"], 1e-9) - 1.0
    worth = np.array([annuity(float(rate), float(shared["clouds_life"])) for rate in rates])
    clouds["full_cost"] = clouds["running"] + full / (worth * shared["clouds_hours_per_gpu"])
    plants["outlay"] = plants["capacity"] * plants["price"] * shared["foundry_operating_share"]
    makers["outlay"] = supply * makers["cost"]
    state.places[:] = state.edges * (clouds["capacity"] * np.exp(clouds["affinity"]))[None, :]
    sums = state.places.sum(axis=1, keepdims=True)
    state.places[:] = np.divide(state.places, sums, out=np.zeros_like(state.places), where=sums > 0)


def _start_ramps(state: State, starts: dict[str, NDArray[np.float64]]) -> None:
    """What is still to come of generations that are in production at month 0 but not yet all that is delivered."""
    makers, shared = state.chipmakers, state.shared[0]
    launched, cost = starts["launched_performance"], starts["launched_unit_cost"]
    left = max(1.0, float(shared["chipmakers_ramp_months"] - shared["chipmakers_launched_months"]))
    # 0 is for none, so what is above it has the least performance that a maker can have as its floor.
    least = REGISTRY["chipmakers", "performance"].low
    for v in np.flatnonzero(launched > 0.0):
        makers["coming"][v] = 1.0
        makers["ramp_left"][v] = left
        makers["coming_performance"][v] = math.log(max(launched[v], least) / makers["performance"][v])
        if cost[v] > 0.0 and makers["unit_cost"][v] > 0.0:
            makers["coming_cost"][v] = math.log(cost[v] / makers["unit_cost"][v])
