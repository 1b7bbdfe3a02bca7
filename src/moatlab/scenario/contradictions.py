"""What a scenario cannot say, although each of its values is valid."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from moatlab.errors import InputError
from moatlab.scenario.addresses import ALL, Address, parse
from moatlab.scenario.events import Event
from moatlab.scenario.registry import KINDS, Value
from moatlab.scenario.topology import GraphSpec

#: Largest log of the rent, relative to the reference rent, at which outside demand may have to clear.
MOST_LOG_RENT = 60.0
#: Kinds without which nothing can be bought, made or paid for.
_NEEDED = ("users", "labs", "clouds", "chipmakers", "foundry")


#: The parameters, as (kind, name), that a check has read of a scenario in which it saw no contradiction.
Read = frozenset[tuple[str, str]]
#: What each check has read, in the order of the checks.
Checked = tuple[Read, ...]


class Values(Protocol):
    """What a scenario says, as far as the checks ask."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def graph(self) -> GraphSpec:
        """Who can trade with whom."""
        ...

    @property
    def events(self) -> tuple[Event, ...]:
        """What will change."""
        ...

    def slugs(self, kind: str) -> tuple[str, ...]:
        """The rows of a kind."""
        ...

    def at(self, address: Address) -> Value:
        """The value at an address."""
        ...


class _Said:
    """A scenario as the checks see it.  It notes which parameters are read: a check that reads the same says the same.

    Values are looked up by column, since most checks ask for one parameter of every row.
    """

    def __init__(self, scenario: Values) -> None:
        self.scenario = scenario
        self.graph = scenario.graph
        self.slugs = scenario.slugs
        self.read: set[tuple[str, str]] = set()
        self._columns: dict[tuple[str, str], dict[str | None, Value]] = {}

    @property
    def events(self) -> tuple[Event, ...]:
        """What will change; read under the name ("", "events")."""
        self.read.add(("", "events"))
        return self.scenario.events

    def at(self, address: Address) -> Value:
        """The value at an address."""
        self.read.add((address.kind, address.parameter))
        return self.scenario.at(address)

    def kind_value(self, kind: str, name: str) -> Value:
        """The value of a parameter that a kind shares."""
        return self.at(Address(kind, None, name))

    def value(self, kind: str, slug: str, name: str) -> Value:
        """The value of one row, or of generated firms (``*``)."""
        key = kind, name
        column = self._columns.get(key)
        if column is None:
            at = self.scenario.at
            column = {each: at(Address(kind, each, name)) for each in (ALL, *self.slugs(kind))}
            self._columns[key] = column
        self.read.add(key)
        return column[slug]


def refuse_contradictions(scenario: Values, before: Checked = (), changed: Read = frozenset()) -> Checked:
    """Raise the first contradiction, if there is one; returns what the checks have read.

    ``before`` is what they read of a scenario from which this one differs in the values of ``changed`` only: a check
    that read none of these is not made again.
    """
    said = _Said(scenario)
    checked = []
    for number, check in enumerate(CHECKS):
        if before and not (before[number] & changed):
            checked.append(before[number])
            continue
        said.read = set()
        refuse(check, said, scenario.name)
        checked.append(frozenset(said.read))
    return tuple(checked)


def _kinds(scenario: _Said) -> Iterator[str]:
    for kind in _NEEDED:
        if not scenario.slugs(kind):
            yield f"there are no {kind}: a market needs at least one row, {KINDS[kind]}"
    generated = float(scenario.kind_value("apps", "startups")) + float(scenario.kind_value("apps", "entry_rate"))
    if not scenario.slugs("apps") and not generated:
        yield "there are no apps: name one, or set apps.startups or apps.entry_rate above 0"
    shares = [float(scenario.kind_value("apps", name)) for name in ("rnd_share", "marketing_share")]
    if sum(shares) > 1.0 + 1e-12:
        yield f"apps.rnd_share {shares[0]:g} and apps.marketing_share {shares[1]:g} add up to more than 1"


def _users(scenario: _Said) -> Iterator[str]:
    """Customers beyond the market's size."""
    held: dict[str, float] = dict.fromkeys(scenario.slugs("users"), 0.0)
    for slug in scenario.slugs("apps"):
        category = str(scenario.value("apps", slug, "category"))
        held[category] = held.get(category, 0.0) + float(scenario.value("apps", slug, "customers"))
    for slug in scenario.slugs("users"):
        size = float(scenario.value("users", slug, "market_size"))
        if held[slug] > size:
            yield f"the apps of users.{slug} start with {held[slug]:g} M customers, its market_size is {size:g} M"


def _outside(scenario: _Said) -> Iterator[str]:
    """Demand for hours so large and so inelastic that no number is the rent at which the fleets suffice."""
    hours = float(scenario.kind_value("outside", "initial_hours"))
    elasticity = float(scenario.kind_value("outside", "spot_elasticity"))
    fleet = sum(float(scenario.value("clouds", slug, "fleet")) for slug in scenario.slugs("clouds"))
    capacity = fleet * float(scenario.kind_value("clouds", "hours_per_gpu"))
    if capacity > 0.0 and hours > capacity and math.log(hours / capacity) > MOST_LOG_RENT * elasticity:
        yield (
            f"outside.initial_hours {hours:g} Mh are wanted of a capacity of {capacity:g} Mh at an "
            f"outside.spot_elasticity of {elasticity:g}: no finite rent clears that"
        )


def _apps(scenario: _Said) -> Iterator[str]:
    sales = _sales(scenario)
    for slug in scenario.slugs("apps"):
        app = f"apps.{slug}"
        owner, source = (str(scenario.value("apps", slug, name)) for name in ("owner", "source"))
        if not scenario.value("apps", slug, "category"):
            choices = ", ".join(scenario.slugs("users"))
            yield f"{app} has no category: set {app}.category to one of {choices}"
        if owner and scenario.value("apps", slug, "incumbent"):
            yield f"{app} has an owner, labs.{owner}, and is an incumbent's: one of the two only"
        bundled = scenario.value("apps", slug, "price_rule") == "bundled"
        if bundled and not owner and not scenario.value("apps", slug, "incumbent"):
            yield f"{app} is bundled, which needs one who bears its cost: an owner, or incumbent = true"
        if owner and not scenario.graph.allows(app, f"labs.{owner}"):
            yield f"{app} is owned by labs.{owner} but has no edge to it"
        if source and not scenario.graph.allows(app, f"labs.{source}"):
            yield f"{app}.source is labs.{source}, to which the app has no edge"
        if source and not (slug in sales[source] or _flag(scenario, source, "open")):
            yield f"{app}.source is labs.{source}, which does not sell to it (api, supply) nor publish its model (open)"


def _startups(scenario: _Said) -> Iterator[str]:
    """What would hold for generated startups, which nobody owns."""
    generated = float(scenario.kind_value("apps", "startups")) + float(scenario.kind_value("apps", "entry_rate"))
    if generated and scenario.value("apps", ALL, "price_rule") == "bundled":
        yield "startups cannot be bundled (apps.*.price_rule): nobody else bears their cost"


def _labs(scenario: _Said) -> Iterator[str]:
    for slug in scenario.slugs("labs"):
        if scenario.value("labs", slug, "revenue_share") and not scenario.value("labs", slug, "partner"):
            yield f"labs.{slug}.revenue_share needs a cloud to go to: set labs.{slug}.partner"


def _clouds(scenario: _Said) -> Iterator[str]:
    for slug in scenario.slugs("clouds"):
        chip = str(scenario.value("clouds", slug, "own_chip"))
        if not chip and scenario.value("clouds", slug, "own_share"):
            yield f"clouds.{slug}.own_share needs a chip of the cloud's own: set clouds.{slug}.own_chip"
        if chip and not scenario.graph.allows(f"clouds.{slug}", f"chipmakers.{chip}"):
            yield f"clouds.{slug} owns chipmakers.{chip} but has no edge to it"


def _chipmakers(scenario: _Said) -> Iterator[str]:
    owners = Counter(str(scenario.value("clouds", slug, "own_chip")) for slug in scenario.slugs("clouds"))
    for slug in scenario.slugs("chipmakers"):
        if not scenario.value("chipmakers", slug, "captive"):
            continue
        if not owners[slug]:
            yield f"chipmakers.{slug} is captive, but it is no cloud's own_chip, so nobody can buy from it"
        if owners[slug] > 1:
            yield f"chipmakers.{slug} is captive, but it is the own_chip of {owners[slug]} clouds"


def _reach(scenario: _Said) -> Iterator[str]:
    """Firms that could never buy what they live on."""
    published = any(_flag(scenario, lab, "open") for lab in scenario.slugs("labs"))
    sales = _sales(scenario)
    for slug in scenario.slugs("apps"):
        labs = [lab for lab in _sellers(scenario, "apps", slug, "labs") if slug in sales[lab]]
        hosts = _sellers(scenario, "apps", slug, "hosts") if published else []
        if scenario.value("apps", slug, "own_model"):
            if not _sellers(scenario, "apps", slug, "clouds"):
                yield f"apps.{slug} runs an in-house model but reaches no cloud"
        elif not labs and not hosts:
            yield f"apps.{slug} reaches no model: no lab that sells its model, and no host of an open one"
    for kind in ("labs", "hosts"):
        for slug in scenario.slugs(kind):
            if not _sellers(scenario, kind, slug, "clouds"):
                yield f"{kind}.{slug} reaches no cloud"
    for slug in scenario.slugs("clouds"):
        own = scenario.value("clouds", slug, "own_chip")
        chips = _sellers(scenario, "clouds", slug, "chipmakers")
        if not any(chip == own or not scenario.value("chipmakers", chip, "captive") for chip in chips):
            yield f"clouds.{slug} reaches no chipmaker that sells to it"
    for slug in scenario.slugs("chipmakers"):
        fab = scenario.value("chipmakers", slug, "own_fab")
        if not fab and not _sellers(scenario, "chipmakers", slug, "foundry"):
            yield f"chipmakers.{slug} reaches no foundry and has no fab of its own (own_fab)"


def _events(scenario: _Said) -> Iterator[str]:
    """Events that would push a value out of its range; what the market moves by itself is not known beforehand."""
    for event in scenario.events:
        if event.action != "scale" or event.address is None or event.address.declared.state:
            continue
        for address in _targets(scenario, event.address):
            value, parameter = scenario.at(address), address.declared
            after = float(value) * float(event.value)
            if not parameter.low <= after <= parameter.high:
                yield f"event {str(event)!r}: {address} would be {after:g}; it takes {parameter.valid}"


def _targets(scenario: _Said, address: Address) -> list[Address]:
    if address.slug != ALL:
        return [address]
    return [parse(f"{address.kind}.{slug}.{address.parameter}") for slug in (ALL, *scenario.slugs(address.kind))]


def _sellers(scenario: _Said, kind: str, slug: str, sellers: str) -> list[str]:
    """The slugs of the sellers of a kind that a firm may be linked to."""
    buyer = f"{kind}.{slug}"
    return [seller for seller in scenario.slugs(sellers) if scenario.graph.allows(buyer, f"{sellers}.{seller}")]


def _sales(scenario: _Said) -> dict[str, frozenset[str]]:
    """The apps that each lab sells its model to: `labs.supply` and `labs.api`; its own apps always have it."""
    apps = scenario.slugs("apps")
    category = {app: scenario.value("apps", app, "category") for app in apps}
    sales = {}
    for lab in scenario.slugs("labs"):
        owned = {app for app in apps if scenario.value("apps", app, "owner") == lab}
        rivals = {category[app] for app in owned}
        supply = scenario.value("labs", lab, "supply") if _flag(scenario, lab, "api") else ""
        others = {
            app for app in apps if supply == "everybody" or (supply == "not rivals" and category[app] not in rivals)
        }
        sales[lab] = frozenset(owned | others)
    return sales


def _flag(scenario: _Said, lab: str, name: str) -> bool:
    return bool(scenario.value("labs", lab, name))


#: Every check, in the order in which the first problem is named.
CHECKS = (_kinds, _users, _outside, _startups, _apps, _labs, _clouds, _chipmakers, _reach, _events)


def refuse(check: Callable[[Any], Iterator[str]], scenario: Any, name: str) -> None:
    """Raise the first problem that a check finds in what reads as a scenario of that name."""
    for problem in check(scenario):
        raise InputError(problem, f"scenario {name}")
