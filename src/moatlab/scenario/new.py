"""A scenario of one's own: a market of so many firms whose sizes fit, and any scenario as a commented file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from moatlab.errors import InputError
from moatlab.scenario.addresses import ALL
from moatlab.scenario.registry import KINDS
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.tables import REGISTRY

#: Sizes a million potential customers, of which all else is a multiple: those of the packaged market of 2023.
FLEET, PACKAGES, MONEY = 1.8, 0.04, 0.2
#: Part of the fleets that outside demand rents at month 0, the hours that it wants over those, and
#: their growth in a year.
RENTED, SHORTAGE, GROWTH = 0.75, 1.5, 1.4
#: Potential customers of a category, M, and the largest number of rows of a kind.
CUSTOMERS, MOST = 20.0, 1000
_WIDTH = 118


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows of each kind a new scenario has."""

    categories: int = 1
    apps: int = 3
    labs: int = 2
    hosts: int = 1
    clouds: int = 1
    chipmakers: int = 1


def build(name: str, counts: Counts, start: str = "2023-01", months: int = 60) -> Scenario:
    """A scenario with that many firms, all sizes in proportion to its customers.

    Raises `InputError` for numbers that make no market.
    """
    least = {"hosts": 0}
    for kind in Counts.__dataclass_fields__:
        number = getattr(counts, kind)
        if not least.get(kind, 1) <= number <= MOST:
            raise InputError(f"--{kind} is a whole number from {least.get(kind, 1)} to {MOST}, not {number}")
    customers = CUSTOMERS * counts.categories
    hours = 0.584 * FLEET * customers
    tables: dict[str, Any] = {"name": name, "title": f"A market of one's own: {name}", "start": start, "months": months}
    tables["users"] = {
        f"category-{i}": {"name": f"Category {i}", "market_size": CUSTOMERS, "price_taste": 0.06}
        for i in range(1, counts.categories + 1)
    }
    tables["apps"] = {"startups": 2 * counts.apps, "entry_rate": round(0.05 * counts.apps, 3), **_apps(counts)}
    tables["labs"] = {"reference_hours": round(0.045 * customers, 3), **_labs(counts, customers)}
    if counts.hosts:
        tables["hosts"] = {f"host-{i}": {"name": f"Host {i}"} for i in range(1, counts.hosts + 1)}
    fleets = _falling(counts.clouds)
    tables["clouds"] = {
        f"cloud-{i}": {"name": f"Cloud {i}", "fleet": round(FLEET * customers * part, 3),
                       "finance": round(8.0 * customers * part, 2)}
        for i, part in enumerate(fleets, start=1)
    }  # fmt: skip
    tables["chipmakers"] = {
        f"chipmaker-{i}": {"name": f"Chipmaker {i}", "ecosystem": round(1.0 / i**2, 3)}
        for i in range(1, counts.chipmakers + 1)
    }
    tables["foundry"] = {"fab": {"name": "Fab", "capacity": round(PACKAGES * customers, 3)}}
    tables["outside"] = {"initial_hours": round(RENTED * hours, 2), "shortage": SHORTAGE, "growth": GROWTH}
    tables["investors"] = {"commitments": round(MONEY * customers, 2)}
    return Scenario.from_dict(tables, name)


def _falling(count: int) -> list[float]:
    """Parts of a whole, each two thirds of the one before."""
    weights = [(2.0 / 3.0) ** i for i in range(count)]
    return [weight / sum(weights) for weight in weights]


def _apps(counts: Counts) -> dict[str, dict[str, Any]]:
    """Apps of falling size, category by category in turn, all on the first lab's model."""
    return {
        f"app-{i + 1}": {"name": f"App {i + 1}", "category": f"category-{i % counts.categories + 1}", "source": "lab-1",
                         "customers": round(0.1 * (2.0 / 3.0) ** (i // counts.categories), 5)}
        for i in range(counts.apps)
    }  # fmt: skip


def _labs(counts: Counts, customers: float) -> dict[str, dict[str, Any]]:
    """Labs of falling capability; the last publishes its checkpoints where there are hosts to serve them."""
    rows = {}
    for i, part in enumerate(_falling(counts.labs), start=1):
        rows[f"lab-{i}"] = {"name": f"Lab {i}", "capability": round(0.6 - 0.15 * (i - 1), 2),
                            "cash": round(10.0 * customers * part, 1)}  # fmt: skip
        if counts.hosts and i == counts.labs:
            rows[f"lab-{i}"] |= {"open": True, "parent_budget": round(0.05 * customers, 2)}
    return rows


def commented(scenario: Scenario, head: str = "") -> str:
    """A scenario as a TOML file in which every value says what it means; it reads back with the same digest.

    ``head`` goes on top, as a comment.
    """
    tables = scenario.to_dict()
    lines = [f"# {line}" for line in wrap(head, _WIDTH)]
    lines += ["# `moatlab explain NAME` says more of any value; what is not stated has the registry's default.", ""]
    for key in ("name", "title", "start", "months"):
        lines.append(f"{key} = {_toml(tables[key])}")
    lines += ["# Events, as in '2024-01: scale foundry.fab.capacity 2' (docs/events.md).",
              f"events = {_toml(tables.get('events', []))}", ""]  # fmt: skip
    if "graph" in tables:
        lines += ["# Who can trade with whom (docs/own-scenario.md).", "[graph]"]
        graph = dict(tables["graph"])
        only = graph.pop("only", {})
        lines += [f"{key} = {_toml(value)}" for key, value in graph.items()]
        lines += [
            "",
            "[graph.only]",
            *(f"{_toml(buyer)} = {_toml(sellers)}" for buyer, sellers in only.items()),
        ] * bool(only)
        lines.append("")
    for kind, what in KINDS.items():
        if tables.get(kind):
            lines += list(_kind(kind, what, tables[kind]))
    return "\n".join(lines).rstrip() + "\n"


def _kind(kind: str, what: str, table: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a kind; a parameter is explained where it is first stated."""
    title = f"# {kind}: each row is {what}" if not what.startswith("the ") else f"# {kind}: {what}"
    yield f"{title} {'-' * max(0, _WIDTH - len(title) - 1)}"
    yield ""
    told: set[str] = set()
    shared = {name: value for name, value in table.items() if (kind, name) in REGISTRY}
    if shared:
        yield f"[{kind}]"
        yield from _values(kind, shared, told)
        yield ""
    for slug, row in table.items():
        if slug not in shared:
            yield f'[{kind}."{ALL}"]' if slug == ALL else f"[{kind}.{slug}]"
            yield from _values(kind, row, told)
            yield ""


def _values(kind: str, row: Mapping[str, Any], told: set[str]) -> Iterator[str]:
    for name, value in row.items():
        if name != "name" and name not in told:
            told.add(name)
            declared = REGISTRY[kind, name]
            unit = (
                f" ({declared.unit}; {declared.valid})"
                if declared.unit and not declared.is_text
                else f" ({declared.valid})"
            )
            yield from (f"# {line}" for line in wrap(f"{name}: {declared.meaning}{unit}", _WIDTH - 2))
        yield f"{name} = {_toml(value)}"


def _toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    # A text of JSON is a text of TOML, and so is a number as Python writes it.
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
