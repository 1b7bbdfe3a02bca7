"""A market with the products of a table such as PyBLP takes: shares, prices and costs, of which qualities follow.

With all else still (panel.toml beside this file) an app's mean utility over the outside option is feature x quality
taste, less alpha times its price, and what its tokens are worth over a usual plan's.  Use is a fixed quota, so that
marginal cost is quota times the price of a token: what tokens cost moves costs, and demand through prices only.
"""

from __future__ import annotations

import csv
import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from moatlab.errors import InputError
from moatlab.scenario.addresses import nearest, slug_like
from moatlab.scenario.files import read_text
from moatlab.scenario.rows import records

#: Columns that a table has to have, and those that it may have.
NEEDED, FURTHER = ("market_ids", "product_ids", "shares", "prices", "costs"), ("firm_ids", "market_size")
NUMBERS = ("shares", "prices", "costs", "market_size")
#: The largest quality, in points; beyond, the taste for a point grows.
MOST_POINTS = 10.0


def tables_of(table: Any, price_taste: float, name: str, months: int) -> dict[str, Any]:
    """The nested tables of the scenario; see `moatlab.Scenario.from_panel`."""
    if not (isinstance(price_taste, int | float) and math.isfinite(price_taste) and price_taste > 0.0):
        raise InputError(f"price_taste is a number above 0, utils per $ (less the coefficient of prices), not "
                         f"{price_taste!r}", name)  # fmt: skip
    rows = _rows(table, name)
    tables = _still()
    market = tables["users"].pop("market")
    markets: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        markets.setdefault(slug_like(str(row["market_ids"])), []).append(row)
    several = len(markets) > 1 and len({str(row["product_ids"]) for row in rows}) < len(rows)
    volume = 0.0
    for slug, products in markets.items():
        size = float(products[0].get("market_size", 1.0))
        mean = math.fsum(product["costs"] for product in products) / len(products)
        own, apps = _market(slug, products, price_taste, mean, tables, name)
        tables["users"][slug] = {**market, "name": str(products[0]["market_ids"]), "market_size": size,
                                 "price_taste": float(price_taste), **own}  # fmt: skip
        for product, app in zip(products, apps, strict=True):
            title = str(product["product_ids"])
            there = slug_like(title.removeprefix("apps."))
            there = f"{there}-{slug}" if several else there
            if there in tables["apps"]:
                where = f"two rows of {title!r} in {products[0]['market_ids']!r}"
                raise InputError(f"{where}: a table is of one period, and has a row a market and product", name)
            company = {"company": slug_like(str(product["firm_ids"]))} if "firm_ids" in product else {}
            tables["apps"][there] = {"name": title, "category": slug, "customers": size * product["shares"],
                                     **app, **company}  # fmt: skip
        volume += size * mean
    # Hardware that never binds, whatever the sizes.
    tables["clouds"]["cloud"]["fleet"] *= max(1.0, volume)
    return {**tables, "name": name, "title": f"The products of {name}", "months": months}


def _market(
    slug: str, products: list[dict[str, Any]], alpha: float, mean: float, tables: Mapping[str, Any], where: str
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """What the category and its apps have of their own: tokens by cost, qualities by shares."""
    outside = 1.0 - math.fsum(product["shares"] for product in products)
    if outside <= 0.0:
        raise InputError(
            f"the shares of {slug} sum to {1.0 - outside:g}: some of the potential has to buy nothing", where
        )
    users = tables["users"]
    worth = alpha * mean  # what is paid for the usual plan's tokens, utils
    # A token up to the quota is worth the choke price.
    over = users["choke_price"] / users["reference_price"]
    apps, qualities = [], []
    for product in products:
        factor = product["costs"] / mean
        utility = math.log(product["shares"] / outside) + alpha * product["prices"]
        qualities.append(utility - worth * (factor - 1.0) * over)
        apps.append({"usage_factor": factor, "price": product["prices"]})
    taste = max(1.0, max(map(abs, qualities)) / MOST_POINTS)
    for app, quality in zip(apps, qualities, strict=True):
        app["feature"] = quality / taste
    return {"usage_value": worth, "quality_taste": taste}, apps


def _rows(table: Any, where: str) -> list[dict[str, Any]]:
    """The rows with the columns that are read, numbers as such."""
    if isinstance(table, str | Path):
        where = str(table)
        try:
            rows: list[dict[str, Any]] = [
                dict(row) for row in csv.DictReader(read_text(Path(table), "a panel").splitlines())
            ]
        except csv.Error as error:
            raise InputError(f"no CSV: {error}", where) from None
    else:
        rows = records(table, where)
    if not rows:
        raise InputError("the table has no rows", where)
    for column in NEEDED:
        if column not in rows[0]:
            raise InputError(f"the table has no column {column!r}; {nearest(column, rows[0])}", where)
    found = []
    for number, row in enumerate(rows, start=1):
        values = {column: row[column] for column in (*NEEDED, *FURTHER) if column in row}
        for column in NUMBERS:
            if column in values:
                values[column] = _positive(values[column], f"row {number}: {column}", where)
        found.append(values)
    return found


def _positive(value: Any, what: str, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number > 0.0):
        raise InputError(f"{what} is a number above 0, not {value!r}", where)
    return number


@cache
def _text() -> str:
    return files("moatlab.scenario").joinpath("panel.toml").read_text(encoding="utf-8")


def _still() -> dict[str, Any]:
    """The market in which nothing moves but prices and choices, with one category ``market`` as the pattern of all."""
    return tomllib.loads(_text())
