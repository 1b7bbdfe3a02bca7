"""A scenario: every value that a market starts from, and the events that will change some of them.

A scenario is immutable and always consistent: each step that makes a new one checks it, or raises one `InputError`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moatlab.errors import InputError
from moatlab.scenario.addresses import ALL, Address, Slugs, nearest, parse, resolve, split_firm
from moatlab.scenario.contradictions import Checked, Read, refuse_contradictions
from moatlab.scenario.events import Event, parse_event
from moatlab.scenario.owners import owner_names
from moatlab.scenario.reading import Contents, packaged, plain_tables, read_file, read_mapping, write_toml
from moatlab.scenario.registry import KINDS, RULES_ONLY, Value
from moatlab.scenario.rows import read_rows, with_rows
from moatlab.scenario.rules import RuleUse, split_changes, use
from moatlab.scenario.sizes import notes
from moatlab.scenario.tables import parameters_of
from moatlab.scenario.topology import GraphSpec, graph_table, network_edges, read_graph
from moatlab.scenario.values import check_value, read_value
from moatlab.scenario.values import show as as_text

if TYPE_CHECKING:
    from moatlab.evidence.compare import Comparison

#: The source of a value that was changed after loading.
SET = "set by the user"
#: Most changes that the representation of a scenario lists.
MOST_CHANGES = 8


class Scenario:
    """A scenario, by the name of a packaged one or by the path of a TOML file.

    >>> Scenario("essay-2023").set({"labs.openai.price_rule": "frozen", "labs.*.markup": 0.3})
    Scenario('essay-2023', changed: labs.*.markup = 0.3; labs.openai.price_rule = frozen)
    """

    __slots__ = ("_checked", "_contents", "_digest", "_origin")
    _contents: Contents
    _digest: str | None
    _checked: Checked
    _origin: tuple[Scenario, frozenset[Address]] | None

    def __init__(self, name_or_path: str | Path) -> None:
        """Load and check; a name that is not known lists those nearest to it."""
        if isinstance(name_or_path, str) and name_or_path in packaged():
            loaded = _packaged(name_or_path)
            for name in ("_contents", "_digest", "_checked"):
                object.__setattr__(self, name, getattr(loaded, name))
            object.__setattr__(self, "_origin", (loaded, frozenset()))
        else:
            self._fill(read_file(name_or_path))

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any], where: str = "scenario", folder: Path | None = None) -> Scenario:
        """A scenario from nested tables, as a TOML file holds them; its paths start at ``folder``."""
        return cls._of(read_mapping(mapping, where, folder))

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any], name: str = "unnamed", **head: Any) -> Scenario:
        """A scenario from a table for each kind: a pandas frame, the path of a CSV file, or mappings, one a row.

        A column ``slug`` (or else ``name``) names the rows, the others are parameters; ``head`` is the rest of a
        scenario file: ``title``, ``start``, ``months``, ``events``, ``graph``, and kinds without rows.  Raises
        `InputError` for columns, values and kinds that there are not.
        """
        given: dict[str, Any] = {"name": name, **head}
        for kind, table in tables.items():
            given = with_rows(kind, given, read_rows(kind, table, f"table of {kind}"), f"table of {kind}")
        return cls.from_dict(given, name)

    @classmethod
    def _of(cls, contents: Contents) -> Scenario:
        scenario = cls.__new__(cls)
        scenario._fill(contents)
        return scenario

    def _fill(self, contents: Contents, before: Checked = (), changed: Read = frozenset()) -> None:
        object.__setattr__(self, "_contents", contents)
        object.__setattr__(self, "_digest", None)
        object.__setattr__(self, "_origin", None)
        object.__setattr__(self, "_checked", refuse_contradictions(self, before, changed))

    def _with(self, addresses: Iterable[Address] = (), **changes: Any) -> Scenario:
        """A copy that differs in ``changes``; values differ at ``addresses`` only, and the graph not at all."""
        changed = frozenset(addresses)
        scenario = type(self).__new__(type(self))
        names = frozenset([(a.kind, a.parameter) for a in changed] + [("", field) for field in changes])
        scenario._fill(dataclasses.replace(self._contents, **changes), self._checked, names)
        first, before = self.origin or (self, frozenset())
        object.__setattr__(scenario, "_origin", (first, before | changed))
        return scenario

    @property
    def origin(self) -> tuple[Scenario, frozenset[Address]] | None:
        """The scenario that this one was made from, and the addresses at which their values may differ.

        Both have the same rows and the same graph.  None for one that was read, made from tables, or given a graph.
        """
        return self._origin

    # ------------------------------------------------------------------ what it says

    @property
    def name(self) -> str:
        """The short name."""
        return self._contents.name

    @property
    def title(self) -> str:
        """One line for headings."""
        return self._contents.title

    @property
    def start(self) -> str:
        """The calendar month of month 0, such as ``2023-01``."""
        return self._contents.start

    @property
    def months(self) -> int:
        """How long a run is unless something else is asked for."""
        return self._contents.months

    @property
    def events(self) -> tuple[Event, ...]:
        """What will change, in the order of declaration."""
        return self._contents.events

    @property
    def graph(self) -> GraphSpec:
        """Who can trade with whom."""
        return self._contents.graph

    @property
    def overrides(self) -> dict[str, type]:
        """The agent classes put in the place of the built-in ones, by firm (``labs.cohere``)."""
        return dict(self._contents.overrides)

    @property
    def rules(self) -> tuple[RuleUse, ...]:
        """The rules from outside, in the order in which they were given."""
        return self._contents.rules

    @property
    def all_slugs(self) -> Slugs:
        """The slugs of every kind, as `addresses.resolve` and `events.parse_event` take them."""
        return self._contents.slugs()

    @property
    def metric_slugs(self) -> Slugs:
        """The slugs of every kind, and the owners of firms, as addresses of metrics take them."""
        return {**self.all_slugs, "owners": tuple(owner_names(self))}

    def slugs(self, kind: str) -> tuple[str, ...]:
        """The slugs of one kind, in order."""
        _known_kind(kind)
        return tuple(self._contents.rows.get(kind, ()))

    def display_name(self, kind: str, slug: str) -> str:
        """The name of a firm or category as people write it."""
        split_firm(f"{kind}.{slug}", self.all_slugs)
        return self._contents.rows[kind][slug]

    # ------------------------------------------------------------------ values

    def at(self, address: Address) -> Value:
        """The value at an address: the row's own, else that of all rows (``*``), else the registry's default."""
        values = self._contents.values
        found = values.get(address)
        if found is None and address.slug is not None:
            found = values.get(Address(address.kind, ALL, address.parameter))
        return address.declared.default if found is None else found

    def kind_value(self, kind: str, name: str) -> Value:
        """The value of a parameter that a kind shares."""
        return self.at(parse(f"{kind}.{name}"))

    def value(self, kind: str, slug: str, name: str) -> Value:
        """The value of one row; the slug ``*`` gives what holds for generated firms."""
        return self.at(self._row_address(kind, slug, name))

    def source(self, kind: str, slug: str | None, name: str) -> str:
        """Where the value comes from: what the scenario states, else the registry."""
        address = parse(f"{kind}.{name}") if slug is None else self._row_address(kind, slug, name)
        contents = self._contents
        if address not in contents.values and slug is not None:
            address = Address(kind, ALL, name)
        return contents.sources.get(address, address.declared.source)

    def given(self) -> dict[Address, Value]:
        """The values that the scenario states itself, by address; all others are the registry's defaults."""
        return dict(self._contents.values)

    def _row_address(self, kind: str, slug: str, name: str) -> Address:
        address = parse(f"{kind}.{slug}.{name}")
        if slug != ALL and slug not in self._contents.rows.get(kind, ()):
            split_firm(f"{kind}.{slug}", self.all_slugs)
        return address

    # ------------------------------------------------------------------ changed copies

    def set(self, changes: Mapping[str, object]) -> Scenario:
        """A copy with other values, by address.

        ``labs.*.markup`` replaces the value of every lab, entrants of the future included; it is applied before the
        addresses of single firms, whatever their order.
        """
        slugs = self.all_slugs
        changes, rules = split_changes(changes, self.rules, "set")
        checked = [
            (address, check_value(address, value, slugs, "set"))
            for address, value in ((resolve(text, slugs, "set"), value) for text, value in changes.items())
        ]
        changed = self._changed(checked)
        return changed if rules == self.rules else changed._with(rules=rules)

    def set_text(self, changes: Iterable[str]) -> Scenario:
        """The same from texts such as ``labs.openai.markup=0.3``, as the command line gives them."""
        slugs = self.all_slugs
        checked = []
        for text in changes:
            left, equals, right = text.partition("=")
            if not equals:
                raise InputError("write ADDRESS=VALUE, as in labs.openai.markup=0.3", f"set {text!r}")
            address = resolve(left, slugs, f"set {text!r}")
            checked.append((address, read_value(address, right, slugs, f"set {text!r}")))
        return self._changed(checked)

    def _changed(self, changes: list[tuple[Address, Value]]) -> Scenario:
        values, sources = dict(self._contents.values), dict(self._contents.sources)
        for address, value in sorted(changes, key=lambda change: change[0].slug != ALL):
            if address.slug == ALL:
                for own in [a for a in values if (a.kind, a.parameter) == (address.kind, address.parameter)]:
                    del values[own]
                    sources.pop(own, None)
            values[address] = value
            sources[address] = SET
        return self._with([address for address, _ in changes], values=values, sources=sources)

    def with_events(self, *events: str | Event) -> Scenario:
        """A copy with further events."""
        slugs = self.all_slugs
        # An Event made for another scenario is read again, since its firms may not exist here.
        return self._with(events=self.events + tuple(parse_event(str(event), slugs, self.start) for event in events))

    def with_row(self, kind: str, slug: str, name: str | None = None, **values: object) -> Scenario:
        """A copy with a further row, ``name`` being its display name; of a row that is there, values are replaced.

        >>> Scenario("tiny").with_row("apps", "poet", category="copy", source="closed", customers=0.02).slugs("apps")
        ('writer', 'painter', 'assistant', 'poet')

        Raises `InputError` for a kind without rows and for values that it does not take.
        """
        row = dict(values) if name is None else {"name": name, **values}
        return self._with_rows(kind, {slug: row}, "with_row")

    def with_table(self, kind: str, table: Any) -> Scenario:
        """A copy with the rows of a table: a pandas frame, the path of a CSV file, or mappings, one a row.

        A column ``slug`` (or else ``name``) names the rows, the others are parameters; empty cells say nothing.  Rows
        that are there get the values given.  Raises `InputError` for columns and values that there are not.
        """
        return self._with_rows(kind, read_rows(kind, table, "with_table"), "with_table")

    def without_row(self, kind: str, slug: str) -> Scenario:
        """A copy without a row.  Raises `InputError` for one that is not there, or that others refer to."""
        split_firm(f"{kind}.{slug}", self.all_slugs, "without_row")
        tables = self.to_dict()
        del tables[kind][slug]
        return self._read_again(tables, "without_row")

    def _with_rows(self, kind: str, added: Mapping[str, Mapping[str, Any]], where: str) -> Scenario:
        return self._read_again(with_rows(kind, self.to_dict(), added, where), where)

    def _read_again(self, tables: Mapping[str, Any], where: str) -> Scenario:
        """The scenario of changed tables, with the classes and rules of this one."""
        read = read_mapping(tables, where)
        return self._of(dataclasses.replace(read, overrides=self._contents.overrides, rules=self._contents.rules))

    def with_graph(self, network: Any = None, **changes: object) -> Scenario:
        """A copy with another trade graph: keywords are the keys of the table ``[graph]``.

        ``network`` is a networkx graph whose nodes are firms (``apps.jasper``): its edges are all there are between
        kinds that it links at all, whichever way they point.
        """
        if network is not None:
            changes["edges"] = network_edges(network, self.all_slugs, "with_graph")
            changes["topology"] = "edges"
        table = graph_table(self.graph)
        if "topology" in changes:
            table.pop("edges", None)
        graph = read_graph({**table, **changes}, self.all_slugs, "with_graph")
        return self._of(dataclasses.replace(self._contents, graph=graph))

    def replace(self, firm: str, agent: type) -> Scenario:
        """A copy in which ``firm`` (``labs.cohere``) is played by a class of one's own."""
        kind, slug = split_firm(firm, self.all_slugs, "replace")
        if kind == "users":
            raise InputError(f"{firm} is a category of customers, and no agent", "replace")
        if not isinstance(agent, type):
            raise InputError(f"{firm} takes an agent class, not {agent!r}", "replace")
        return self._with(overrides={**self._contents.overrides, f"{kind}.{slug}": agent})

    def with_rule(self, rule: type, after: str, **values: object) -> Scenario:
        """A copy in which a rule of one's own, a subclass of `moatlab.Rule`, runs every month after a phase.

        ``after`` is the name of a phase (`moatlab phases` lists them); ``values`` are parameters that the rule
        declares, which `set` also takes as ``name.parameter``.  The rule's source is part of what a stored run is
        known by.  Raises `InputError` for what is no rule and for values that it does not accept.
        """
        return self._with(rules=(*self.rules, use(rule, after, values, self.rules)))

    def compare(self, on: Mapping[str, Any] | Scenario, seeds: int | Iterable[int] = 64, **options: Any) -> Comparison:
        """Paired effects of one change, by running with and without it from the same ``seeds``.

        ``on`` is ``{"events": [...], "set": {address: value}, "replace": {firm: class}}``, or the changed scenario;
        ``options`` are those of `moatlab.evidence.compare.compare`: ``months``, ``engine``, ``workers``.
        """
        from moatlab.evidence.compare import compare

        return compare(self, on, seeds, **options)

    # ------------------------------------------------------------------ as data

    def resolved(self) -> dict[str, Any]:
        """All that determines a run beside its seed: every value with defaults filled in, in canonical order."""
        tables: dict[str, Any] = {
            "start": self.start,
            "months": self.months,
            "events": [str(event) for event in self.events],
            "graph": graph_table(self.graph),
        }
        for kind in KINDS:
            table: dict[str, Any] = {p.name: self.at(Address(kind, None, p.name)) for p in parameters_of(kind, "kind")}
            if kind not in RULES_ONLY:
                for slug in (ALL, *self.slugs(kind)):
                    table[slug] = {p.name: self.at(Address(kind, slug, p.name)) for p in parameters_of(kind, "firm")}
            tables[kind] = table
        if self._contents.overrides:
            tables["overrides"] = {
                firm: f"{agent.__module__}.{agent.__qualname__}" for firm, agent in self._contents.overrides.items()
            }
        if self.rules:
            tables["rules"] = [rule.resolved() for rule in self.rules]
        return tables

    def digest(self) -> str:
        """SHA-256 of `resolved`: names, titles and sources do not enter, the order of rows does."""
        if self._digest is None:
            text = json.dumps(self.resolved(), separators=(",", ":"), allow_nan=False)
            object.__setattr__(self, "_digest", hashlib.sha256(text.encode()).hexdigest())
        return str(self._digest)

    def to_dict(self) -> dict[str, Any]:
        """The scenario as nested tables that `from_dict` takes; classes of `replace` and rules are left out."""
        return plain_tables(self._contents)

    def sizes(self) -> list[str]:
        """What does not fit in size, a line each with what to set; none where all does (docs/own-scenario.md)."""
        return notes(self)

    def to_toml(self) -> str:
        """The scenario as a file that reads back the same; classes of `replace` are named in comments only."""
        return write_toml(self._contents)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Scenario is immutable: {name} cannot be set; use set, with_events or replace")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Scenario is immutable: {name} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        """Scenarios travel to worker processes."""
        return type(self)._of, (self._contents,)

    def __eq__(self, other: object) -> bool:
        """Equal contents: titles, sources and the order of rows included."""
        return isinstance(other, Scenario) and self._contents == other._contents and self.digest() == other.digest()

    def __hash__(self) -> int:
        return hash(self.digest())

    def changes(self) -> list[str]:
        """What was changed since the scenario was read, in a text each: values, events, classes, rules."""
        first = self if self.origin is None else self.origin[0]
        before = first.given()
        told = [f"{a} = {as_text(v)}" for a, v in self.given().items() if before.get(a) != v]
        told += [event.dated(self.start) for event in self.events if event not in first.events]
        told += [f"{firm} as {agent.__name__}" for firm, agent in self.overrides.items()
                 if first.overrides.get(firm) is not agent]  # fmt: skip
        return told + [f"rule {rule.name}" for rule in self.rules if rule not in first.rules]

    def __repr__(self) -> str:
        told = self.changes()
        more = [f"and {len(told) - MOST_CHANGES} more"] if len(told) > MOST_CHANGES else []
        changed = f", changed: {'; '.join([*told[:MOST_CHANGES], *more])}" if told else ""
        return f"Scenario({self.name!r}{changed})"

    def _repr_html_(self) -> str:
        from html import escape

        firms = ", ".join(f"{len(self.slugs(kind))} {kind}" for kind in KINDS if kind not in RULES_ONLY)
        items = "".join(f"<li>{escape(text)}</li>" for text in self.changes())
        about = f"{self.title}; {self.months} months from {self.start}; {firms}"
        changed = f"<p>changed:</p><ul>{items}</ul>" if items else ""
        return f"<div><p><b>{escape(self.name)}</b>: {escape(about)}</p>{changed}</div>"


@cache
def _packaged(name: str) -> Scenario:
    """A packaged scenario, read and checked once per process."""
    scenario = Scenario._of(read_file(name))
    scenario.digest()
    return scenario


def _known_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InputError(f"there is no kind {kind!r}; {nearest(kind, KINDS)}")
