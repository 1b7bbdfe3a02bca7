"""Settlement: every payment of the month for goods and services is posted, and firms' accounts follow.

Calls that were not served are neither sold nor paid for: apps pay for what was served and credit their customers.
Part of inference pays the contract rent, the rest and all training the spot rent.
"""

from __future__ import annotations

import numpy as np

from moatlab.market.rules.costs import overhead, served_token_cost
from moatlab.market.rules.offers import offer_price
from moatlab.market.state.codes import APP, HOST, LAB
from moatlab.market.state.codes import OUTSIDE as ELSEWHERE
from moatlab.market.state.compiled import Rows, inlined, kernel
from moatlab.market.state.posting import (
    API,
    APP_COMPUTE,
    APP_OVERHEAD,
    APP_RND,
    APP_TRAINING,
    APP_VARIABLE_COST,
    ENTERPRISE_AGREEMENT,
    HOST_COMPUTE,
    HOST_STAFF,
    HOSTED_INFERENCE,
    LAB_INFERENCE,
    LAB_STAFF,
    LAB_TRAINING,
    LICENCE,
    MARKETING,
    OUTSIDE,
    OUTSIDE_COMPUTE,
    REVENUE_SHARE,
    RUNNING_COST,
    SUBSCRIPTION,
    SUPPLIERS,
    TRANSFER,
    USERS,
    note,
    pay,
)


@kernel
def settle_apps(s: Rows) -> None:
    """Apps' sales and their payments for tokens, features, marketing and overhead, M$.

    Writes the share of calls served, revenue and costs of apps, and the sales of labs and hosts.

    Checked: tests/reference/test_oracle.py, tests/market/test_one_truth.py, tests/market/state/test_ledger.py.
    """
    apps, live, routing, offers, labs = s.apps, s.live, s.routing, s.offers, s.labs
    hosts, book, cash, totals = s.hosts, s.book, s.cash, s.totals
    shared = s.shared[0]
    now = s.now[0]
    month = now.month
    count = offers.shape[0]
    open_sales(s)
    # The month's payments of an app are written one by one and moved at once: accounts and sums by kind are touched
    # once per firm here instead of once per payment, which `pay` would do.
    cursor = int(totals[-1])
    sold = 0.0
    fees_paid = 0.0
    marketing_paid = 0.0
    rnd_paid = 0.0
    overhead_paid = 0.0
    own_tokens = 0.0
    tokens_served = 0.0
    for position in range(live.shape[0]):
        row = live[position]
        app = apps[row]
        account = app.account
        special = app.owner >= 0 or app.deal > 0
        shares = routing[row]
        service = shares[count] * app.own_service if app.own_model == 1 else 0.0
        own_tokens += service * app.tokens
        inference = 0.0
        api_spend = 0.0
        for o in range(count):
            share = shares[o]
            if share <= 0.0:
                continue
            offer = offers[o]
            service += share * offer.service
            tokens = app.tokens * share * offer.service
            amount = tokens * (offer_price(app, offer, shared) if special else offer.price)
            inference += amount
            if offer.seller_kind == LAB:
                lab = labs[offer.seller]
                lab.revenue += amount
                lab.data += tokens
                if app.owner == offer.seller:
                    totals[TRANSFER] += amount
                    cursor = note(book, cursor, month, TRANSFER, account, lab.account, amount)
                else:
                    lab.api_revenue += amount
                    api_spend += amount
                    totals[API] += amount
                    cursor = note(book, cursor, month, API, account, lab.account, amount)
            else:
                host = hosts[offer.seller]
                host.revenue += amount
                totals[HOSTED_INFERENCE] += amount
                cursor = note(book, cursor, month, HOSTED_INFERENCE, account, host.account, amount)
        # Rounding of shares that add to one.
        service = min(service, 1.0)
        app.service = service
        app.inference = inference
        app.api_spend = api_spend
        tokens_served += app.tokens * service
        customers = app.tourists + app.committed
        revenue = app.price * customers * (1.0 - shared.users_refund_share * (1.0 - service))
        agreement = 0.0
        if app.own_model == 1 and app.base > 0 and labs[app.base - 1].alive == 1:
            maker = labs[app.base - 1]
            agreement = maker.enterprise_fee
            maker.revenue += agreement
            totals[ENTERPRISE_AGREEMENT] += agreement
            cursor = note(book, cursor, month, ENTERPRISE_AGREEMENT, account, maker.account, agreement)
        fees = shared.apps_variable_cost * revenue
        fixed = overhead(app, shared)
        app.last_revenue = app.revenue
        app.revenue = revenue
        cursor = note(book, cursor, month, SUBSCRIPTION, USERS, account, revenue)
        cursor = note(book, cursor, month, APP_VARIABLE_COST, account, SUPPLIERS, fees)
        cursor = note(book, cursor, month, MARKETING, account, SUPPLIERS, app.marketing)
        cursor = note(book, cursor, month, APP_RND, account, SUPPLIERS, app.rnd)
        cursor = note(book, cursor, month, APP_OVERHEAD, account, SUPPLIERS, fixed)
        sold += revenue
        fees_paid += fees
        marketing_paid += app.marketing
        rnd_paid += app.rnd
        overhead_paid += fixed
        app.gross_profit = revenue - fees - inference
        cash[account] += app.gross_profit - app.marketing - app.rnd - fixed - agreement
        app.outlay += shared.apps_smoothing * (fixed + agreement + app.rnd + app.marketing - app.outlay)
        app.data = app.data * (1.0 - shared.apps_data_decay) + app.tokens * service
    now.own_tokens = own_tokens
    now.tokens_served = tokens_served
    totals[-1] = cursor
    totals[SUBSCRIPTION] += sold
    totals[APP_VARIABLE_COST] += fees_paid
    totals[MARKETING] += marketing_paid
    totals[APP_RND] += rnd_paid
    totals[APP_OVERHEAD] += overhead_paid
    cash[USERS] -= sold
    cash[SUPPLIERS] += fees_paid + marketing_paid + rnd_paid + overhead_paid
    close_sales(s)


@inlined
def open_sales(s: Rows) -> None:
    """Sales of labs and hosts start at nothing; what share of its calls each offer has served."""
    offers, labs, hosts = s.offers, s.labs, s.hosts
    for index in range(labs.shape[0]):
        lab = labs[index]
        lab.revenue = 0.0
        lab.api_revenue = 0.0
        lab.data *= 1.0 - s.shared[0].labs_data_decay
    for index in range(hosts.shape[0]):
        hosts[index].revenue = 0.0
    for o in range(offers.shape[0]):
        offer = offers[o]
        offer.service = labs[offer.seller].service if offer.seller_kind == LAB else hosts[offer.seller].service


@inlined
def close_sales(s: Rows) -> None:
    """Labs and hosts receive what apps paid; hosts pay their staff, and licences to the makers of what they serve."""
    offers, labs, hosts, cash = s.offers, s.labs, s.hosts, s.cash
    shared = s.shared[0]
    for index in range(labs.shape[0]):
        cash[labs[index].account] += labs[index].revenue
    for index in range(hosts.shape[0]):
        cash[hosts[index].account] += hosts[index].revenue
    for index in range(hosts.shape[0]):
        host = hosts[index]
        host.gross_profit = host.revenue
        if host.alive == 1:
            pay(s, HOST_STAFF, host.account, SUPPLIERS, host.staff * host.number)
    for o in range(offers.shape[0]):
        offer = offers[o]
        if offer.seller_kind == HOST:
            host = hosts[offer.seller]
            lab = labs[offer.lab]
            amount = shared.hosts_licence_share * offer.tokens * offer.service * offer.price
            if lab.alive == 1 and lab.hosting_agreement == 1 and amount > 0.0:
                pay(s, LICENCE, host.account, lab.account, amount)
                lab.revenue += amount
                host.gross_profit -= amount


@kernel
def settle_compute(s: Rows) -> None:
    """GPU-hours are paid by cloud; labs pay staff and their partner's share; clouds pay for running their fleets.

    Checked: tests/reference/test_oracle.py, tests/market/test_one_truth.py, tests/market/state/test_ledger.py.
    """
    buyers, hours, trained, clouds, labs = s.buyers, s.matrices[2], s.matrices[3], s.clouds, s.labs
    hosts, apps, book, cash, totals = s.hosts, s.apps, s.book, s.cash, s.totals
    shared = s.shared[0]
    now = s.now[0]
    count = now.buyers
    month = now.month
    contract = shared.compute_contract_share
    n = clouds.shape[0]
    mixed = np.empty(n)
    to_labs = np.zeros(n)
    for c in range(n):
        cloud = clouds[c]
        mixed[c] = contract * cloud.contract_rent + (1.0 - contract) * cloud.rent
        cloud.revenue = 0.0
        cloud.cost_of_goods = cloud.hours * (cloud.running - cloud.levy)
        pay(s, RUNNING_COST, cloud.account, SUPPLIERS, cloud.cost_of_goods)
    for index in range(labs.shape[0]):
        labs[index].inference_cost = 0.0
        labs[index].training = 0.0
    # As in `settle_apps`, a buyer's payments are written one by one and moved at once.
    cursor = int(totals[-1])
    for b in range(count):
        buyer = buyers[b]
        kind = OUTSIDE_COMPUTE
        training_kind = LAB_TRAINING
        payer = OUTSIDE
        if buyer.kind == LAB:
            kind = LAB_INFERENCE
            payer = labs[buyer.row].account
        elif buyer.kind == HOST:
            kind = HOST_COMPUTE
            payer = hosts[buyer.row].account
        elif buyer.kind == APP:
            kind = APP_COMPUTE
            training_kind = APP_TRAINING
            payer = apps[buyer.row].account
        serving = 0.0
        training = 0.0
        for c in range(n):
            cloud = clouds[c]
            served = hours[b, c] * (cloud.rent if buyer.kind == ELSEWHERE else mixed[c])
            amount = trained[b, c] * cloud.rent
            cursor = note(book, cursor, month, kind, payer, cloud.account, served)
            cursor = note(book, cursor, month, training_kind, payer, cloud.account, amount)
            serving += served
            training += amount
            cloud.revenue += served + amount
            if buyer.kind == LAB:
                to_labs[c] += served + amount
        cash[payer] -= serving + training
        totals[kind] += serving
        totals[training_kind] += training
        if buyer.kind == LAB:
            labs[buyer.row].inference_cost += serving
            labs[buyer.row].training += training
        elif buyer.kind == HOST:
            hosts[buyer.row].gross_profit -= serving
        elif buyer.kind == APP:
            apps[buyer.row].inference += serving
            apps[buyer.row].gross_profit -= serving
    totals[-1] = cursor
    for c in range(n):
        cash[clouds[c].account] += clouds[c].revenue
    share_revenue(s)
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        cloud.gross_profit = cloud.revenue - cloud.cost_of_goods
        cloud.depreciation = cloud.book / shared.clouds_life
        cloud.book -= cloud.depreciation
        cloud.cash_flow += shared.clouds_smoothing * (cloud.gross_profit - cloud.cash_flow)
        # Labs buy under contract: lenders look at what they pay.
        part = to_labs[c] / cloud.revenue if cloud.revenue > 0.0 else 0.0
        cloud.contracted += shared.clouds_smoothing * (part - cloud.contracted)


@inlined
def share_revenue(s: Rows) -> None:
    """Labs pay their staff and the partner's share of their revenue, which is the partner cloud's revenue."""
    labs, clouds = s.labs, s.clouds
    shared = s.shared[0]
    for index in range(labs.shape[0]):
        lab = labs[index]
        if lab.alive == 0:
            continue
        lab.cost_of_goods = lab.inference_cost
        pay(s, LAB_STAFF, lab.account, SUPPLIERS, lab.staff)
        if lab.partner >= 0 and lab.revenue_share > 0.0:
            amount = lab.revenue_share * lab.revenue
            partner = clouds[lab.partner]
            lab.cost_of_goods += amount
            partner.revenue += amount
            pay(s, REVENUE_SHARE, lab.account, partner.account, amount)
        lab.gross_profit = lab.revenue - lab.cost_of_goods
        lab.smooth_revenue += shared.labs_smoothing * (lab.api_revenue - lab.smooth_revenue)


@kernel
def account_labs(s: Rows) -> None:
    """What labs' tokens cost them this month ($ per Mtok), and how much of their spending came out of funding.

    Checked: tests/textbook/test_compute.py::test_costs_travel_down_the_chain_by_input_intensity.
    """
    labs = s.labs
    shared = s.shared[0]
    now = s.now[0]
    contract = shared.compute_contract_share
    now.funded_spending = 0.0
    now.funded_compute = 0.0
    for index in range(labs.shape[0]):
        lab = labs[index]
        if lab.alive == 0:
            continue
        served = lab.tokens * lab.service
        if served > 0.0:
            lab.unit_cost = served_token_cost(lab, lab.inference_cost / served)
        else:
            rent = contract * now.expected_rent + (1.0 - contract) * now.mean_rent
            lab.unit_cost = served_token_cost(lab, lab.hours_per_token * rent)
        spending = lab.training + lab.staff
        own = min(spending, shared.labs_training_share * max(0.0, lab.gross_profit))
        if spending > 0.0:
            now.funded_spending += spending - own
            now.funded_compute += lab.training * (1.0 - own / spending)
