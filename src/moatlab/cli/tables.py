"""Tables of a simulation as files: parquet with every seed, CSV and Excel for a spreadsheet."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from moatlab.cli.chosen import KEYS
from moatlab.errors import InputError
from moatlab.results.results import Results
from moatlab.results.text.numbers import significant
from moatlab.scenario.months import month_name

#: Small enough for a spreadsheet.
AS_TEXT = ("market", "layers", "categories", "firms", "owners", "payments", "money")
#: Part of its layer's revenue that a generated firm once has to have to be in the table of firms by default; and the
#: part of all owners' profits and losses that an owner once has to have to be in theirs.
LARGE = 0.05
#: Rows of a sheet of Excel, less its head.
MOST_ROWS = 1_048_575
#: Rows behind each other that say the same of a firm.
NAMES = ["name", "category", "named"]


def stacked(runs: Sequence[Results], name: str, start: str, *, every_firm: bool) -> pd.DataFrame:
    """A table of all seeds, with the month by the calendar; of firms those that matter, unless all are asked for."""
    parts = []
    for run in runs:
        part = getattr(run, name).to_pandas()
        part.insert(0, "seed", run.about["seed"])
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    if "month" in table:
        dates = [month_name(month, start) for month in range(int(table["month"].max()) + 1 if len(table) else 0)]
        table.insert(table.columns.get_loc("month") + 1, "date", [dates[month] for month in table["month"]])
    chosen = {"firms": _large, "owners": _weighty}
    return table if every_firm or name not in chosen else chosen[name](table)


def _large(firms: pd.DataFrame) -> pd.DataFrame:
    """The firms that the scenario names, and those that once had a share of `LARGE` in their layer."""
    largest = firms.groupby(["seed", "kind", "slug"])["share"].transform("max")
    chosen: pd.DataFrame = firms[firms["named"].astype(bool) | (largest >= LARGE)]
    return chosen.reset_index(drop=True)


def _weighty(owners: pd.DataFrame) -> pd.DataFrame:
    """The owners who once earned or lost a share of `LARGE` of what all owners earn and lose in a month."""
    size = owners["generative_profit"].abs()
    total = size.groupby([owners["seed"], owners["month"]]).transform("sum")
    largest = size.div(total.where(total > 0.0)).fillna(0.0).groupby(owners["owner"]).max()
    chosen: pd.DataFrame = owners[owners["owner"].map(largest) >= LARGE]
    return chosen.reset_index(drop=True)


def for_a_spreadsheet(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """One seed as it is; of several, each number's median, and its 5 and 95 % quantiles as ``_low`` and ``_high``.

    Generated firms differ from seed to seed, so of several seeds only named firms are there.  The median is over the
    seeds that have a value, of which ``seeds`` is the number.
    """
    count = table["seed"].nunique()
    if count <= 1 or not len(table):
        return table
    if name == "firms":
        table = table[table["named"].astype(bool)]
    keys = [key for key in ("month", "date") if key in table] + KEYS[name]
    told = [c for c in (*NAMES, "source") if c in table and c not in keys]
    numbers = [str(c) for c in table.columns if c not in {"seed", *keys, *told}]
    groups = table.groupby(keys, sort=False)
    low, mid, high = (groups[numbers].quantile(q) for q in (0.05, 0.5, 0.95))
    columns: dict[str, Any] = {c: groups[c].first() for c in told if c != "source"}
    columns["seeds"] = groups["seed"].nunique()
    for number in numbers:
        columns |= {number: mid[number], f"{number}_low": low[number], f"{number}_high": high[number]}
    return pd.DataFrame(columns).reset_index()


def write_tables(folder: Path, runs: Sequence[Results], kept: Sequence[str], start: str, *, every_firm: bool) -> None:
    """Each table kept as parquet, and those small enough as CSV."""
    for name in kept:
        table = stacked(runs, name, start, every_firm=every_firm)
        _to_parquet(table, folder / f"{name}.parquet")
        if name in AS_TEXT:
            sheet = significant(for_a_spreadsheet(table, name))
            sheet.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def _to_parquet(table: pd.DataFrame, path: Path) -> None:
    """Bytes of floats side by side, which compresses a quarter better; words by dictionary."""
    numbers = [str(c) for c in table if pd.api.types.is_float_dtype(table[c])]
    words = [str(c) for c in table if str(c) not in numbers]
    table.to_parquet(
        path, index=False, compression="zstd", use_dictionary=words, use_byte_stream_split=numbers
    )  # fmt: skip


def write_workbook(path: Path, sheets: dict[str, pd.DataFrame]) -> None:
    """One Excel workbook with a sheet a table; `InputError` for a table of more rows than a sheet has."""
    for name, table in sheets.items():
        if len(table) > MOST_ROWS:
            raise InputError(f"--excel: the table {name} has {len(table):,} rows, a sheet {MOST_ROWS:,} at most")
    with pd.ExcelWriter(path, engine="openpyxl") as book:
        for name, table in sheets.items():
            significant(table).to_excel(book, sheet_name=name[:31], index=False, freeze_panes=(1, 0))
    _without_time(path)


def _without_time(path: Path) -> None:
    """Write the workbook again without the time at which it was made: the same run gives the same bytes."""
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2000-01-01T00:00:00Z", content)
            book.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
