"""Reading and writing scenario files: from TOML to checked contents and back."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from moatlab.errors import InputError
from moatlab.scenario.addresses import ALL, SLUG, Address, check_slug, nearest, parse
from moatlab.scenario.events import Event, parse_event
from moatlab.scenario.facts import cited, fact
from moatlab.scenario.registry import KINDS, RULES_ONLY, Value
from moatlab.scenario.rules import RuleUse
from moatlab.scenario.tables import REGISTRY
from moatlab.scenario.topology import GraphSpec, graph_table, read_graph
from moatlab.scenario.values import check_value

_HEAD = ("name", "title", "start", "months", "events", "graph")
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
#: Longest run, months: tables of retention grow with its square.
LONGEST = 1200

#: Display names by kind and slug, in the order of the file.
Rows = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Contents:
    """What a scenario says, checked: ``values`` and ``sources`` hold only what it says itself."""

    name: str
    title: str
    start: str
    months: int
    graph: GraphSpec
    events: tuple[Event, ...] = ()
    rows: Rows = field(default_factory=dict)
    values: dict[Address, Value] = field(default_factory=dict)
    sources: dict[Address, str] = field(default_factory=dict)
    overrides: dict[str, type] = field(default_factory=dict)
    rules: tuple[RuleUse, ...] = ()

    def slugs(self) -> dict[str, tuple[str, ...]]:
        """The slugs of each kind that has rows."""
        return {kind: tuple(rows) for kind, rows in self.rows.items()}


@cache
def packaged() -> tuple[str, ...]:
    """The names of the scenarios that come with moatlab."""
    folder = files("moatlab.scenario").joinpath("scenarios")
    return tuple(sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml")))


def read_file(name_or_path: str | Path) -> Contents:
    """The contents of a packaged scenario or of a TOML file."""
    text = str(name_or_path)
    if isinstance(name_or_path, str) and text in packaged():
        resource = files("moatlab.scenario").joinpath("scenarios", f"{text}.toml")
        return read_mapping(_toml(resource.read_bytes(), f"{text}.toml"), f"{text}.toml")
    path = Path(name_or_path)
    if not path.is_file():
        if path.suffix == ".toml" or len(path.parts) > 1:
            raise InputError(f"there is no scenario file {text!r}")
        raise InputError(f"there is no scenario {text!r}; {nearest(text, packaged())} (a file's name ends with .toml)")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"the scenario file {text!r} cannot be read: {error.strerror}") from None
    return read_mapping(_toml(data, text), text, path.parent, path.stem)


def read_mapping(
    mapping: Mapping[str, Any], where: str, folder: Path | None = None, default_name: str = "unnamed"
) -> Contents:
    """Check a scenario that is given as nested tables; ``folder`` is where its paths start."""
    for key in mapping:
        if key not in _HEAD and key not in KINDS:
            raise InputError(f"unknown key {key!r}; {nearest(key, [*_HEAD, *KINDS])}", where)
    given = {kind: _table(mapping.get(kind, {}), kind, where) for kind in KINDS}
    rows = {kind: _rows(kind, given[kind], where) for kind in KINDS if kind not in RULES_ONLY}
    slugs = {kind: tuple(names) for kind, names in rows.items()}
    values: dict[Address, Value] = {}
    sources: dict[Address, str] = {}
    for address, entry in _entries(given, where):
        value, source = _entry(address, entry, where)
        values[address] = check_value(address, value, slugs, where)
        if source is not None:
            sources[address] = source
    name = _string(mapping, "name", default_name, where)
    return Contents(
        name=name,
        title=_string(mapping, "title", name, where),
        start=_start(mapping.get("start", "2023-01"), where),
        months=_months(mapping.get("months", 120), where),
        graph=read_graph(_table(mapping.get("graph", {}), "graph", where), slugs, where, folder),
        events=_events(mapping.get("events", []), slugs, where),
        rows=rows,
        values=values,
        sources=sources,
    )


def write_toml(contents: Contents) -> str:
    """The scenario as a TOML file, which reads back as the same contents."""
    import tomlkit

    document = tomlkit.document()
    for firm, agent in contents.overrides.items():
        document.add(tomlkit.comment(f"{firm} is played by {agent.__module__}.{agent.__qualname__}"))
    for key in ("name", "title", "start", "months"):
        document.add(key, getattr(contents, key))
    document.add("events", tomlkit.item([str(event) for event in contents.events]).multiline(True))
    if contents.graph != GraphSpec():
        document.add("graph", tomlkit.item(graph_table(contents.graph)))
    for kind in KINDS:
        tables: dict[str | None, dict[str, object]] = {None: {}, ALL: {}}
        tables |= {slug: {"name": name} for slug, name in contents.rows.get(kind, {}).items()}
        for address, value in contents.values.items():
            if address.kind == kind:
                source = contents.sources.get(address)
                entry: object = value
                if source is not None:
                    entry = tomlkit.inline_table()
                    entry.update({"value": value, "source": source})
                tables[address.slug][address.parameter] = entry
        shared = tables.pop(None)
        table: dict[str, object] = {**shared}
        table |= {str(slug): row for slug, row in tables.items() if row}
        if table:
            document.add(kind, tomlkit.item(table))
    return tomlkit.dumps(document)


def check_source(source: str, where: str) -> str:
    """``source`` itself, if the facts that it cites exist."""
    for identifier in cited(source):
        fact(identifier, where)
    return source


def _toml(data: bytes, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"malformed TOML: {error}", where) from None
    except UnicodeDecodeError:
        raise InputError("not a text file in UTF-8", where) from None


def _table(entry: object, key: str, where: str) -> Mapping[str, Any]:
    if not isinstance(entry, Mapping):
        raise InputError(f"{key} takes a table, not {entry!r}", where)
    return entry


def _is_row(kind: str, key: str, entry: object) -> bool:
    """Whether an entry of a kind's table is a row rather than a parameter."""
    named = isinstance(entry, Mapping) and (key == ALL or SLUG.fullmatch(key) is not None)
    return named and kind not in RULES_ONLY and (kind, key) not in REGISTRY


def _rows(kind: str, table: Mapping[str, Any], where: str) -> dict[str, str]:
    """The rows of a kind with their display names."""
    rows = {}
    for key, entry in table.items():
        if _is_row(kind, key, entry) and key != ALL:
            rows[check_slug(key, where)] = _string(entry, "name", key, f"{where}: {kind}.{key}")
    return rows


def _entries(given: Mapping[str, Mapping[str, Any]], where: str) -> list[tuple[Address, object]]:
    """Every value that the file gives, under its address."""
    entries: list[tuple[Address, object]] = []
    for kind, table in given.items():
        for key, entry in table.items():
            if not _is_row(kind, key, entry):
                # A key with a dot in it would change the number of parts of the address.
                entries.append((parse(f"{kind}.{key.replace('.', '_')}", where), entry))
                continue
            for name, value in entry.items():
                if name != "name" or key == ALL:
                    entries.append((parse(f"{kind}.{key}.{name.replace('.', '_')}", where), value))
    return entries


def _entry(address: Address, entry: object, where: str) -> tuple[object, str | None]:
    """The value and its source, where it states one."""
    if not isinstance(entry, Mapping):
        return entry, None
    for key in entry:
        if key not in ("value", "source"):
            raise InputError(f"{address}: unknown key {key!r}; valid: source, value", where)
    if "value" not in entry:
        raise InputError(f"{address} lacks its value: write {{ value = ..., source = ... }}", where)
    source = entry.get("source")
    if source is None:
        return entry["value"], None
    if not isinstance(source, str) or not source:
        raise InputError(f"{address}: source takes text, not {source!r}", where)
    return entry["value"], check_source(source, f"{where}: {address}")


def _string(table: Mapping[str, Any], key: str, default: str, where: str) -> str:
    text = table.get(key, default)
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{key} takes text, not {text!r}", where)
    return text


def _start(start: object, where: str) -> str:
    if not isinstance(start, str) or not _MONTH.fullmatch(start):
        raise InputError(f"start takes a month such as '2023-01', not {start!r}", where)
    return start


def _months(months: object, where: str) -> int:
    if isinstance(months, bool) or not isinstance(months, int) or not 1 <= months <= LONGEST:
        raise InputError(f"months takes a whole number from 1 to {LONGEST}, not {months!r}", where)
    return months


def _events(texts: object, slugs: Mapping[str, tuple[str, ...]], where: str) -> tuple[Event, ...]:
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise InputError("events takes a list of texts, as in ['month 12: set foundry.tsmc.capacity 19']", where)
    try:
        return tuple(parse_event(text, slugs) for text in texts)
    except InputError as error:
        raise InputError(str(error), where) from None
