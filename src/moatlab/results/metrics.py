"""Every recorded metric, defined once: name, unit, formula.

There are six tables.  ``market`` has a row a month; ``layer`` a row per month and layer; ``category`` a row per month
and category of customers; ``firm`` a row per month and firm alive; ``owner`` a row per month and owner of firms;
``money`` a row per month, layer and pool of money.
A metric is addressed like a parameter:
``labs.revenue`` (layer), ``labs.capability`` or ``market.rent`` (market-wide), ``users.code.churn`` (category),
``labs.openai.share`` (firm), ``owners.microsoft.economic_profit`` (owner).

A metric is either *recorded*, as a column that the record kernel fills or a sum of the ledger's payments, or *derived*
from other columns by ``derive``, or computed from the whole run's ledger and books by `moatlab.results.economic`
(``books``).  Money is in M$, prices in the units of the goods (see docs/notation.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from moatlab.results.payments import KINDS_OF_PAYMENT, LAYERS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Level = Literal["market", "layer", "category", "firm", "owner", "money"]
#: Takes the table so far (a mapping of column name to array) and returns the column.
Derive = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: ``kind`` is "market" or a layer for market-wide ones, and names the layer or kind otherwise."""

    level: Level
    kind: str
    name: str
    unit: str
    formula: str
    derive: Derive | None = None
    books: bool = False

    @property
    def column(self) -> str:
        """Its column: market-wide metrics of one kind carry the kind, so that names stay apart."""
        return f"{self.kind}.{self.name}" if self.level == "market" and self.kind != "market" else self.name

    @property
    def field(self) -> str:
        """Its column inside a structured array, where a dot cannot stand."""
        return self.column.replace(".", "_")


#: What a ratio is divided by has to reach so much in a month, by its unit, or the ratio is not defined: 1,000 dollars,
#: one customer, a million tokens, one GPU-hour.
FLOORS: dict[str, float] = {"M$": 1e-3, "M": 1e-6, "Ttok": 1e-6, "Mh": 1e-6}


def ratio(above: Any, below: Any, floor: float = 0.0) -> NDArray[np.float64]:
    """``above / below``, arrays or numbers, and not-a-number where ``below`` is 0 or smaller than ``floor``."""
    # Declarations are read without numpy.
    import numpy as np

    top, bottom = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    quotient: NDArray[np.float64] = np.divide(
        top, bottom, out=np.full(bottom.shape, np.nan), where=(bottom != 0) & (np.abs(bottom) >= floor)
    )
    return quotient


def places(months: Any, kinds: Any, revenue: Any) -> NDArray[np.float64]:
    """The place of each firm by revenue among those of its kind in its month, from 1; equal revenues share a place."""
    import numpy as np

    months, kinds = np.asarray(months), np.unique(np.asarray(kinds), return_inverse=True)[1]
    sold = -np.asarray(revenue, float)
    order = np.lexsort((sold, kinds, months))
    month, kind, value = months[order], kinds[order], sold[order]
    at = np.arange(len(order))
    group = np.append(True, (month[1:] != month[:-1]) | (kind[1:] != kind[:-1]))[: len(order)]
    new = group | np.append(True, value[1:] != value[:-1])[: len(order)]
    found = np.empty(len(order))
    found[order] = np.maximum.accumulate(at * new) - np.maximum.accumulate(at * group) + 1
    return found


def _of_kinds(kinds: Any, wanted: tuple[str, ...], values: Any) -> NDArray[np.float64]:
    """``values`` of firms of the ``wanted`` kinds, not-a-number of others; ``kinds`` as words or places in LAYERS."""
    import numpy as np

    given = np.asarray(kinds)
    among = [LAYERS.index(kind) for kind in wanted] if given.dtype.kind in "fiu" else list(wanted)
    return np.where(np.isin(given, among), np.asarray(values, float), np.nan)


def _ratio(above: str, below: str, unit: str) -> Derive:
    """``above / below``, which is in ``unit``, where it is not below the floor."""

    def derive(table: Any) -> Any:
        return ratio(table[above], table[below], FLOORS[unit])

    return derive


def _market(kind: str, *rows: tuple[str, str, str]) -> list[Metric]:
    return [Metric("market", kind, *row) for row in rows]


MARKET = [
    *_market(
        "market",
        ("hype", "log", "persistent log process; 0 is neutral"),
        ("rent", "$ per GPU-hour", "spot rent, mean over clouds weighted by hours sold"),
        ("contract_rent", "$ per GPU-hour", "moving average of each cloud's spot rent, weighted by hours sold"),
        ("marginal_cost", "$ per GPU-hour", "running cost, mean weighted by hours sold"),
        ("markup", "$ per GPU-hour", "reserve rent less running cost, weighted by hours sold"),
        ("scarcity_rent", "$ per GPU-hour", "spot rent less reserve rent, weighted by hours sold"),
        ("full_unit_cost", "$ per GPU-hour", "running cost plus annualised cost of chip and building"),
        ("rent_over_full_cost", "$ per GPU-hour", "spot rent less full unit cost"),
        ("hours_sold", "Mh", "GPU-hours rented in the month"),
        ("hours_capacity", "Mh", "GPU-hours that the fleets could sell"),
        ("utilisation", "share", "hours sold / capacity"),
        ("generative_hours", "Mh", "hours rented by labs, hosts and apps"),
        (
            "generative_share",
            "share",
            "generative hours / hours sold; clouds and chips are attributed to generative AI in this proportion",
        ),
        ("unserved", "share", "inference hours wanted but not served / wanted"),
        ("tokens", "Ttok", "tokens served"),
        ("chip_price", "k$ per GPU", "list price per H100-equivalent, weighted by deliveries"),
        ("lead_time", "months", "backlog / supply, weighted by backlog, plus the time of production"),
        ("backlog", "kGPU", "orders not yet delivered"),
        ("deliveries", "kGPU", "accelerators delivered"),
        ("installed", "kGPU", "accelerators in clouds' fleets"),
        (
            "consumer_surplus",
            "M$",
            "consumer surplus of apps' customers over doing without apps and free alternatives (docs/notation.md)",
        ),
        ("unit_token_price", "$ per Mtok", "lowest API price per Mtok of any model at or above 0 points"),
        ("clearing_iterations", "count", "iterations of the solver of the market for GPU-hours"),
    ),
    *_market(
        "apps",
        ("customers", "M", "customers of all apps"),
        ("price", "$ per month", "price, weighted by customers"),
        ("churn", "share per month", "customers who left their app / customers at the start of the month"),
        ("new_customers", "M", "customers who joined an app, switchers included"),
        ("acquisition_cost", "$", "marketing / new customers"),
        ("lifetime_value", "$", "monthly gross profit per customer / churn, over all apps"),
        ("inference_share", "share", "payments for inference / revenue"),
        ("cloud_take", "share", "payments of apps, labs and hosts to clouds for inference / app revenue"),
        ("margin_median", "share", "median gross margin of apps with 0.1 M$ of revenue a month"),
        ("margin_best", "share", "97th percentile of the same"),
        ("margin_spread", "share", "standard deviation of the same"),
        ("feature_gap", "points", "largest feature stock less the mean, mean over categories"),
        ("own_model_share", "share", "tokens of in-house models / tokens"),
        ("own_models", "firms", "apps that run an in-house model"),
        ("graduations", "firms", "apps that moved to an in-house model"),
        ("returns", "firms", "apps that gave their in-house model up and returned to an API"),
        ("over_100m", "categories", "categories with an app whose annualised revenue exceeds 100 M$"),
        ("expected_growth", "log per month", "smoothed growth of apps' revenue"),
    ),
    *_market(
        "labs",
        ("capability", "points", "frontier: capability of the best released model"),
        ("capability_gap", "points", "frontier less the median lab"),
        ("open_gap", "points", "frontier less the best open checkpoint"),
        ("releases", "models", "models released"),
        ("training", "M$", "spent on training runs"),
        ("api_revenue", "M$", "tokens sold by API to apps of others"),
        ("api_price", "$ per Mtok", "API price, weighted by tokens"),
        ("serving_cost", "$ per Mtok", "marginal cost of a token, weighted by tokens"),
        ("at_stake", "M$", "income of large companies' other businesses that generative AI puts at stake"),
        ("lost", "M$", "the part that these companies lose to others' models"),
        ("won", "M$", "what labs win of it"),
        ("defended", "M$", "what own models defend of it, beside what published ones would"),
        ("backing", "M$", "equity and credits of strategic backers"),
        ("belief", "factor", "what labs make of the worth of a better model over what the market gives, by spending"),
        ("inference_ratio", "share", "labs' inference spending / their revenue from tokens"),
        ("top5_customers", "share", "share of the five largest customers in API revenue"),
    ),
    *_market(
        "hosts",
        ("price", "$ per Mtok", "price of hosted tokens, weighted by tokens"),
        ("tokens", "Ttok", "tokens of hosted checkpoints"),
    ),
    *_market(
        "clouds",
        ("markup", "share", "(reserve rent - running cost) / running cost, weighted by hours sold"),
        ("running_cost", "$ per GPU-hour", "running cost of the fleets"),
    ),
    *_market(
        "chipmakers",
        ("markup", "share", "(list price - unit cost) / unit cost, weighted by deliveries"),
    ),
    *_market(
        "foundry",
        ("capacity", "kpackages per month", "packages that can be started"),
        ("price", "k$ per package", "price of wafer and packaging, weighted by capacity"),
        ("under_construction", "kpackages per month", "capacity ordered and not yet built"),
    ),
    *_market(
        "investors",
        ("dry_powder", "M$", "committed and not yet invested"),
    ),
    Metric(
        "market",
        "investors",
        "funding",
        "M$",
        "funding rounds of apps, labs and hosts",
        lambda t: t["apps.equity"] + t["labs.equity"] + t["hosts.equity"],
    ),
    Metric(
        "market",
        "market",
        "surplus",
        "M$",
        "welfare: consumer surplus + surplus of outside buyers of GPU-hours + operating profit of all layers",
        lambda t: (
            sum((t[f"{layer}.operating_profit"] for layer in LAYERS[1:]), t["apps.operating_profit"])
            + t["consumer_surplus"]
            + t["outside_surplus"]
        ),
    ),
    Metric(
        "market",
        "labs",
        "compute_share_of_funding",
        "share",
        "share of labs' spending out of funding that buys training compute",
        lambda t: t["labs.funded_compute"] / (t["labs.funded_spending"] + 1e-300),
    ),
]
#: What is computed from the books of the whole run (`moatlab.results.economic`), by table.
MARKET_BOOKS = [
    Metric(
        "market",
        "market",
        "outside_surplus",
        "M$",
        "surplus of outside buyers of GPU-hours: the area under their demand between the mean rent and the rent at "
        "which they would do without",
        books=True,
    ),
]
#: Raw columns behind derived ones; recorded, not shown.
HIDDEN = [
    Metric("market", "labs", "funded_spending", "M$", "spending of labs out of cash raised"),
    Metric("market", "labs", "funded_compute", "M$", "the part of it that bought training compute"),
]

#: Recorded per layer and month by the kernel, beside the sums of the ledger.
LAYER_RECORDED = [
    ("cash", "M$", "cash of the layer's firms at the end of the month"),
    ("depreciation", "M$", "of GPUs and buildings (clouds) and of fabs (foundry), straight line"),
    ("firms", "firms", "firms alive"),
    ("entries", "firms", "firms that entered in the month"),
    ("exits", "firms", "firms that exited in the month"),
    ("hhi", "0 to 1", "sum of squared shares of the layer's revenue"),
    ("top1", "share", "share of the largest firm"),
    ("top3", "share", "share of the three largest"),
    ("top5", "share", "share of the five largest"),
    ("gini", "0 to 1", "Gini coefficient of revenue over firms alive"),
]
#: Sums of the ledger: name, unit, formula, the payer's uses that count (None for revenue).
LAYER_LEDGER: list[tuple[str, str, tuple[str, ...] | None]] = [
    ("revenue", "sales to users, outside demand and other firms", None),
    ("cost_of_goods", "payments that vary with sales", ("cost of goods",)),
    ("rnd", "research, features and training", ("rnd",)),
    ("marketing", "acquisition of customers", ("marketing",)),
    ("overhead", "fixed cost", ("overhead",)),
    ("capex", "chips, buildings and fabs", ("capex",)),
    ("payout", "dividends, remittances and what is left at exit", ("distribution",)),
]

LAYER = [
    *(Metric("layer", "", name, unit, formula) for name, unit, formula in LAYER_RECORDED),
    *(Metric("layer", "", name, "M$", formula) for name, formula, _ in LAYER_LEDGER),
    Metric("layer", "", "purchases", "M$", "payments to other firms of the stack for goods and capital"),
    Metric("layer", "", "equity", "M$", "funding rounds, grants and support received"),
    Metric(
        "layer",
        "",
        "gross_profit",
        "M$",
        "revenue - cost of goods, before depreciation",
        lambda t: t["revenue"] - t["cost_of_goods"],
    ),
    Metric(
        "layer",
        "",
        "gross_profit_after_depreciation",
        "M$",
        "gross profit - depreciation",
        lambda t: t["gross_profit"] - t["depreciation"],
    ),
    Metric(
        "layer",
        "",
        "gross_margin",
        "share",
        "gross profit before depreciation / revenue",
        _ratio("gross_profit", "revenue", "M$"),
    ),
    Metric(
        "layer",
        "",
        "operating_profit",
        "M$",
        "gross profit after depreciation - R&D - marketing - overhead",
        lambda t: t["gross_profit_after_depreciation"] - t["rnd"] - t["marketing"] - t["overhead"],
    ),
    Metric(
        "layer",
        "",
        "value_added",
        "M$",
        "revenue - purchases from other firms of the stack, chips included (cash basis)",
        lambda t: t["revenue"] - t["purchases"],
    ),
    Metric("layer", "", "effective_firms", "firms", "1 / HHI", lambda t: 1.0 / (t["hhi"] + 1e-300) * (t["hhi"] > 0)),
]
#: Shares over the layers of one month, added when the table is built.
LAYER_SHARES = [
    Metric("layer", "", "revenue_share", "share", "the layer's part of the sum of the layers' revenues"),
    Metric("layer", "", "value_share", "share", "the layer's part of the sum of the layers' value added"),
    Metric(
        "layer",
        "",
        "profit_share",
        "share",
        "the layer's part of the sum of gross profits after depreciation (layers with a loss count 0)",
    ),
]

_ECONOMIC = (
    "sales (of labs, income won too) less every cost: cost of goods, overhead, write-offs of training, research, "
    "features, marketing and designs over their lives, depreciation of plant, and the cost of all this capital "
    "(docs/measure.md)"
)
_GENERATIVE = (
    "economic profit on generative AI alone: clouds, chipmakers and the foundry count in proportion to the GPU-hours "
    "that generative AI rents"
)
LAYER_BOOKS = [
    Metric("layer", "", *row, books=True)
    for row in (
        ("amortisation", "M$", "write-offs of training, research, features, marketing and designs over their lives"),
        ("capital", "M$", "what is tied up at the start of the month: all that is not yet written off, plant included"),
        ("economic_profit", "M$", _ECONOMIC),
        ("generative_profit", "M$", _GENERATIVE),
        (
            "economic_share",
            "share",
            "the layer's part of the sum of the layers' economic profits on generative AI (losses count 0)",
        ),
    )
]

CATEGORY = [
    Metric("category", "users", *row)
    for row in (
        ("potential", "M", "customers that the category could have"),
        ("customers", "M", "customers of the category's apps"),
        ("tourists", "M", "tourists among them"),
        ("revenue", "M$", "revenue of the category's apps"),
        ("price", "$ per month", "price, weighted by customers"),
        ("new_users", "M", "non-users who joined"),
        ("joined", "M", "customers who joined an app, switchers included"),
        ("joined_tourists", "M", "tourists among them"),
        ("left", "M", "customers who left their app"),
        ("leave_tourists", "share per month", "tourists who left their app / tourists"),
        ("leave_committed", "share per month", "committed customers who left their app / committed customers"),
        ("marketing", "M$", "marketing of the category's apps"),
        (
            "consumer_surplus",
            "M$",
            "consumer surplus of the category's customers over doing without apps and free alternatives",
        ),
        ("apps", "firms", "apps alive"),
        ("hhi", "0 to 1", "sum of squared shares of the category's revenue"),
        ("top1", "share", "share of the largest app in the category's revenue"),
        ("price_taste", "utils per $", "weight of a dollar in utility, which prices the logsum"),
    )
]
CATEGORY_DERIVED = [
    Metric(
        "category",
        "users",
        "churn",
        "share per month",
        "left / customers at the start of the month",
        lambda t: t["left"] / (t["customers"] - t["joined"] + t["left"] + 1e-300),
    ),
    Metric("category", "users", "acquisition_cost", "$", "marketing / joined", _ratio("marketing", "joined", "M")),
]

FIRM = [
    Metric("firm", "", *row)
    for row in (
        ("revenue", "M$", "sales in the month"),
        ("share", "share", "part of the layer's revenue"),
        ("price", "$ (app month, Mtok, GPU-hour), k$ (GPU, package)", "price in the unit of the firm's good"),
        ("unit_cost", "as price", "marginal cost of the firm's good"),
        ("gross_profit", "M$", "revenue - cost of goods"),
        (
            "customers",
            "M (apps), Ttok (labs, hosts), Mh (clouds), kGPU (chipmakers), kpackages (foundry)",
            "customers of an app; volume sold of the others",
        ),
        ("cash", "M$", "cash at the end of the month"),
        ("capability", "points", "capability of the model sold or used; H100-equivalents per package of a chipmaker"),
        (
            "source",
            "code",
            "the largest source of an app's tokens: column of the table of offers, -1 for an in-house model",
        ),
    )
]
FIRM_DERIVED = [
    Metric("firm", "", "margin", "share", "gross profit / revenue", _ratio("gross_profit", "revenue", "M$")),
    Metric(
        "firm",
        "",
        "tokens",
        "Ttok",
        "tokens sold by a lab or a host; not defined for other firms",
        lambda t: _of_kinds(t["kind"], ("labs", "hosts"), t["customers"]),
    ),
    Metric(
        "firm",
        "",
        "rank",
        "place",
        "place among the layer's firms by revenue, 1 for the largest",
        lambda t: places(t["month"], t["kind"], t["revenue"]),
    ),
    Metric(
        "firm",
        "",
        "leads",
        "probability",
        "1 in months in which the firm has the layer's largest revenue, else 0; its mean over runs is the probability "
        "of being first",
        # Not-a-number where there is no rank: the firm is not alive.
        lambda t: 1.0 * ((t["rank"] == 1.0) & (t["revenue"] > 0.0)) + 0.0 * t["rank"],
    ),
]

FIRM_BOOKS = [
    Metric("firm", "", *row, books=True)
    for row in (
        (
            "operating_profit",
            "M$",
            "gross profit - depreciation - R&D - marketing - overhead; after exit, what is still written off is the "
            "layer's alone",
        ),
        ("capital", "M$", "what is tied up at the start of the month: all that is not yet written off, plant included"),
        ("economic_profit", "M$", _ECONOMIC),
    )
]

OWNER = [
    Metric("owner", "owners", *row, books=True)
    for row in (
        ("revenue", "M$", "sales of the owner's firms to others"),
        ("receipts", "M$", "revenue and income won: all that others pay the owner's firms for what they make"),
        ("value_added", "M$", "sales less purchases from others' firms of the stack, chips included (cash basis)"),
        ("gross_profit_after_depreciation", "M$", "sum over the owner's firms"),
        ("operating_profit", "M$", "sum over the owner's firms"),
        ("capital", "M$", "sum over the owner's firms"),
        ("income_won", "M$", "what its labs win of other companies' other businesses"),
        ("income_lost", "M$", "what its other businesses lose to others' models"),
        (
            "economic_profit",
            "M$",
            "sum of the economic profits of the owner's firms, a lab with its apps and a cloud with its chips, less "
            "income lost",
        ),
        ("generative_profit", "M$", f"{_GENERATIVE}; less income lost"),
        (
            "economic_share",
            "share",
            "the owner's part of the sum of the owners' economic profits on generative AI (losses count 0)",
        ),
    )
]

#: The source of a layer's revenue and profit (see `moatlab.results.money`): the one table that needs the ledger.
MONEY = [
    Metric("money", "", *row)
    for row in (
        ("received", "M$", "what the layer's firms received, from anybody, that came from the pool"),
        (
            "stayed",
            "M$",
            "received less what the layer paid to other layers; the sum over layers is what the pool brought in",
        ),
        ("revenue", "M$", "sales paid for with the pool's money"),
        ("cost_of_goods", "M$", "cost of goods paid for with the pool's money"),
        ("gross_profit", "M$", "revenue - cost of goods of the pool; the pools add up to the layer's gross profit"),
        (
            "gross_profit_after_depreciation",
            "M$",
            "gross profit less depreciation, allocated to pools in proportion to revenue",
        ),
        ("share", "share", "the pool's part of the layer's gross profit after depreciation"),
        ("cash", "M$", "the pool's money that the layer's firms hold at the end of the month"),
    )
]

TABLE: list[Metric] = [
    *MARKET,
    *MARKET_BOOKS,
    *HIDDEN,
    *LAYER,
    *LAYER_SHARES,
    *LAYER_BOOKS,
    *CATEGORY,
    *CATEGORY_DERIVED,
    *FIRM,
    *FIRM_DERIVED,
    *FIRM_BOOKS,
    *OWNER,
    *MONEY,
]


def uses_of(layer: str, uses: tuple[str, ...]) -> list[int]:
    """Codes of the payments of ``layer`` that count as one of ``uses``."""
    return [k.code for k in KINDS_OF_PAYMENT if k.payer == layer and k.use in uses]


def sales_of(layer: str) -> list[int]:
    """Codes of the payments that are revenue of ``layer``."""
    return [k.code for k in KINDS_OF_PAYMENT if k.payee == layer and k.sale]


def purchases_of(layer: str) -> list[int]:
    """Codes of the payments of ``layer`` that are revenue of another layer."""
    return [k.code for k in KINDS_OF_PAYMENT if k.payer == layer and k.sale]


def finance_of(layer: str) -> list[int]:
    """Codes of the payments that bring ``layer`` outside capital."""
    return [k.code for k in KINDS_OF_PAYMENT if k.payee == layer and k.use == "finance"]


def find(level: Level) -> list[Metric]:
    """All metrics of one table."""
    return [m for m in TABLE if m.level == level]


assert set(LAYERS) <= {k.payer for k in KINDS_OF_PAYMENT}
