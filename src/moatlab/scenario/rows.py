"""Rows of a scenario from tables: mappings, pandas frames or CSV files with a column for each parameter."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from moatlab.errors import InputError
from moatlab.scenario.addresses import check_slug, nearest, slug_like
from moatlab.scenario.files import read_text
from moatlab.scenario.registry import KINDS, RULES_ONLY, Value
from moatlab.scenario.tables import REGISTRY, parameters_of

#: Columns that name a row; all others are parameters.
_NAMES = ("slug", "name")


def with_rows(
    kind: str, tables: Mapping[str, Any], added: Mapping[str, Mapping[str, Any]], where: str
) -> dict[str, Any]:
    """A scenario's nested tables with further rows of a kind; of a row that is there, the values given are replaced.

    Raises `InputError` for a kind without rows and for parameters that it does not have.
    """
    if kind not in KINDS or kind in RULES_ONLY:
        raise InputError(f"there are no rows of {kind!r}; {nearest(kind, [k for k in KINDS if k not in RULES_ONLY])}",
                         where)  # fmt: skip
    known = [parameter.name for parameter in parameters_of(kind, "firm")]
    changed = {key: dict(value) if isinstance(value, Mapping) else value for key, value in tables.items()}
    mine = dict(changed.get(kind, {}))
    for slug, values in added.items():
        check_slug(slug, where)
        if (kind, slug) in REGISTRY:
            raise InputError(f"a row cannot be called {slug}: {kind}.{slug} is a parameter", where)
        for name in values:
            if name != "name" and name not in known:
                raise InputError(f"{kind}.{slug} has no parameter {name!r}; {nearest(name, known)}", where)
        mine[slug] = {**mine.get(slug, {}), **values}
    changed[kind] = mine
    return changed


def read_rows(kind: str, table: Any, where: str) -> dict[str, dict[str, Any]]:
    """Rows by slug from a pandas frame, the path of a CSV file, or mappings, one a row.

    A column ``slug`` names the rows, else slugs are made from the column ``name``; empty cells are left out.  Raises
    `InputError` for a table without either column, for two rows of one slug, and for cells that are not read.
    """
    if isinstance(table, str | Path):
        where = str(table)
        rows = _read_csv(Path(table), kind)
    else:
        rows = records(table, where)
    found: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(rows, start=1):
        values = {key: _plain(value) for key, value in row.items() if not _empty(value)}
        if "slug" not in values and "name" not in values:
            raise InputError(f"row {number} has neither a slug nor a name", where)
        slug = str(values.pop("slug", None) or slug_like(str(values["name"])))
        if slug in found:
            raise InputError(f"row {number}: there is a row {slug!r} already", where)
        found[slug] = values
    return found


def records(table: Any, where: str) -> list[dict[str, Any]]:
    """The rows of a pandas frame, of mappings, one a row, or of a mapping from slugs to rows, as mappings.

    Raises `InputError` for anything else.
    """
    if hasattr(table, "to_dict") and hasattr(table, "columns"):
        # The index of a frame may be the slugs.
        frame = table.reset_index() if table.index.name == "slug" else table
        return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    if isinstance(table, Mapping):
        return [{"slug": slug, **row} for slug, row in table.items()]
    if isinstance(table, Iterable):
        return [dict(row) for row in table]
    raise InputError(f"rows are a frame, a path, or mappings, not {type(table).__name__}", where)


def _read_csv(path: Path, kind: str) -> list[dict[str, Any]]:
    """The rows of a CSV file, each value of the type of its parameter; further columns are ignored."""
    reader = csv.DictReader(read_text(path, "the table").splitlines())
    rows = []
    try:
        for row in reader:
            values: dict[str, Any] = {}
            for column, text in row.items():
                name = (column or "").strip()
                if text is None or not str(text).strip() or not (name in _NAMES or (kind, name) in REGISTRY):
                    continue
                cell = str(text).strip()
                values[name] = cell if name in _NAMES else _typed(kind, name, cell, f"{path}, line {reader.line_num}")
            rows.append(values)
    except csv.Error as error:
        raise InputError(f"no CSV: {error}", f"{path}, line {reader.line_num}") from None
    return rows


def _typed(kind: str, name: str, cell: str, where: str) -> Value:
    declared = REGISTRY[kind, name]
    if declared.is_text:
        return cell
    if declared.is_flag:
        if cell.lower() not in ("true", "false", "0", "1"):
            raise InputError(f"{kind}.{name} takes true or false, not {cell!r}", where)
        return cell.lower() in ("true", "1")
    try:
        return int(cell) if declared.is_integer else float(cell)
    except ValueError:
        raise InputError(f"{kind}.{name} takes {declared.valid}, not {cell!r}", where) from None


def _empty(value: Any) -> bool:
    """Whether a cell says nothing: None, not-a-number, or an empty text."""
    return value is None or value == "" or value != value


def _plain(value: Any) -> Any:
    """A number of numpy's as Python's."""
    return value.item() if hasattr(value, "item") else value
