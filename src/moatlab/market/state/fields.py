"""What a row of each kind holds beside its parameters: name, unit, meaning, type; and the rows of the record.

The structured array of a kind has a field for each firm-scope parameter of the registry, then the fields below.  A
field named ``next_x`` is a decision taken this month that replaces ``x`` when all have decided.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from moatlab.results import metrics
from moatlab.scenario.registry import Parameter
from moatlab.scenario.tables import REGISTRY, parameters_of


class Field(NamedTuple):
    """One field of a row: a number, or a whole number (codes, rows, flags, months)."""

    name: str
    unit: str
    meaning: str
    dtype: type = np.float64


def whole(name: str, unit: str, meaning: str) -> Field:
    """A field that holds whole numbers."""
    return Field(name, unit, meaning, np.int64)


COMMON: list[Field] = [
    whole("identity", "code", "kind, birth month and index in the cohort (market/state/identity.py)"),
    whole("alive", "flag", "whether the firm trades"),
    whole("account", "code", "its account in the ledger"),
    Field("levy", "$ or k$ per unit sold", "charge on a unit that a rule from outside has set; part of marginal cost"),
]

USERS: list[Field] = [
    whole("identity", "code", "digest of the slug, 12 bits, unlike that of any other category"),
    Field("potential", "M customers", "customers that the category could have"),
    Field("inclusive", "utils, exponentiated", "sum of the attractions of the apps, relative to the best app"),
    Field("inside", "utils, exponentiated", "attraction of using an app at all: `inclusive` to the power of lambda"),
    Field("outside", "utils, exponentiated", "attraction of using no app, relative to the best app"),
    Field("crowd", "firms", "apps weighted by reach"),
    Field("dissimilarity", "0 to 1", "lambda: scale of tastes among the apps over that against using none"),
    Field("best", "utils", "utility of the best app, in units of the taste scale"),
    Field("considering", "M customers", "non-users who considered the category this month"),
    Field("best_feature", "points", "largest feature stock"),
    Field("mean_feature", "points", "mean feature stock"),
    Field("mean_data", "Ttok", "mean interaction data of the apps"),
    Field("flow_tourists", "M customers", "reconsidering tourists over the denominators of their choice"),
    Field("flow_committed", "M customers", "the same for committed customers"),
    Field("customers", "M customers", "customers of all apps"),
    Field("tourists", "M customers", "tourists among them"),
    Field("new_users", "M customers", "non-users who joined this month"),
    Field("joined", "M customers", "customers who joined an app this month, switchers included"),
    Field("joined_tourists", "M customers", "tourists among those who joined"),
    Field("left", "M customers", "customers who left their app this month"),
    Field("left_tourists", "M customers", "tourists among those who left"),
    Field("left_committed", "M customers", "committed customers among those who left"),
    Field("tourist_odds", "share", "tourists among this month's new users"),
    Field("consumer_surplus", "M$", "gain of the customers over doing without apps and free alternatives"),
    Field("revenue", "M$", "revenue of the category's apps"),
    Field("firms", "firms", "apps alive"),
    Field("marketing", "M$", "marketing of the category's apps"),
    Field("marketing_now", "M$", "the same, while stocks move"),
    Field("hhi", "0 to 1", "sum of squared revenue shares"),
    Field("top1", "share", "largest revenue share"),
    Field("price", "$ per month", "price weighted by customers"),
    Field("last_revenue", "M$", "revenue of the month before"),
    Field("growth", "log per month", "smoothed growth of the category's revenue"),
    Field("pull", "M customers", "smoothed: customers whom all apps together win in a month"),
    Field("independents", "firms", "apps that no lab owns"),
    Field("mean_capability", "points", "mean capability behind them"),
    Field("mean_cost", "$ per Mtok", "mean cost of their tokens"),
    Field("mature", "firms", "those among them past their first months"),
    Field("mature_reach", "share", "mean share of customers whom the mature reach"),
    Field("coming_up", "utils, exponentiated", "what the young will add to attraction once customers know them"),
    Field("entrant_value", "M$", "present value that a newcomer expects"),
    Field("entry_pull", "log", "smoothed response of entry to that value over the cost of founding"),
]

APPS: list[Field] = [
    *COMMON,
    whole("birth", "month", "month of birth"),
    whole("generated", "flag", "whether the firm was generated rather than named"),
    Field("tourists", "M customers", "tourists among the customers"),
    Field("committed", "M customers", "committed customers"),
    Field("attraction", "utils, exponentiated", "reach times exp(utility / lambda), relative to the best app"),
    Field("choice_share", "share", "probability that one who considers the category chooses the app"),
    Field("inside_share", "share", "probability of choosing the app, given that one of the category's is chosen"),
    Field("capability", "points", "capability behind the app, over its sources"),
    Field("quota", "Mtok per customer and month", "tokens included in the plan"),
    Field("token_worth", "utils", "what its customers would pay for tokens at the reference price"),
    Field("use_value", "utils", "worth of the quota, over what tokens were worth to the usual customer at first"),
    Field("token_cost", "$ per Mtok", "what a token costs the app, over its sources"),
    Field("unit_cost", "$ per customer and month", "marginal cost of a customer, revenue-based costs apart"),
    Field("service", "share", "share of the wanted calls that were served this month"),
    Field("tokens", "Ttok", "tokens wanted this month"),
    Field("data", "Ttok", "stock of interaction data"),
    Field("joined", "M customers", "customers who joined this month"),
    Field("left", "M customers", "customers who left this month"),
    Field("revenue", "M$", "revenue of the month"),
    Field("last_revenue", "M$", "revenue of the month before"),
    Field("inference", "M$", "payments for inference"),
    Field("api_spend", "M$", "payments to labs of others"),
    Field("gross_profit", "M$", "revenue less cost of goods"),
    Field("growth", "log per month", "smoothed growth of revenue"),
    Field("outlay", "M$ per month", "costs beside cost of goods, smoothed"),
    Field("rnd", "M$", "spending on features this month"),
    Field("marketing", "M$", "spending on acquisition this month"),
    Field("own_hours", "Mh", "training hours of the in-house model, which set its size"),
    Field("own_unit_cost", "$ per Mtok", "marginal cost of a token of the in-house model"),
    Field("own_service", "share", "share of the in-house model's hours served"),
    Field("own_budget", "M$", "compute bought this month to make or refresh the in-house model"),
    Field("depth_fading", "share", "of the workflow depth, lost this month to newcomers and portability"),
    whole("nest", "row", "lab that carries most of its tokens; -1 for its own model and where nests do not matter"),
    Field("nest_pull", "utils, exponentiated", "attraction within its nest, relative to the best there"),
    Field("nest_share", "share", "probability of choosing the app, given its nest"),
    Field("diverted", "$ per month", "what a lost customer brings the app's company elsewhere"),
    Field("next_token_price", "$ per Mtok", "price of a token from next month, with a metered plan"),
    whole("base", "code", "1 + row of the lab whose checkpoint the in-house model is built on; 0 for none"),
    whole("deal", "code", "1 + row of the lab with which the app has negotiated; 0 for none"),
    Field("deal_share", "share", "of labs' list markups that the app pays while it has a deal"),
    whole("bound_until", "month", "month before which the app does not reverse its last turn between model and API"),
    Field("saving", "M$", "one-off cost of an in-house model that the app saves for"),
    Field("next_price", "$ per customer and month", "price from next month"),
    Field("next_quota", "Mtok per customer and month", "quota from next month"),
    Field("next_rnd", "M$", "feature spending next month"),
    Field("next_marketing", "M$", "marketing next month"),
    whole("next_own", "code", "1 to move to an in-house model, -1 to give it up, 0 to stay"),
    Field("next_own_capability", "points", "capability of the in-house model from next month"),
    Field("next_own_hours", "Mh", "its training hours"),
    Field("next_own_budget", "M$", "compute for it next month"),
    whole("next_base", "code", "`base` from next month"),
    whole("next_deal", "code", "`deal` from next month"),
    Field("next_deal_share", "share", "`deal_share` from next month"),
]

LABS: list[Field] = [
    *COMMON,
    Field("model_hours", "Mh", "training hours that the model in service takes with public methods: its size"),
    Field("upgrade", "points", "by which the newest model is ahead of what customers use"),
    Field("published", "points", "capability of the last published checkpoint; -1000 for none"),
    Field("published_hours", "Mh", "its size, as training hours"),
    Field("hours_per_token", "GPU-hours per Mtok", "serving cost in hours"),
    Field("unit_cost", "$ per Mtok", "marginal cost of a token at the rents the lab pays"),
    Field("semi_elasticity", "1/$", "fall of the log of tokens sold per $ of price"),
    Field("priced_cost", "$ per Mtok", "marginal cost at the last pricing"),
    Field("tokens", "Ttok", "tokens wanted from the API this month"),
    Field("service", "share", "share of the wanted hours served"),
    Field("revenue", "M$", "sales of tokens and licences"),
    Field("api_revenue", "M$", "sales of tokens to apps of others"),
    Field("cost_of_goods", "M$", "GPU-hours that serve tokens, and the partner's share"),
    Field("gross_profit", "M$", "revenue less cost of goods"),
    Field("smooth_revenue", "M$", "smoothed API revenue"),
    Field("training", "M$", "spent on training this month"),
    Field("run_hours", "Mh", "GPU-hours of the run in progress"),
    Field("run_age", "months", "age of the run in progress"),
    Field("training_budget", "M$ per month", "what the lab plans to spend on training"),
    Field("staff", "M$ per month", "research staff"),
    Field("claim", "M$", "investors' commitments that the lab may call"),
    Field("contest", "share", "share of the contest for customers that its newest model takes"),
    Field("odds", "weight", "behind that share, relative to the best"),
    Field("products", "share", "of the contest, that of the models which serve its company's products"),
    Field("own_apps", "M$", "operating profit of the apps of the lab and its company"),
    Field("kept", "share", "of what is at stake of its company's income, the part that the company keeps"),
    Field("kept_without", "share", "the part that it would keep with the best model that others publish"),
    Field("flow", "M$ per month", "cash flow of the company behind it"),
    Field("stake", "M$", "of that company's income, what generative AI puts at stake"),
    Field("lost", "M$", "of that company's income, what others' models take"),
    Field("won", "M$", "income won from other companies"),
    Field("defended", "M$", "income kept by own models, beside what published ones would keep"),
    Field("raising", "M$ per month", "what investors give at most"),
    Field("backing", "M$ per month", "what its backer gives"),
    Field("given", "M$ per month", "what its company gives other labs"),
    Field("belief", "factor", "what it makes of the worth of a better model, relative to what the market gives"),
    Field("benefit", "M$ per month", "smoothed return on its models: profit, income won and defended"),
    Field("spent", "M$ per month", "smoothed spending on its models"),
    Field("losing", "months", "in a row that it has had no prospect"),
    Field("backed", "M$", "of the money raised, that of owners and backers"),
    Field("promised", "M$ per month", "what its backer has promised"),
    whole("released", "flag", "whether a model was released this month"),
    Field("hired_lead", "points", "private lead that researchers from other labs brought this month"),
    Field("raised", "M$", "money raised since the start, with the cash of month 0"),
    Field("returned", "M$", "paid out to owners since the start"),
    whole("rivals", "code", "bits of the categories in which the lab has an app of its own"),
    Field("inference_cost", "M$", "GPU-hours that serve tokens"),
    Field("next_price", "$ per Mtok", "API price from next month"),
    Field("next_training_budget", "M$ per month", "training budget from next month"),
    Field("next_staff", "M$ per month", "staff from next month"),
    Field("next_capability", "points", "capability in service from next month"),
    Field("next_upgrade", "points", "`upgrade` from next month"),
    Field("next_private_lead", "points", "private lead from next month"),
    Field("next_crawled", "Ttok", "crawled data from next month"),
    Field("next_talent", "researchers, relative", "talent from next month"),
]

HOSTS: list[Field] = [
    *COMMON,
    Field("margin", "$ per Mtok", "markup over marginal cost"),
    Field("price", "$ per Mtok", "price weighted by tokens"),
    Field("unit_cost", "$ per Mtok", "marginal cost weighted by tokens"),
    Field("semi_elasticity", "1/$", "fall of the log of tokens sold per $ of price"),
    Field("priced_cost", "$ per Mtok", "marginal cost at the last pricing"),
    Field("tokens", "Ttok", "tokens wanted this month"),
    Field("hub", "share", "share of all hosted tokens last month"),
    Field("service", "share", "share of the wanted hours served"),
    Field("revenue", "M$", "sales of tokens"),
    Field("gross_profit", "M$", "revenue less cost of goods"),
    Field("next_margin", "$ per Mtok", "markup from next month"),
    Field("next_number", "hosts", "hosts of the kind next month"),
]

OFFERS: list[Field] = [
    whole("seller_kind", "code", "who sells it: a lab or a host (market/state/codes.py)"),
    whole("seller", "row", "row of the seller"),
    whole("lab", "row", "row of the lab that made the model"),
    Field("licensed", "flag", "whether the seller may serve the model: a lab its own, a host by its edge to the lab"),
    whole("open", "code", "to whom it is sold: 1 all with an edge, 2 the lab's own apps, 3 no rivals of those, 0 none"),
    whole("rivals", "code", "bits of the categories in which the lab has an app of its own"),
    Field("price", "$ per Mtok", "list price"),
    Field("unit_cost", "$ per Mtok", "marginal cost"),
    Field("service", "share", "share of the wanted hours served"),
    Field("tokens", "Ttok", "tokens wanted this month"),
    Field("listed", "Ttok", "tokens sold at the list price this month"),
    Field("pull", "1/$ times Ttok", "sum over apps that pay the list price, behind the semi-elasticity"),
]

CLOUDS: list[Field] = [
    *COMMON,
    Field("capacity", "Mh", "GPU-hours that the fleet can sell this month"),
    Field("hours", "Mh", "GPU-hours sold"),
    Field("running", "$ per GPU-hour", "running cost, mean over the fleet"),
    Field("reserve", "$ per GPU-hour", "running cost plus markup: the rent while capacity does not bind"),
    Field("rent", "$ per GPU-hour", "spot rent"),
    Field("rationed", "share", "of the hours wanted at that rent, those that there are; 1 where the rent clears"),
    Field("contract_rent", "$ per GPU-hour", "moving average of the spot rent"),
    Field("expected_rent", "$ per GPU-hour", "adaptive expectation of the spot rent"),
    Field("full_cost", "$ per GPU-hour", "running cost plus annualised cost of chip and building"),
    Field("elasticity", "dimensionless", "elasticity of the demand faced over the markup horizon"),
    Field("wanted", "Mh", "its part of the demand that clouds foresee"),
    Field("own_hours", "Mh", "of the hours sold, those to generative buyers"),
    Field("revenue", "M$", "rents and revenue shares received"),
    Field("cost_of_goods", "M$", "running cost paid"),
    Field("gross_profit", "M$", "revenue less running cost"),
    Field("depreciation", "M$", "straight line over the life"),
    Field("book", "M$", "book value of chips and buildings"),
    Field("cash_flow", "M$ per month", "smoothed gross profit"),
    Field("contracted", "share", "of its revenue, what labs pay, smoothed"),
    Field("capex", "M$", "spent on chips and buildings"),
    Field("fleet_now", "kGPU", "accelerators installed"),
    Field("size", "share", "share of its company's clouds in all fleets"),
    Field("erosion", "share", "share of its priority with chipmakers that is lost this month"),
    Field("worth", "k$ per GPU", "present value of the rent expected from a GPU, less its running cost"),
    Field("budget", "M$ per month", "investment that can be financed"),
    Field("order", "kGPU", "ordered this month"),
    Field("next_reserve", "$ per GPU-hour", "reserve rent from next month"),
    Field("next_order", "kGPU", "order placed in the chips phase"),
]

CHIPMAKERS: list[Field] = [
    *COMMON,
    Field("generation", "index", "generation of what is delivered; between two while one ramps up"),
    whole("launches", "index", "generations that have come into production since month 0"),
    Field("next_generation", "month", "month in which the next one comes into production"),
    Field("ramp_left", "months", "months until only the newest generation is delivered"),
    Field("coming", "generations", "what of the newest generation is still to come into what is delivered"),
    Field("coming_performance", "log", "what that will add to performance"),
    Field("coming_cost", "log", "what that will add to the cost of a package"),
    Field("rnd", "M$", "spent on research this month"),
    Field("research", "M$ per month", "research of its company, smoothed"),
    Field("designed", "M$", "research of its company since the last generation"),
    Field("cost", "k$ per GPU", "marginal cost per H100-equivalent, packaging included"),
    Field("share", "share", "share of what clouds would order now"),
    Field("backlog", "kGPU", "orders not delivered"),
    Field("lead_time", "months", "backlog over supply, plus the time to build"),
    Field("supply", "kGPU per month", "deliveries, smoothed"),
    Field("delivered", "kGPU", "delivered this month"),
    Field("inventory", "kGPU", "built and not sold"),
    Field("request", "kpackages", "packages asked of the foundry"),
    Field("starts", "kpackages", "packages started this month"),
    Field("installed", "kGPU", "in the fleets of all clouds"),
    Field("revenue", "M$", "sales"),
    Field("cost_of_goods", "M$", "packages and components paid"),
    Field("gross_profit", "M$", "revenue less cost of goods"),
    Field("outlay", "M$ per month", "costs, smoothed"),
    Field("next_price", "k$ per GPU", "list price from next month"),
]

FOUNDRY: list[Field] = [
    *COMMON,
    Field("requested", "kpackages", "packages asked for this month"),
    Field("starts", "kpackages", "packages started this month"),
    Field("unfilled", "kpackages", "asked last month and not started"),
    Field("expected", "kpackages per month", "adaptive expectation of new orders"),
    Field("building", "kpackages per month", "capacity under construction"),
    Field("base_price", "k$ per package", "price at month 0"),
    Field("revenue", "M$", "sales"),
    Field("cost_of_goods", "M$", "operating cost"),
    Field("gross_profit", "M$", "sales less operating cost"),
    Field("depreciation", "M$", "of fabs"),
    Field("book", "M$", "book value of fabs"),
    Field("capex", "M$", "spent on new capacity"),
    Field("outlay", "M$ per month", "costs, smoothed"),
    Field("next_price", "k$ per package", "price from next month"),
    Field("next_expansion", "kpackages per month", "capacity ordered"),
]

#: The state of the market as a whole; investors' parameters that the market moves are here too.
NOW: list[Field] = [
    whole("month", "month", "months since the start"),
    whole("seed", "code", "seed of the draws"),
    whole("rows", "rows", "rows of apps in use, those of firms that have exited included"),
    whole("kept", "rows", "places of `live` that stay after exits"),
    whole("coming", "firms", "startups about to enter"),
    whole("buyers", "rows", "buyers of GPU-hours this month"),
    whole("wanted_rows", "rows", "rows that the table of buyers has to have"),
    whole("record", "row", "row of the month in the blocks of records"),
    whole("firm_records", "row", "row after the last one written of the firms' records"),
    whole("app_account", "code", "account of the app in row 0"),
    Field("hype", "log", "hype"),
    Field("algorithms", "points", "public algorithmic progress since month 0"),
    Field("efficiency", "log", "log of the fall of hours per token since month 0"),
    Field("frontier", "points", "best released model"),
    Field("first_frontier", "points", "best released model at month 0"),
    Field("token_cost", "$ per Mtok", "geometric mean of what tokens cost the apps"),
    Field("outside_wanted", "Mh", "hours at the reference rent that outside demand moves towards"),
    Field("price_ahead", "$ per GPU-hour", "rent at which clouds expect to sell a further hour"),
    Field("demand_ahead", "Mh", "hours that clouds foresee at that rent when chips ordered now arrive, smoothed"),
    Field("demand_growth", "log per month", "smoothed growth of that demand"),
    Field("open_frontier", "points", "best published checkpoint"),
    Field("open_hours", "Mh", "its size, as training hours"),
    Field("expected_rent", "$ per GPU-hour", "adaptive expectation of the mean spot rent"),
    Field("mean_rent", "$ per GPU-hour", "mean spot rent over hours sold"),
    Field("discount", "1/month", "discount rate of firms"),
    Field("outside_hours", "Mh", "hours that outside demand holds at the reference rent"),
    Field("outside_shock", "log", "persistent shock to the hours it wants"),
    Field("expected_growth", "log per month", "smoothed growth of apps' revenue"),
    Field("last_revenue", "M$", "apps' revenue last month"),
    Field("app_revenue", "M$ per month", "apps' revenue, smoothed"),
    Field("pool", "share", "part of apps' revenue that labs expect to compete for"),
    Field("optimism", "factor", "`labs.optimism` as labs last heard of it"),
    Field("app_payouts", "M$", "what apps paid out last month"),
    Field("powder_apps", "M$", "committed to apps and not invested"),
    Field("powder_labs", "M$", "committed to labs and not invested"),
    Field("iterations", "count", "iterations of the last clearing"),
    Field("residual", "share", "largest violation of the last clearing"),
    Field("graduations", "firms", "this month"),
    Field("returns", "firms", "this month"),
    Field("entries", "firms", "apps that entered this month"),
    Field("exits", "firms", "apps that exited this month"),
    Field("lab_exits", "firms", "labs that exited this month"),
    Field("inference_wanted", "Mh", "inference hours wanted this month"),
    Field("inference_served", "Mh", "inference hours served this month"),
    Field("generative_hours", "Mh", "hours rented by labs, hosts and apps"),
    Field("funded_spending", "M$", "spending of labs out of cash raised"),
    Field("funded_compute", "M$", "training compute in it"),
    Field("start_hype", "log", "hype at month 0"),
    Field("tokens_served", "Ttok", "tokens served this month"),
    Field("own_tokens", "Ttok", "tokens of in-house models this month"),
    Field("deliveries", "kGPU", "accelerators delivered this month"),
    Field("chip_price", "k$ per GPU", "list price weighted by deliveries"),
    Field("chip_margin", "share", "chipmakers' markup weighted by deliveries"),
]

STATE_FIELDS: dict[str, list[Field]] = {
    "users": USERS,
    "apps": APPS,
    "labs": LABS,
    "hosts": HOSTS,
    "clouds": CLOUDS,
    "chipmakers": CHIPMAKERS,
    "foundry": FOUNDRY,
}


def _dtype(columns: list[tuple[str, Any]]) -> np.dtype[np.void]:
    names = [name for name, _ in columns]
    if len(set(names)) != len(names):
        raise ValueError(f"a field is declared twice: {sorted(n for n in names if names.count(n) > 1)}")
    return np.dtype(columns, align=True)


#: Bytes that memory hands over at a time.
CACHE_LINE = 64
#: Fields of apps that the month's loops use together, those of a cache line side by side.  A million apps are more than
#: caches hold, and a loop then takes as long as the lines that it touches.  Fields not named here fill what is left.
APP_LINES: tuple[tuple[str, ...], ...] = (
    ("category", "owner", "own_model", "tourists", "committed", "quota", "price", "own_budget"),
    ("capability", "data", "use_value", "price_taste_factor", "token_worth", "depth", "token_cost", "choice_share"),
    ("brand", "feature", "awareness", "nest_share", "plan", "price_rule", "token_price", "levy"),
    ("service", "distribution", "inside_share"),
    ("attraction", "nest", "nest_pull", "usage_factor", "joined", "left", "depth_fading", "identity"),
    ("tokens", "base", "deal", "deal_share", "own_capability", "own_unit_cost", "own_hours", "unit_cost"),
    ("account", "alive", "revenue", "gross_profit", "inference", "growth", "outlay", "incumbent"),
    ("next_price", "next_token_price", "next_quota", "next_deal", "next_deal_share", "markup", "diverted", "company"),
    ("rnd", "marketing", "next_rnd", "next_marketing", "last_revenue", "api_spend", "own_service", "generated"),
    ("next_own", "next_own_capability", "next_own_hours", "next_own_budget", "next_base", "saving", "birth", "access"),
)


def _in_lines(columns: list[tuple[str, Any]], lines: tuple[tuple[str, ...], ...]) -> np.dtype[np.void]:
    """A row whose fields are in those cache lines, all of eight bytes; its size is a whole number of lines."""
    offsets = {name: CACHE_LINE * line + 8 * at for line, names in enumerate(lines) for at, name in enumerate(names)}
    free = [
        offset for offset in range(0, CACHE_LINE * (len(lines) + len(columns)), 8) if offset not in offsets.values()
    ]
    places = [offsets[name] if name in offsets else free.pop(0) for name, _ in columns]
    size = CACHE_LINE * -(-(max(places) + 8) // CACHE_LINE)
    return np.dtype({"names": [name for name, _ in columns], "formats": [dtype for _, dtype in columns],
                     "offsets": places, "itemsize": size}, align=True)  # fmt: skip


def _of_parameter(parameter: Parameter) -> tuple[str, type]:
    """The column of a firm-scope parameter: words and flags are codes, and so whole numbers."""
    return parameter.name, np.int64 if parameter.is_text or parameter.is_flag else np.float64


def _of_fields(fields: list[Field]) -> list[tuple[str, type]]:
    return [(field.name, field.dtype) for field in fields]


@cache
def dtype_of(kind: str) -> np.dtype[np.void]:
    """The structured dtype of a kind: its firm-scope parameters, then its state.

    The numeric initial values of state that has a field of its own (``price``, ``capability``) share that field.
    """
    columns = [_of_parameter(p) for p in parameters_of(kind, "firm") if p.name not in AT_START_ONLY.get(kind, ())]
    known = dict(columns)
    for name, dtype in _of_fields(STATE_FIELDS[kind]):
        if known.get(name, dtype) is not dtype:
            raise ValueError(f"{kind}.{name} is a parameter of another type than the state of that name")
    columns += [column for column in _of_fields(STATE_FIELDS[kind]) if column[0] not in known]
    return _in_lines(columns, APP_LINES) if kind == "apps" else _dtype(columns)


#: Firm-scope parameters that only make the state of month 0, and need no field of their own.
AT_START_ONLY: dict[str, tuple[str, ...]] = {
    "apps": ("customers", "cash", "source"),
    "labs": ("cash", "first_budget"),
    "hosts": ("cash",),
    "clouds": ("cash", "fleet", "own_share"),
    "chipmakers": ("cash", "launched_performance", "launched_unit_cost"),
    "foundry": ("cash",),
}

NOW_DTYPE = _dtype(_of_fields(NOW))
OFFER_DTYPE = _dtype(_of_fields(OFFERS))
#: Parameters that a whole kind shares, as ``kind_name``.
SHARED_DTYPE = np.dtype(
    [(f"{p.kind}_{p.name}", np.float64) for p in REGISTRY.values() if p.scope == "kind"], align=True
)

#: Buyers of GPU-hours of a month, by kind.
BUYERS: list[Field] = [
    whole("kind", "code", "who it is (market/state/codes.py)"),
    whole("row", "row", "row of its kind"),
    Field("inference", "Mh", "inference hours wanted"),
    Field("choke", "$ per GPU-hour", "rent at which half of them are cut off"),
    Field("budget", "M$", "training budget"),
    Field("elastic", "Mh", "outside demand at the reference rent"),
    Field("served", "Mh", "inference hours served"),
    Field("moving", "share", "share of its hours that chooses a cloud again this month"),
    Field("barrier", "($ per GPU-hour)^-k", "choke^-k, the part of the cut-off that stays while rents are sought"),
]
BUYER_DTYPE = _dtype(_of_fields(BUYERS))

#: Rows of the record (see `moatlab.results.metrics`).
MARKET_DTYPE = _dtype([(m.field, np.float64) for m in [*metrics.MARKET, *metrics.HIDDEN] if m.derive is None])
LAYER_DTYPE = _dtype([(name, np.float64) for name, _, _ in metrics.LAYER_RECORDED])
CATEGORY_DTYPE = _dtype([(m.name, np.float64) for m in metrics.CATEGORY])
FIRM_DTYPE = _dtype(
    [("month", np.int32), ("kind", np.int32), ("row", np.int64), ("identity", np.int64)]
    + [(m.name, np.float64) for m in metrics.FIRM]
)
