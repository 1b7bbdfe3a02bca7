"""Reading what users write: text, TOML and CSV files, of a size and depth that a scenario can have."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moatlab.errors import InputError

#: Largest file, bytes; tables within tables; parts of a dotted key, which the parser reads in time of their square.
MOST_BYTES, DEEPEST, MOST_PARTS = 16_000_000, 8, 16
#: Whole numbers in TOML have 64 bits.
MOST_NUMBER = 2**63 - 1
_PART = r"(?:[\w-]+|\"[^\"\n]*\"|'[^'\n]*')[ \t]*"
#: A key where keys can start.  No text can be read in two ways, so that the search takes time in proportion to it;
#: groups that give nothing back would say the same, but Python 3.11 before 3.11.5 does not find what they match.
_DOTTED = re.compile(rf"(?:^|[{{,])[ \t]*(?:\[{{1,2}}[ \t]*)?(?:{_PART}\.[ \t]*){{{MOST_PARTS},}}{_PART}[\]=]", re.M)


def read_text(path: Path, what: str) -> str:
    """The text of a file in UTF-8, with or without a mark of byte order; ``what`` it is in a message."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise InputError(f"{what} has {size / 1e6:.0f} MB; the most is {MOST_BYTES / 1e6:.0f} MB", str(path))
        return decoded(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"{what} cannot be read: {error.strerror}", str(path)) from None


def decoded(data: bytes, where: str) -> str:
    """Bytes as text in UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("not a text file in UTF-8", where) from None


def read_tables(text: str, where: str) -> dict[str, Any]:
    """The tables of a TOML text.  Raises `InputError` for what is none, and beyond the limits of this module."""
    if len(text) > MOST_BYTES:
        raise InputError(f"{len(text) / 1e6:.0f} million characters; the most are {MOST_BYTES / 1e6:.0f}", where)
    too_long = _DOTTED.search(text)
    if too_long is not None:
        line = text.count("\n", 0, too_long.start()) + 1
        raise InputError(f"a key of more than {MOST_PARTS} parts (line {line})", where)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"malformed TOML: {error}", where) from None
    except RecursionError:
        raise InputError(f"nested too deeply: at most {DEEPEST} tables or lists within one another", where) from None
    except ValueError:
        # Python reads no whole number of more than 4,300 digits.
        raise InputError(f"a whole number is beyond {MOST_NUMBER:,}", where) from None
    check_limits(tables, where)
    return tables


def check_limits(tables: object, where: str) -> None:
    """Refuse tables within tables beyond what any file needs, and whole numbers that no array can hold."""
    left: list[tuple[object, int, str]] = [(tables, 0, "")]
    while left:
        value, depth, key = left.pop()
        if depth > DEEPEST:
            raise InputError(f"{key}: nested too deeply: at most {DEEPEST} tables or lists within one another", where)
        if isinstance(value, Mapping):
            left += [(each, depth + 1, f"{key}.{name}" if key else str(name)) for name, each in value.items()]
        elif isinstance(value, list | tuple):
            left += [(each, depth + 1, key) for each in value]
        elif isinstance(value, int) and not -MOST_NUMBER <= value <= MOST_NUMBER:
            raise InputError(f"{key}: a whole number is beyond {MOST_NUMBER:,}", where)


def read_columns(path: Path, columns: tuple[str, ...], what: str) -> list[tuple[int, tuple[str, ...]]]:
    """Rows of a CSV file as (line, values of ``columns``); further columns are ignored."""
    reader = csv.DictReader(read_text(path, what).splitlines())
    rows = []
    try:
        names = [name.strip() for name in reader.fieldnames or []]
        if not set(columns) <= set(names):
            raise InputError(f"needs the columns {' and '.join(columns)}, not {', '.join(names)}", str(path))
        reader.fieldnames = names
        for row in reader:
            lacking = [column for column in columns if row[column] is None]
            if lacking:
                raise InputError(f"lacks its {lacking[0]}", f"{path}, line {reader.line_num}")
            rows.append((reader.line_num, tuple(row[column].strip() for column in columns)))
    except csv.Error as error:
        raise InputError(f"no CSV: {error}", f"{path}, line {reader.line_num}") from None
    return rows
