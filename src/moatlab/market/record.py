"""Record: the month's figures, written into the rows of the tables that `moatlab.results.metrics` defines."""

from __future__ import annotations

import math

import numpy as np

from moatlab.market.rules.costs import package_cost
from moatlab.market.rules.offers import OPEN
from moatlab.market.rules.ranking import concentrate, quantile, sort_spread
from moatlab.market.state.codes import HOST, UNPUBLISHED
from moatlab.market.state.compiled import Rows, inlined, kernel
from moatlab.market.state.posting import (
    API,
    APP_COMPUTE,
    HOST_COMPUTE,
    HOSTED_INFERENCE,
    LAB_INFERENCE,
    LAB_TRAINING,
    SUBSCRIPTION,
    TRANSFER,
)
from moatlab.results.payments import LAYERS

#: Smallest monthly revenue (M$) of an app whose gross margin counts among the margins.
MARGIN_COUNTS = 0.1
APPS_KIND, LABS_KIND, HOSTS_KIND, CLOUDS_KIND, CHIPMAKERS_KIND, FOUNDRY_KIND = range(len(LAYERS))


@kernel
def record_layers(s: Rows, layers: Rows) -> None:
    """One row per layer: cash, depreciation, and concentration; turnover follows when the month is complete."""
    clouds, foundry, cash = s.clouds, s.foundry, s.cash
    for index in range(layers.shape[0]):
        layer = layers[index]
        layer.cash = 0.0
        layer.depreciation = 0.0
        layer.entries = 0.0
        layer.exits = 0.0
    gather(s.labs, cash, layers[LABS_KIND])
    gather(s.hosts, cash, layers[HOSTS_KIND])
    gather(clouds, cash, layers[CLOUDS_KIND])
    gather(s.chipmakers, cash, layers[CHIPMAKERS_KIND])
    gather(foundry, cash, layers[FOUNDRY_KIND])
    for c in range(clouds.shape[0]):
        layers[CLOUDS_KIND].depreciation += clouds[c].depreciation
    for f in range(foundry.shape[0]):
        layers[FOUNDRY_KIND].depreciation += foundry[f].depreciation


@inlined
def gather(firms: Rows, cash: Rows, layer: Rows) -> None:
    """Cash and concentration of a small layer."""
    alive = 0
    for index in range(firms.shape[0]):
        if firms[index].alive == 1:
            alive += 1
    values = np.empty(alive)
    at = 0
    for index in range(firms.shape[0]):
        layer.cash += cash[firms[index].account]
        if firms[index].alive == 1:
            values[at] = firms[index].revenue
            at += 1
    concentrate(values, layer)


@kernel
def record_turnover(s: Rows) -> None:
    """What happened at the month's end: entries, exits, graduations and returns; and its sums by kind of payment.

    Checked: tests/market/rules/test_capital.py::test_who_leaves_owes_money_and_leaves_the_debt_to_suppliers.
    """
    now = s.now[0]
    s.market_records[now.record].apps_graduations = now.graduations
    s.market_records[now.record].apps_returns = now.returns
    first = now.record * len(LAYERS)
    s.layer_records[first + APPS_KIND].entries = now.entries
    s.layer_records[first + APPS_KIND].exits = now.exits
    s.layer_records[first + LABS_KIND].exits = now.lab_exits
    for kind in range(s.payment_records.shape[1]):
        s.payment_records[now.record, kind] = s.totals[kind]


@kernel
def record_apps(s: Rows, out: Rows, layer: Rows) -> float:
    """What is recorded of all apps: their layer, sums of their categories, margins; returns gross profit, M$."""
    users, apps, live, cash = s.users, s.apps, s.live, s.cash
    for k in range(users.shape[0]):
        user = users[k]
        user.revenue = 0.0
        user.marketing = 0.0
        user.price = 0.0
        user.hhi = 0.0
        user.top1 = 0.0
        user.firms = 0.0
    count = live.shape[0]
    revenues = np.empty(count)
    margins = np.empty(count)
    counted = 0
    profit = 0.0
    money = 0.0
    out.apps_own_models = 0.0
    spenders = np.zeros(5)
    for position in range(count):
        app = apps[live[position]]
        user = users[app.category]
        revenue = app.revenue
        revenues[position] = revenue
        money += cash[app.account]
        profit += app.gross_profit
        out.apps_own_models += app.own_model
        user.revenue += revenue
        user.marketing += app.marketing
        user.price += app.price * (app.tourists + app.committed)
        user.firms += 1.0
        user.top1 = max(user.top1, revenue)
        if revenue >= MARGIN_COUNTS:
            margins[counted] = app.gross_profit / revenue
            counted += 1
        if app.api_spend > spenders[4]:
            spend = app.api_spend
            for place in range(5):
                if spend > spenders[place]:
                    spend, spenders[place] = spenders[place], spend
    layer.cash = money
    concentrate(revenues, layer)
    out.apps_over_100m = 0.0
    for k in range(users.shape[0]):
        user = users[k]
        if user.top1 * 12.0 > 100.0:
            out.apps_over_100m += 1.0
        user.top1 = user.top1 / user.revenue if user.revenue > 0.0 else 0.0
    # Shares before squares: the square of a tiny category's revenue is no number.
    for position in range(count):
        app = apps[live[position]]
        user = users[app.category]
        if user.revenue > 0.0:
            share = app.revenue / user.revenue
            user.hhi += share * share
    out.labs_top5_customers = spenders.sum()
    record_margins(out, margins[:counted])
    return profit


@inlined
def record_margins(out: Rows, margins: Rows) -> None:
    """Median, best and spread of the apps' gross margins, which are sorted in place."""
    count = margins.shape[0]
    sort_spread(margins)
    out.apps_margin_median = quantile(margins, count, 0.5)
    out.apps_margin_best = quantile(margins, count, 0.97)
    mean = 0.0
    for i in range(count):
        mean += margins[i] / count
    variance = 0.0
    for i in range(count):
        variance += (margins[i] - mean) ** 2 / count
    out.apps_margin_spread = math.sqrt(variance) if count > 0 else math.nan


@kernel
def record_categories(s: Rows, categories: Rows) -> None:
    """One row per category of customers."""
    users = s.users
    for k in range(users.shape[0]):
        user = users[k]
        row = categories[k]
        row.potential = user.potential
        row.customers = user.customers
        row.tourists = user.tourists
        row.revenue = user.revenue
        row.price = user.price / user.customers if user.customers > 0.0 else math.nan
        row.new_users = user.new_users
        row.joined = user.joined
        row.joined_tourists = user.joined_tourists
        row.left = user.left
        before = user.tourists - user.joined_tourists + user.left_tourists
        row.leave_tourists = user.left_tourists / before if before > 1e-12 else math.nan
        before = user.customers - user.tourists - (user.joined - user.joined_tourists) + user.left_committed
        row.leave_committed = user.left_committed / before if before > 1e-12 else math.nan
        row.marketing = user.marketing
        row.consumer_surplus = user.consumer_surplus
        row.apps = user.firms
        row.hhi = user.hhi
        row.top1 = user.top1
        row.price_taste = user.price_taste


@inlined
def record_rents(s: Rows, out: Rows) -> None:
    """The rent of a GPU-hour and its parts, weighted by hours sold; hours, capacity, accelerators."""
    clouds = s.clouds
    now = s.now[0]
    sold = 0.0
    capacity = 0.0
    out.rent = now.mean_rent
    out.contract_rent = 0.0
    out.marginal_cost = 0.0
    out.markup = 0.0
    out.scarcity_rent = 0.0
    out.full_unit_cost = 0.0
    out.installed = 0.0
    power = 0.0
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        sold += cloud.hours
        capacity += cloud.capacity
        out.contract_rent += cloud.hours * cloud.contract_rent
        out.marginal_cost += cloud.hours * cloud.running
        out.markup += cloud.hours * (cloud.reserve - cloud.running)
        out.scarcity_rent += cloud.hours * (cloud.rent - cloud.reserve)
        out.full_unit_cost += cloud.hours * cloud.full_cost
        out.installed += cloud.fleet_now
        power += cloud.hours * (cloud.reserve - cloud.running) / cloud.running
    if sold > 0.0:
        out.contract_rent /= sold
        out.marginal_cost /= sold
        out.markup /= sold
        out.scarcity_rent /= sold
        out.full_unit_cost /= sold
        power /= sold
    out.clouds_markup = power
    out.clouds_running_cost = out.marginal_cost
    out.rent_over_full_cost = out.rent - out.full_unit_cost
    out.hours_sold = sold
    out.hours_capacity = capacity
    out.utilisation = sold / capacity if capacity > 0.0 else math.nan
    out.generative_hours = now.generative_hours
    out.generative_share = now.generative_hours / sold if sold > 0.0 else math.nan
    out.unserved = 0.0
    if now.inference_wanted > 0.0:
        out.unserved = max(0.0, 1.0 - now.inference_served / now.inference_wanted)
    out.clearing_iterations = now.iterations


@inlined
def record_hardware(s: Rows, out: Rows) -> None:
    """Prices, deliveries, orders and lead times of chips; capacity, price and construction of foundries."""
    chipmakers, foundry, backlog = s.chipmakers, s.foundry, s.backlog
    now = s.now[0]
    out.chip_price = now.chip_price
    out.deliveries = now.deliveries
    out.chipmakers_markup = now.chip_margin
    out.backlog = 0.0
    out.lead_time = 0.0
    for v in range(chipmakers.shape[0]):
        orders = 0.0
        for c in range(backlog.shape[0]):
            orders += backlog[c, v]
        out.backlog += orders
        out.lead_time += orders * chipmakers[v].lead_time
    out.lead_time = out.lead_time / out.backlog if out.backlog > 0.0 else math.nan
    out.foundry_capacity = 0.0
    out.foundry_price = 0.0
    out.foundry_under_construction = 0.0
    for f in range(foundry.shape[0]):
        out.foundry_capacity += foundry[f].capacity
        out.foundry_price += foundry[f].capacity * foundry[f].price
        out.foundry_under_construction += foundry[f].building
    out.foundry_price = out.foundry_price / out.foundry_capacity if out.foundry_capacity > 0.0 else math.nan


@inlined
def record_customers(s: Rows, out: Rows, profit: float) -> None:
    """Customers of all apps, what they pay and cost; ``profit`` is the apps' gross profit, M$."""
    users = s.users
    now = s.now[0]
    out.consumer_surplus = 0.0
    joined = 0.0
    left = 0.0
    customers = 0.0
    out.apps_feature_gap = 0.0
    out.apps_price = 0.0
    marketing = 0.0
    for k in range(users.shape[0]):
        user = users[k]
        out.consumer_surplus += user.consumer_surplus
        joined += user.joined
        left += user.left
        customers += user.customers
        marketing += user.marketing
        out.apps_price += user.price
        out.apps_feature_gap += (user.best_feature - user.mean_feature) / users.shape[0]
    out.apps_customers = customers
    out.apps_price = out.apps_price / customers if customers > 0.0 else math.nan
    before = customers - joined + left
    out.apps_churn = left / before if before > 0.0 else math.nan
    out.apps_new_customers = joined
    out.apps_acquisition_cost = marketing / joined if joined > 0.0 else math.nan
    out.apps_own_model_share = now.own_tokens / now.tokens_served if now.tokens_served > 0.0 else 0.0
    out.apps_expected_growth = now.expected_growth
    out.apps_lifetime_value = math.nan
    if customers > 0.0 and left > 0.0:
        out.apps_lifetime_value = profit / customers / out.apps_churn


@inlined
def record_payments(out: Rows, totals: Rows) -> None:
    """Ratios of the month's payments by kind."""
    inference = totals[API] + totals[TRANSFER] + totals[HOSTED_INFERENCE] + totals[APP_COMPUTE]
    reached = totals[LAB_INFERENCE] + totals[HOST_COMPUTE] + totals[APP_COMPUTE]
    out.apps_inference_share = inference / totals[SUBSCRIPTION] if totals[SUBSCRIPTION] > 0.0 else math.nan
    out.apps_cloud_take = reached / totals[SUBSCRIPTION] if totals[SUBSCRIPTION] > 0.0 else math.nan
    out.labs_api_revenue = totals[API]
    out.labs_top5_customers = out.labs_top5_customers / totals[API] if totals[API] > 0.0 else math.nan
    out.labs_training = totals[LAB_TRAINING]
    bought = totals[API] + totals[TRANSFER]
    out.labs_inference_ratio = totals[LAB_INFERENCE] / bought if bought > 0.0 else math.nan


@inlined
def record_race(labs: Rows, out: Rows) -> None:
    """What companies have at stake in the race of models, lose, win and defend; backers' money and labs' beliefs."""
    out.labs_at_stake = 0.0
    out.labs_lost = 0.0
    out.labs_won = 0.0
    out.labs_defended = 0.0
    out.labs_backing = 0.0
    out.labs_belief = 0.0
    spent = 0.0
    for index in range(labs.shape[0]):
        lab = labs[index]
        if lab.alive == 1:
            out.labs_lost += lab.lost
            out.labs_won += lab.won
            out.labs_defended += lab.defended
            out.labs_backing += lab.backing
            out.labs_at_stake += lab.stake
            out.labs_belief += lab.belief * lab.training
            spent += lab.training
    out.labs_belief = out.labs_belief / spent if spent > 0.0 else math.nan


@inlined
def record_models(s: Rows, out: Rows) -> None:
    """Capability, releases and spending of labs; prices and costs of tokens, of labs and of hosts."""
    labs, offers = s.labs, s.offers
    now = s.now[0]
    out.labs_capability = now.frontier
    capabilities = np.empty(labs.shape[0])
    alive = 0
    out.labs_releases = 0.0
    tokens = 0.0
    out.labs_api_price = 0.0
    out.labs_serving_cost = 0.0
    for index in range(labs.shape[0]):
        lab = labs[index]
        if lab.alive == 1:
            capabilities[alive] = lab.capability
            alive += 1
            out.labs_releases += lab.released
            out.labs_api_price += lab.tokens * lab.price
            out.labs_serving_cost += lab.tokens * lab.unit_cost
            tokens += lab.tokens
    record_race(labs, out)
    ordered = capabilities[:alive].copy()
    ordered.sort()
    out.labs_capability_gap = now.frontier - quantile(ordered, alive, 0.5)
    out.labs_open_gap = now.frontier - now.open_frontier if now.open_frontier > UNPUBLISHED else math.nan
    out.labs_api_price = out.labs_api_price / tokens if tokens > 0.0 else math.nan
    out.labs_serving_cost = out.labs_serving_cost / tokens if tokens > 0.0 else math.nan
    out.labs_funded_spending = now.funded_spending
    out.labs_funded_compute = now.funded_compute
    out.unit_token_price = math.inf
    for o in range(offers.shape[0]):
        if offers[o].open == OPEN and labs[offers[o].lab].capability >= 0.0:
            out.unit_token_price = min(out.unit_token_price, offers[o].price)
    if math.isinf(out.unit_token_price):
        out.unit_token_price = math.nan
    out.hosts_tokens = 0.0
    out.hosts_price = 0.0
    for o in range(offers.shape[0]):
        if offers[o].seller_kind == HOST:
            out.hosts_tokens += offers[o].tokens * offers[o].service
            out.hosts_price += offers[o].tokens * offers[o].service * offers[o].price
    out.hosts_price = out.hosts_price / out.hosts_tokens if out.hosts_tokens > 0.0 else math.nan


@kernel
def record_market(s: Rows, out: Rows, profit: float) -> None:
    """One row of market-wide figures, but for what `record_apps` writes; ``profit`` is the apps' gross profit, M$."""
    now = s.now[0]
    out.hype = now.hype
    out.tokens = now.tokens_served
    out.investors_dry_powder = now.powder_apps + now.powder_labs
    record_rents(s, out)
    record_hardware(s, out)
    record_customers(s, out, profit)
    record_payments(out, s.totals)
    record_models(s, out)


@kernel
def record_firms(s: Rows) -> None:
    """A row per firm alive, from the first free row of the firms' records."""
    out, users, apps, live, routing, cash = s.firm_records, s.users, s.apps, s.live, s.routing, s.cash
    labs, hosts, clouds, chipmakers, foundry = s.labs, s.hosts, s.clouds, s.chipmakers, s.foundry
    now = s.now[0]
    first = now.firm_records
    month = now.month
    total = 0.0
    for k in range(users.shape[0]):
        total += users[k].revenue
    at = first
    sources = routing.shape[1] - 1
    for position in range(live.shape[0]):
        row = live[position]
        app = apps[row]
        record = out[at]
        record.month = month
        record.kind = APPS_KIND
        record.row = row
        record.identity = app.identity
        record.revenue = app.revenue
        record.share = app.revenue / total if total > 0.0 else 0.0
        record.price = app.price
        record.unit_cost = app.unit_cost
        record.gross_profit = app.gross_profit
        record.customers = app.tourists + app.committed
        record.cash = cash[app.account]
        record.capability = app.capability
        largest = 0
        for o in range(sources + 1):
            if routing[row, o] > routing[row, largest]:
                largest = o
        record.source = -1 if largest == sources else largest
        at += 1
    at = record_small(out, at, LABS_KIND, labs, cash, month)
    at = record_small(out, at, HOSTS_KIND, hosts, cash, month)
    at = record_small(out, at, CLOUDS_KIND, clouds, cash, month)
    at = record_small(out, at, CHIPMAKERS_KIND, chipmakers, cash, month)
    at = record_small(out, at, FOUNDRY_KIND, foundry, cash, month)
    at = first + live.shape[0]
    for index in range(labs.shape[0]):
        if labs[index].alive == 1:
            lab = labs[index]
            goods(out[at], lab.price, lab.unit_cost, lab.tokens * lab.service, lab.capability)
            at += 1
    for index in range(hosts.shape[0]):
        if hosts[index].alive == 1:
            host = hosts[index]
            served = host.tokens * host.service
            price = host.revenue / served if served > 0.0 else host.price
            goods(out[at], price, host.unit_cost, served, math.nan)
            at += 1
    for index in range(clouds.shape[0]):
        if clouds[index].alive == 1:
            goods(out[at], clouds[index].rent, clouds[index].running, clouds[index].hours, math.nan)
            at += 1
    for index in range(chipmakers.shape[0]):
        if chipmakers[index].alive == 1:
            maker = chipmakers[index]
            goods(out[at], maker.price, maker.cost, maker.delivered, maker.performance)
            at += 1
    for index in range(foundry.shape[0]):
        if foundry[index].alive == 1:
            plant = foundry[index]
            goods(out[at], plant.price, package_cost(plant, s.shared[0]), plant.starts, math.nan)
            at += 1
    now.firm_records = at


@inlined
def goods(record: Rows, price: float, unit_cost: float, volume: float, capability: float) -> None:
    """What differs between the goods of the layers."""
    record.price = price
    record.unit_cost = unit_cost
    record.customers = volume
    record.capability = capability
    record.source = math.nan


@inlined
def record_small(out: Rows, at: int, kind: int, firms: Rows, cash: Rows, month: int) -> int:
    """Rows of a small layer: what its firms have in common."""
    total = 0.0
    for index in range(firms.shape[0]):
        total += firms[index].revenue
    for index in range(firms.shape[0]):
        firm = firms[index]
        if firm.alive == 1:
            record = out[at]
            record.month = month
            record.kind = kind
            record.row = index
            record.identity = firm.identity
            record.revenue = firm.revenue
            record.share = firm.revenue / total if total > 0.0 else 0.0
            record.gross_profit = firm.gross_profit
            record.cash = cash[firm.account]
            at += 1
    return at


@kernel
def record_trade(s: Rows) -> None:
    """All tables of the month but turnover; firms only where there are rows for them.

    Checked: tests/market/state/test_ledger.py::test_layer_accounts_are_sums_of_the_ledger,
    tests/market/test_one_truth.py.
    """
    at = s.now[0].record
    layers = s.layer_records[at * len(LAYERS) : (at + 1) * len(LAYERS)]
    record_layers(s, layers)
    out = s.market_records[at]
    profit = record_apps(s, out, layers[APPS_KIND])
    categories = s.users.shape[0]
    record_categories(s, s.category_records[at * categories : (at + 1) * categories])
    record_market(s, out, profit)
    if s.firm_records.shape[0] > 0:
        record_firms(s)
