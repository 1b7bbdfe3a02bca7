"""What a row of each kind holds beside its parameters: name, unit, meaning.

The structured array of a kind has a field for each firm-scope parameter of the registry, then the fields below.  A
field named ``next_x`` is a decision taken this month that replaces ``x`` when all have decided.
"""

from __future__ import annotations

import numpy as np

from moatlab.scenario.tables import REGISTRY, parameters_of

Field = tuple[str, str, str]

COMMON: list[Field] = [
    ("identity", "code", "kind, birth month and index in the cohort (market/state/identity.py)"),
    ("alive", "flag", "whether the firm trades"),
    ("account", "code", "its account in the ledger"),
]

USERS: list[Field] = [
    ("identity", "code", "digest of the slug, 12 bits, told apart from its neighbours"),
    ("potential", "M customers", "customers that the category could have"),
    ("inclusive", "utils, exponentiated", "sum of the attractions of the apps, relative to the best alternative"),
    ("outside", "utils, exponentiated", "attraction of using no app, relative to the best alternative"),
    ("crowd", "firms", "apps weighted by reach: divides attraction by its power `crowding`"),
    ("dilution", "factor", "what crowding leaves of an app's attraction"),
    ("considering", "M customers", "non-users who considered the category this month"),
    ("best_feature", "points", "largest feature stock"),
    ("mean_feature", "points", "mean feature stock"),
    ("mean_data", "Ttok", "mean interaction data of the apps"),
    ("log_cost", "log $ per Mtok", "mean log of what tokens cost the apps"),
    ("mean_cost", "$ per Mtok", "its exponential: the geometric mean"),
    ("first_log_cost", "log $ per Mtok", "the same at month 0"),
    ("flow_tourists", "M customers", "reconsidering tourists over the denominators of their choice"),
    ("flow_committed", "M customers", "the same for committed customers"),
    ("customers", "M customers", "customers of all apps"),
    ("tourists", "M customers", "tourists among them"),
    ("new_users", "M customers", "non-users who joined this month"),
    ("joined", "M customers", "who joined an app this month, switchers included"),
    ("joined_tourists", "M customers", "tourists among those who joined"),
    ("left", "M customers", "who left their app this month"),
    ("left_tourists", "M customers", "tourists among those who left"),
    ("left_committed", "M customers", "committed customers among those who left"),
    ("tourist_odds", "share", "tourists among this month's new users"),
    ("consumer_surplus", "M$", "logsum of the choice, over the customers"),
    ("revenue", "M$", "revenue of the category's apps"),
    ("firms", "firms", "apps alive"),
    ("marketing", "M$", "marketing of the category's apps"),
    ("hhi", "0 to 1", "sum of squared revenue shares"),
    ("top1", "share", "largest revenue share"),
    ("price", "$ per month", "price weighted by customers"),
]

APPS: list[Field] = [
    *COMMON,
    ("birth", "month", "month of birth"),
    ("generated", "flag", "whether the firm was generated rather than named"),
    ("tourists", "M customers", "tourists among the customers"),
    ("committed", "M customers", "committed customers"),
    ("attraction", "utils, exponentiated", "reach times exp(utility), relative to the category's best alternative"),
    ("choice_share", "share", "probability that one who considers the category chooses the app"),
    ("capability", "points", "capability behind the app, over its sources"),
    ("quota", "Mtok per customer and month", "tokens included in the plan"),
    ("token_worth", "utils", "worth of tokens to the app's customers"),
    ("use_value", "utils", "worth of the quota"),
    ("token_cost", "$ per Mtok", "what a token costs the app, over its sources"),
    ("unit_cost", "$ per customer and month", "marginal cost of a customer, revenue-based costs apart"),
    ("service", "share", "share of the wanted calls that were served this month"),
    ("tokens", "Ttok", "tokens wanted this month"),
    ("data", "Ttok", "stock of interaction data"),
    ("joined", "M customers", "who joined this month"),
    ("left", "M customers", "who left this month"),
    ("revenue", "M$", "revenue of the month"),
    ("last_revenue", "M$", "revenue of the month before"),
    ("inference", "M$", "payments for inference"),
    ("api_spend", "M$", "payments to labs of others"),
    ("gross_profit", "M$", "revenue less cost of goods"),
    ("growth", "log per month", "smoothed growth of revenue"),
    ("outlay", "M$ per month", "costs beside cost of goods, smoothed"),
    ("rnd", "M$", "spending on features this month"),
    ("marketing", "M$", "spending on acquisition this month"),
    ("own_hours", "Mh", "training hours of the own model, which set its size"),
    ("own_unit_cost", "$ per Mtok", "marginal cost of a token of the own model"),
    ("own_service", "share", "share of the own model's hours served"),
    ("own_budget", "M$", "compute bought this month to make or refresh the own model"),
    ("depth_fading", "share", "of the workflow depth, lost this month to newcomers and portability"),
    ("nest", "row", "lab that carries most of its tokens; -1 for its own model, and where no nests are correlated"),
    ("nest_pull", "utils, exponentiated", "attraction within its nest, relative to the best there"),
    ("nest_share", "share", "probability of choosing the app, given its nest"),
    ("diverted", "$ per month", "what a lost customer brings the app's company elsewhere"),
    ("next_token_price", "$ per Mtok", "price of a token from next month, with a metered plan"),
    ("base", "code", "1 + row of the lab whose checkpoint the own model is built on; 0 for none"),
    ("deal", "code", "1 + row of the lab with which the app has a negotiated price; 0 for none"),
    ("deal_share", "share", "of that lab's list markup that the app pays"),
    ("saving", "M$", "one-off cost of an own model that the app saves for"),
    ("next_price", "$ per customer and month", "price from next month"),
    ("next_quota", "Mtok per customer and month", "quota from next month"),
    ("next_rnd", "M$", "feature spending next month"),
    ("next_marketing", "M$", "marketing next month"),
    ("next_own", "code", "1 to move to an own model, -1 to give it up, 0 to stay"),
    ("next_own_capability", "points", "capability of the own model from next month"),
    ("next_own_hours", "Mh", "its training hours"),
    ("next_own_budget", "M$", "compute for it next month"),
    ("next_base", "code", "`base` from next month"),
    ("next_deal", "code", "`deal` from next month"),
    ("next_deal_share", "share", "`deal_share` from next month"),
]

LABS: list[Field] = [
    *COMMON,
    ("model_hours", "Mh", "training hours of the model in service, which set its size"),
    ("published", "points", "capability of the last published checkpoint; -1000 for none"),
    ("published_hours", "Mh", "its training hours"),
    ("hours_per_token", "GPU-hours per Mtok", "serving cost in hours"),
    ("unit_cost", "$ per Mtok", "marginal cost of a token at the rents the lab pays"),
    ("semi_elasticity", "1/$", "fall of the log of tokens sold per $ of price"),
    ("priced_cost", "$ per Mtok", "marginal cost at the last pricing"),
    ("tokens", "Ttok", "tokens wanted from the API this month"),
    ("service", "share", "share of the wanted hours served"),
    ("revenue", "M$", "sales of tokens and licences"),
    ("api_revenue", "M$", "sales of tokens to apps of others"),
    ("cost_of_goods", "M$", "GPU-hours that serve tokens, and the partner's share"),
    ("gross_profit", "M$", "revenue less cost of goods"),
    ("smooth_revenue", "M$", "smoothed API revenue"),
    ("training", "M$", "spent on training this month"),
    ("run_hours", "Mh", "GPU-hours of the run in progress"),
    ("run_age", "months", "age of the run in progress"),
    ("training_budget", "M$ per month", "what the lab means to spend on training"),
    ("staff", "M$ per month", "research staff"),
    ("claim", "M$", "investors' commitments that the lab may call"),
    ("weight", "weight", "its weight in this month's commitments"),
    ("released", "flag", "whether a model was released this month"),
    ("hired_lead", "points", "private lead that researchers from other labs brought this month"),
    ("raised", "M$", "money raised since the start, with the cash of month 0"),
    ("returned", "M$", "paid out to owners since the start"),
    ("rivals", "code", "bits of the categories in which the lab has an app of its own"),
    ("inference_cost", "M$", "GPU-hours that serve tokens"),
    ("next_price", "$ per Mtok", "API price from next month"),
    ("next_training_budget", "M$ per month", "training budget from next month"),
    ("next_staff", "M$ per month", "staff from next month"),
    ("next_capability", "points", "capability in service from next month"),
    ("next_model_hours", "Mh", "training hours of that model"),
    ("next_private_lead", "points", "private lead from next month"),
    ("next_crawled", "Ttok", "crawled data from next month"),
    ("next_talent", "researchers, relative", "talent from next month"),
]

HOSTS: list[Field] = [
    *COMMON,
    ("margin", "$ per Mtok", "markup over marginal cost"),
    ("price", "$ per Mtok", "price weighted by tokens"),
    ("unit_cost", "$ per Mtok", "marginal cost weighted by tokens"),
    ("semi_elasticity", "1/$", "fall of the log of tokens sold per $ of price"),
    ("priced_cost", "$ per Mtok", "marginal cost at the last pricing"),
    ("tokens", "Ttok", "tokens wanted this month"),
    ("hub", "share", "share of all hosted tokens last month"),
    ("service", "share", "share of the wanted hours served"),
    ("revenue", "M$", "sales of tokens"),
    ("gross_profit", "M$", "revenue less cost of goods"),
    ("next_margin", "$ per Mtok", "markup from next month"),
]

OFFERS: list[Field] = [
    ("seller_kind", "code", "0 for a lab's API, 1 for a host"),
    ("seller", "row", "row of the seller"),
    ("lab", "row", "row of the lab that made the model"),
    ("licensed", "flag", "whether the seller may serve the model: a lab its own, a host by its edge to the lab"),
    ("open", "code", "to whom it is sold: 1 all with an edge, 2 the lab's own apps, 3 no rivals of those, 0 none"),
    ("rivals", "code", "bits of the categories in which the lab has an app of its own"),
    ("price", "$ per Mtok", "list price"),
    ("unit_cost", "$ per Mtok", "marginal cost"),
    ("service", "share", "share of the wanted hours served"),
    ("tokens", "Ttok", "tokens wanted this month"),
    ("listed", "Ttok", "tokens sold at the list price this month"),
    ("pull", "1/$ times Ttok", "sum over apps that pay the list price, behind the semi-elasticity"),
]

CLOUDS: list[Field] = [
    *COMMON,
    ("capacity", "Mh", "GPU-hours that the fleet can sell this month"),
    ("hours", "Mh", "GPU-hours sold"),
    ("running", "$ per GPU-hour", "running cost, mean over the fleet"),
    ("reserve", "$ per GPU-hour", "running cost plus markup: the rent while capacity does not bind"),
    ("offered", "Mh", "capacity when the month's market cleared"),
    ("floor_rent", "$ per GPU-hour", "reserve rent when the month's market cleared"),
    ("rent", "$ per GPU-hour", "spot rent"),
    ("contract_rent", "$ per GPU-hour", "moving average of the spot rent"),
    ("expected_rent", "$ per GPU-hour", "adaptive expectation of the spot rent"),
    ("full_cost", "$ per GPU-hour", "running cost plus annualised cost of chip and building"),
    ("elasticity", "dimensionless", "elasticity of the demand faced over the markup horizon"),
    ("wanted", "Mh", "hours that could be sold at the full unit cost, smoothed"),
    ("growth", "log per month", "smoothed growth of that demand"),
    ("own_hours", "Mh", "of the hours sold, those to generative buyers"),
    ("revenue", "M$", "rents and revenue shares received"),
    ("cost_of_goods", "M$", "running cost paid"),
    ("gross_profit", "M$", "revenue less running cost"),
    ("depreciation", "M$", "straight line over the life"),
    ("book", "M$", "book value of chips and buildings"),
    ("cash_flow", "M$ per month", "smoothed gross profit"),
    ("capex", "M$", "spent on chips and buildings"),
    ("fleet_now", "kGPU", "accelerators installed"),
    ("size", "share", "share of all clouds' fleets"),
    ("erosion", "share", "share of its priority with chipmakers that is lost this month"),
    ("worth", "k$ per GPU", "present value of the rent expected from a GPU, less its running cost"),
    ("budget", "M$ per month", "investment that can be financed"),
    ("order", "kGPU", "ordered this month"),
    ("next_reserve", "$ per GPU-hour", "reserve rent from next month"),
    ("next_order", "kGPU", "order placed in the chips phase"),
]

CHIPMAKERS: list[Field] = [
    *COMMON,
    ("generation", "index", "generation on sale"),
    ("next_generation", "month", "month in which the next one goes on sale"),
    ("cost", "k$ per GPU", "marginal cost per H100-equivalent, packaging included"),
    ("sold_cost", "k$ per GPU", "the marginal cost at which own designs were delivered this month"),
    ("share", "share", "share of what clouds would order now"),
    ("backlog", "kGPU", "orders not delivered"),
    ("lead_time", "months", "backlog over supply, plus the time to build"),
    ("supply", "kGPU per month", "deliveries, smoothed"),
    ("delivered", "kGPU", "delivered this month"),
    ("inventory", "kGPU", "built and not sold"),
    ("request", "kpackages", "packages asked of the foundry"),
    ("starts", "kpackages", "packages started this month"),
    ("installed", "kGPU", "in the fleets of all clouds"),
    ("revenue", "M$", "sales"),
    ("cost_of_goods", "M$", "packages and components paid"),
    ("gross_profit", "M$", "revenue less cost of goods"),
    ("outlay", "M$ per month", "costs, smoothed"),
    ("next_price", "k$ per GPU", "list price from next month"),
]

FOUNDRY: list[Field] = [
    *COMMON,
    ("requested", "kpackages", "packages asked for this month"),
    ("starts", "kpackages", "packages started this month"),
    ("unfilled", "kpackages", "asked last month and not started"),
    ("expected", "kpackages per month", "adaptive expectation of new orders"),
    ("building", "kpackages per month", "capacity under construction"),
    ("base_price", "k$ per package", "price at month 0"),
    ("revenue", "M$", "sales"),
    ("cost_of_goods", "M$", "operating cost"),
    ("gross_profit", "M$", "sales less operating cost"),
    ("depreciation", "M$", "of fabs"),
    ("book", "M$", "book value of fabs"),
    ("capex", "M$", "spent on new capacity"),
    ("outlay", "M$ per month", "costs, smoothed"),
    ("next_price", "k$ per package", "price from next month"),
    ("next_expansion", "kpackages per month", "capacity ordered"),
]

#: The state of the market as a whole; investors' parameters that the market moves are here too.
NOW: list[Field] = [
    ("month", "month", "months since the start"),
    ("seed", "code", "seed of the draws"),
    ("hype", "log", "hype"),
    ("algorithms", "points", "public algorithmic progress since month 0"),
    ("efficiency", "log", "log of the fall of hours per token since month 0"),
    ("frontier", "points", "best released model"),
    ("first_frontier", "points", "best released model at month 0"),
    ("expected_frontier", "points", "adaptive expectation of the frontier's capability"),
    ("open_frontier", "points", "best published checkpoint"),
    ("open_hours", "Mh", "its training hours"),
    ("expected_rent", "$ per GPU-hour", "adaptive expectation of the mean spot rent"),
    ("mean_rent", "$ per GPU-hour", "mean spot rent over hours sold"),
    ("discount", "1/month", "discount rate of firms"),
    ("outside_hours", "Mh", "hours that outside demand holds at the reference rent"),
    ("outside_shock", "log", "persistent shock to the hours it wants"),
    ("expected_growth", "log per month", "smoothed growth of apps' revenue"),
    ("last_revenue", "M$", "apps' revenue last month"),
    ("powder_apps", "M$", "committed to apps and not invested"),
    ("powder_labs", "M$", "committed to labs and not invested"),
    ("iterations", "count", "iterations of the last clearing"),
    ("residual", "share", "largest violation of the last clearing"),
    ("graduations", "firms", "this month"),
    ("returns", "firms", "this month"),
    ("entries", "firms", "apps that entered this month"),
    ("exits", "firms", "apps that left this month"),
    ("lab_exits", "firms", "labs that left this month"),
    ("inference_wanted", "Mh", "inference hours wanted this month"),
    ("inference_served", "Mh", "inference hours served this month"),
    ("generative_hours", "Mh", "hours rented by labs, hosts and apps"),
    ("funded_spending", "M$", "spending of labs out of cash raised"),
    ("funded_compute", "M$", "training compute in it"),
    ("start_hype", "log", "hype at month 0"),
    ("tokens_served", "Ttok", "tokens served this month"),
    ("own_tokens", "Ttok", "tokens of own models this month"),
    ("deliveries", "kGPU", "accelerators delivered this month"),
    ("chip_price", "k$ per GPU", "list price weighted by deliveries"),
    ("chip_margin", "share", "chipmakers' markup weighted by deliveries"),
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
_INTEGERS = {"identity", "alive", "account", "birth", "generated", "category", "owner", "source", "month", "seed"}
_INTEGERS |= {"seller_kind", "seller", "lab", "open", "partner", "own_chip", "generation", "price_rule", "incumbent"}
_INTEGERS |= {"api", "captive", "own_model", "released", "next_own", "company", "plan", "nest"}
_INTEGERS |= {"deal", "next_deal", "base", "next_base"}
_INTEGERS |= {"rivals", "supply", "hosting_agreement", "allocation"}


def _dtype(names: list[str]) -> np.dtype[np.void]:
    if len(set(names)) != len(names):
        raise ValueError(f"a field stands twice: {sorted(n for n in names if names.count(n) > 1)}")
    return np.dtype([(n, np.int64 if n in _INTEGERS else np.float64) for n in names], align=True)


def dtype_of(kind: str) -> np.dtype[np.void]:
    """The structured dtype of a kind: its firm-scope parameters, then its state.

    The numeric initial values of state that has a field of its own (``price``, ``capability``) share that field.
    """
    parameters = [p.name for p in parameters_of(kind, "firm") if p.name not in AT_START_ONLY.get(kind, ())]
    return _dtype(parameters + [name for name, _, _ in STATE_FIELDS[kind] if name not in parameters])


#: Firm-scope parameters that only make the state of month 0, and need no field of their own.
AT_START_ONLY: dict[str, tuple[str, ...]] = {
    "apps": ("customers", "cash", "source"),
    "labs": ("cash",),
    "hosts": ("cash",),
    "clouds": ("cash", "fleet", "own_share"),
    "chipmakers": ("cash",),
    "foundry": ("cash",),
}

NOW_DTYPE = _dtype([name for name, _, _ in NOW])
OFFER_DTYPE = _dtype([name for name, _, _ in OFFERS])
#: Parameters that a whole kind shares, as ``kind_name``.
SHARED_DTYPE = np.dtype(
    [(f"{p.kind}_{p.name}", np.float64) for p in REGISTRY.values() if p.scope == "kind"], align=True
)
