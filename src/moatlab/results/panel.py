"""A run as the panel of markets and products that economists estimate demand from (`Results.panel`).

The names of the columns are those of PyBLP, which reads the table as its ``product_data``.  What an economist does not
see is there as well: marginal costs, so that an estimate can be held against what was put in.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol, get_args

import numpy as np
import pandas as pd

from moatlab.errors import InputError
from moatlab.results.metrics import ratio
from moatlab.scenario.addresses import nearest

Layer = Literal["apps", "tokens"]
LAYERS_OF_PANELS: tuple[Layer, ...] = get_args(Layer)

#: Columns of the panel of apps: name, unit, meaning.
APPS: tuple[tuple[str, str, str], ...] = (
    ("market_ids", "", "the market: a category of customers in a month, as in code-012"),
    ("product_ids", "", "the product: an app's address, as in apps.jasper"),
    ("firm_ids", "", "who sets its price: the company or the lab that it belongs to, else the app itself"),
    ("nesting_ids", "", "the lab whose model carries most of its tokens; the app itself with an in-house model"),
    ("month", "months", "the month, from 0"),
    ("category", "", "the category of customers"),
    ("shares", "share", "customers / potential of the category"),
    ("outside_share", "share", "potential customers without an app / potential of the category"),
    ("market_size", "M customers", "potential of the category"),
    ("customers", "M customers", "customers at the end of the month"),
    ("prices", "$ per customer and month", "the price that was paid, by which customers chose"),
    ("costs", "$ per customer and month", "true marginal cost of a further customer"),
    ("capability", "points", "capability of the model that the app uses"),
    ("token_price", "$ per Mtok", "price of the app's main source of tokens; not defined for an in-house model"),
    ("token_cost", "$ per Mtok", "true marginal cost of a token of that source"),
    ("hours_per_token", "GPU-hours per Mtok", "what a token of that source takes: its marginal cost / mean rent"),
    ("rent", "$ per GPU-hour", "mean spot rent"),
)
#: Columns of the panel of tokens, in which apps are the customers of labs and hosts.
TOKENS: tuple[tuple[str, str, str], ...] = (
    ("market_ids", "", "the market: tokens in a month, as in tokens-012"),
    ("product_ids", "", "the seller's address, as in labs.openai or hosts.replicate"),
    ("firm_ids", "", "the same: each seller sets its own price"),
    ("nesting_ids", "", "labs, or hosts of open models"),
    ("month", "months", "the month, from 0"),
    ("shares", "share", "tokens sold / tokens of all models, in-house ones included"),
    ("outside_share", "share", "tokens of in-house models / tokens of all models"),
    ("market_size", "Ttok", "tokens of all models"),
    ("tokens", "Ttok", "tokens sold in the month"),
    ("prices", "$ per Mtok", "the price of a token"),
    ("costs", "$ per Mtok", "true marginal cost of a further token"),
    ("capability", "points", "capability of the model sold"),
    ("hours_per_token", "GPU-hours per Mtok", "what a token takes: marginal cost / mean rent"),
    ("rent", "$ per GPU-hour", "mean spot rent"),
)


class Records(Protocol):
    """What of a run's `Results` a panel is made of."""

    about: dict[str, Any]

    @property
    def firms(self) -> Any: ...  # noqa: D102

    @property
    def categories(self) -> Any: ...  # noqa: D102

    @property
    def market(self) -> Any: ...  # noqa: D102

    @property
    def months(self) -> int: ...  # noqa: D102

    def app_slugs(self) -> list[str]: ...  # noqa: D102


def panel(results: Records, layer: Layer = "apps") -> pd.DataFrame:
    """A row a market and product with customers, in the order of months; the columns are `APPS`, or `TOKENS`.

    Raises `InputError` for a run that recorded layers only, and for another ``layer``.
    """
    if layer not in LAYERS_OF_PANELS:
        raise InputError(f"a panel is of apps or of tokens; {nearest(str(layer), LAYERS_OF_PANELS)}")
    if results.about["detail"] != "firm":
        raise InputError("a panel needs the record of firms: run the market with detail='firm'")
    firms = results.firms.to_pandas()
    found = _apps(results, firms) if layer == "apps" else _tokens(results, firms)
    return found.reset_index(drop=True)


def _addressed(firms: pd.DataFrame) -> pd.Series:
    return firms["kind"].astype(str) + "." + firms["slug"].astype(str)


def _apps(results: Records, firms: pd.DataFrame) -> pd.DataFrame:
    about = results.about
    apps = firms[firms["kind"] == "apps"].copy()
    apps["product_ids"] = _addressed(apps)
    companies = dict(zip(results.app_slugs(), about["app_companies"], strict=True))
    apps["firm_ids"] = [companies[slug] or f"apps.{slug}" for slug in apps["slug"]]
    makers = _makers(about)
    apps["nesting_ids"] = [makers.get(source, of) for source, of in zip(apps["source"], apps["product_ids"],
                                                                        strict=True)]  # fmt: skip
    categories = results.categories.to_pandas()[["month", "category", "potential", "customers"]]
    apps = apps.merge(categories.rename(columns={"customers": "taken", "potential": "market_size"}),
                      on=["month", "category"])  # fmt: skip
    sellers = firms[firms["kind"].isin(["labs", "hosts"])]
    sources = pd.DataFrame({"month": sellers["month"], "source": _addressed(sellers), "token_price": sellers["price"],
                            "token_cost": sellers["unit_cost"]})  # fmt: skip
    apps = apps.merge(sources, on=["month", "source"], how="left")
    apps["market_ids"] = [f"{category}-{month:03d}" for category, month in zip(apps["category"], apps["month"],
                                                                              strict=True)]  # fmt: skip
    apps["shares"] = ratio(apps["customers"], apps["market_size"])
    apps["outside_share"] = ratio(apps["market_size"] - apps["taken"], apps["market_size"])
    return _finish(apps, results, APPS)


def _tokens(results: Records, firms: pd.DataFrame) -> pd.DataFrame:
    sellers = firms[firms["kind"].isin(["labs", "hosts"])].copy()
    sellers["product_ids"] = sellers["firm_ids"] = _addressed(sellers)
    sellers["nesting_ids"] = sellers["kind"]
    sellers["market_ids"] = [f"tokens-{month:03d}" for month in sellers["month"]]
    sellers["tokens"] = sellers["customers"]
    of_month = results.market["tokens"].to_numpy(np.float64)
    sold = sellers.groupby("month")["tokens"].sum().reindex(range(results.months), fill_value=0.0).to_numpy(np.float64)
    sellers["market_size"] = of_month[sellers["month"]]
    sellers["shares"] = ratio(sellers["tokens"], sellers["market_size"])
    sellers["outside_share"] = ratio(np.maximum(of_month - sold, 0.0), of_month)[sellers["month"]]
    sellers["token_cost"] = sellers["unit_cost"]
    return _finish(sellers, results, TOKENS)


def _finish(rows: pd.DataFrame, results: Records, columns: tuple[tuple[str, str, str], ...]) -> pd.DataFrame:
    rents = results.market["rent"].to_numpy(np.float64)
    rows["rent"] = rents[rows["month"]]
    rows["hours_per_token"] = ratio(rows["token_cost"], rows["rent"])
    rows["prices"], rows["costs"] = rows["price"], rows["unit_cost"]
    # What nobody buys has no share whose logarithm is a number.
    rows = rows[rows["shares"] > 0.0]
    return rows.sort_values(["month", "market_ids", "product_ids"], kind="stable")[[name for name, _, _ in columns]]


def _makers(about: dict[str, Any]) -> dict[str, str]:
    """Sellers of tokens by address, with the lab that made what they serve; a host of several is its own."""
    slugs = about["slugs"]
    found: dict[str, set[str]] = {}
    for kind, seller, lab in about["offers"]:
        found.setdefault(f"{kind}.{slugs[kind][seller]}", set()).add(f"labs.{slugs['labs'][lab]}")
    return {address: labs.pop() if len(labs) == 1 else address for address, labs in found.items()}
