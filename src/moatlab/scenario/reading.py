"""Reading and writing scenario files: from TOML to checked contents and back."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from moatlab.errors import InputError, shown
from moatlab.scenario.addresses import ALL, SLUG, Address, check_slug, nearest, parse, slug_like
from moatlab.scenario.events import Event, parse_event
from moatlab.scenario.facts import cited, fact
from moatlab.scenario.files import check_limits, decoded, read_tables, read_text
from moatlab.scenario.registry import KINDS, RULES_ONLY, Value
from moatlab.scenario.rules import RuleUse
from moatlab.scenario.tables import REGISTRY
from moatlab.scenario.topology import GraphSpec, graph_table, read_graph
from moatlab.scenario.values import check_value

_HEAD = ("name", "title", "start", "months", "events", "graph")
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
#: Longest run, months: tables of retention grow with its square.
LONGEST = 1200
#: Longest name or title, characters; and what turns the direction of writing.
LONGEST_NAME = 300
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

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
        return read_mapping(read_tables(decoded(resource.read_bytes(), text), f"{text}.toml"), f"{text}.toml")
    path = Path(name_or_path)
    if not _is_file(path):
        if path.suffix == ".toml" or len(path.parts) > 1:
            raise InputError(f"there is no scenario file {text!r}")
        raise InputError(f"there is no scenario {text!r}; {nearest(text, packaged())} (a file's name ends with .toml)")
    return read_mapping(read_tables(read_text(path, "the scenario file"), text), text, path.parent, path.stem)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        # A name that no file system takes.
        return False


def read_mapping(
    mapping: Mapping[str, Any], where: str, folder: Path | None = None, default_name: str = "unnamed"
) -> Contents:
    """Check a scenario that is given as nested tables; ``folder`` is where its paths start."""
    check_limits(mapping, where)
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
        events=_events(mapping.get("events", []), slugs, _start(mapping.get("start", "2023-01"), where), where),
        rows=rows,
        values=values,
        sources=sources,
    )


def plain_tables(contents: Contents) -> dict[str, Any]:
    """A scenario as nested tables, as `read_mapping` takes them; classes and rules from outside are left out."""
    tables: dict[str, Any] = {key: getattr(contents, key) for key in ("name", "title", "start", "months")}
    tables["events"] = [str(event) for event in contents.events]
    if contents.graph != GraphSpec():
        tables["graph"] = graph_table(contents.graph)
    for kind in KINDS:
        rows: dict[str | None, dict[str, Any]] = {None: {}, ALL: {}}
        rows |= {slug: {"name": name} for slug, name in contents.rows.get(kind, {}).items()}
        for address, value in contents.values.items():
            if address.kind == kind:
                source = contents.sources.get(address)
                entry: Any = value if source is None else {"value": value, "source": source}
                rows[address.slug][address.parameter] = entry
        table = rows.pop(None) | {str(slug): row for slug, row in rows.items() if row}
        if table:
            tables[kind] = table
    return tables


def write_toml(contents: Contents) -> str:
    """The scenario as a TOML file, which reads back as the same contents."""
    import tomlkit

    document = tomlkit.document()
    for firm, agent in contents.overrides.items():
        document.add(tomlkit.comment(f"{firm} is played by {agent.__module__}.{agent.__qualname__}"))
    for key, value in plain_tables(contents).items():
        if key == "events":
            document.add(key, tomlkit.item(value).multiline(True))
        elif key in KINDS:
            document.add(key, tomlkit.item(_inline(value)))
        else:
            document.add(key, value if isinstance(value, str | int) else tomlkit.item(value))
    return tomlkit.dumps(document)


def _inline(table: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a kind with each value and its source on one line."""
    import tomlkit

    written: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping) and set(value) == {"value", "source"}:
            entry = tomlkit.inline_table()
            entry.update(value)
            written[key] = entry
        else:
            written[key] = _inline(value) if isinstance(value, Mapping) else value
    return written


def check_source(source: str, where: str) -> str:
    """``source`` itself, if the facts that it cites exist."""
    for identifier in cited(source):
        fact(identifier, where)
    return source


def _table(entry: object, key: str, where: str) -> Mapping[str, Any]:
    if not isinstance(entry, Mapping):
        raise InputError(f"{key} takes a table, not {shown(entry)}", where)
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
            slug = check_slug(key, where)
            rows[slug] = _string(entry, "name", slug, f"{where}: {kind}.{slug}")
    return rows


def _entries(given: Mapping[str, Mapping[str, Any]], where: str) -> list[tuple[Address, object]]:
    """Every value that the file gives, under its address."""
    entries: list[tuple[Address, object]] = []
    for kind, table in given.items():
        for key, entry in table.items():
            if not _is_row(kind, key, entry):
                _refuse_name(kind, key, entry, where)
                # A key with a dot in it would change the number of parts of the address.
                entries.append((parse(f"{kind}.{key.replace('.', '_')}", where), entry))
                continue
            for name, value in entry.items():
                if name != "name" or key == ALL:
                    entries.append((parse(f"{kind}.{key}.{name.replace('.', '_')}", where), value))
    return entries


def _refuse_name(kind: str, key: str, entry: object, where: str) -> None:
    """Say how a row is written, to one who keyed it by its display name."""
    if kind in RULES_ONLY or not isinstance(entry, Mapping) or "value" in entry or (kind, key) in REGISTRY:
        return
    raise InputError(
        f"[{kind}.{json.dumps(key, ensure_ascii=False)}] is no row: the key of a row is its slug, lower-case letters "
        f"and digits joined by single hyphens, and its name is a value of the row: [{kind}.{slug_like(key)}] with "
        f"name = {json.dumps(key, ensure_ascii=False)}",
        where,
    )


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
        raise InputError(f"{address}: source takes text, not {shown(source)}", where)
    return entry["value"], check_source(source, f"{where}: {address}")


def _string(table: Mapping[str, Any], key: str, default: str, where: str) -> str:
    text = table.get(key, default)
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{key} takes text, not {shown(text)}", where)
    if len(text) > LONGEST_NAME:
        raise InputError(f"{key} takes at most {LONGEST_NAME} characters, not {len(text):,}", where)
    for character in text:
        # Controls, separators of lines, halves of characters, and marks that turn the direction of what follows.
        if unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") or character in _TURNS:
            raise InputError(f"{key} holds the control character {character!a}: {text!a}", where)
    return text


def _start(start: object, where: str) -> str:
    if not isinstance(start, str) or not _MONTH.fullmatch(start):
        raise InputError(f"start takes a month such as '2023-01', not {shown(start)}", where)
    return start


def _months(months: object, where: str) -> int:
    if isinstance(months, bool) or not isinstance(months, int) or not 1 <= months <= LONGEST:
        raise InputError(f"months takes a whole number from 1 to {LONGEST}, not {shown(months)}", where)
    return months


def _events(texts: object, slugs: Mapping[str, tuple[str, ...]], start: str, where: str) -> tuple[Event, ...]:
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise InputError("events takes a list of texts, as in ['month 12: set foundry.tsmc.capacity 19']", where)
    try:
        return tuple(parse_event(text, slugs, start) for text in texts)
    except InputError as error:
        raise InputError(str(error), where) from None
