"""Capital: hype, commitments, rounds, what owners cover and what they take out.

Investors are one aggregate.  They commit new money to apps each month, more when hype is high, and out of what apps
pay out; apps ask for a round when their runway is short and their growth clears the hurdle, and share what is committed
when they ask for more.  Labs' money is in `moatlab.market.rules.funding`.
"""

from __future__ import annotations

import math

from moatlab.market.rules.conventions import together
from moatlab.market.rules.funding import fund_labs
from moatlab.market.state.compiled import Rows, inlined, kernel
from moatlab.market.state.draws import HYPE_SHOCK, normal
from moatlab.market.state.identity import INVESTORS_CODE, identity
from moatlab.market.state.posting import (
    APP_ADVANCE,
    APP_EQUITY,
    APP_PAYOUT,
    APP_REMITTANCE,
    APP_SUPPORT,
    APP_SWEEP,
    CHIP_FINANCE,
    CHIP_PAYOUT,
    CLOUD_FINANCE,
    CLOUD_PAYOUT,
    FOUNDRY_FINANCE,
    FOUNDRY_PAYOUT,
    HOST_PAYOUT,
    HOST_SUPPORT,
    INVESTORS,
    PARENTS,
    pay,
)


@kernel
def move_hype(s: Rows) -> None:
    """Hype and the discount rate of next month: a persistent log process fed by growth beyond the expected.

    Checked: tests/market/rules/test_stocks.py::test_hype_persists_and_follows_growth.
    """
    apps, live = s.apps, s.live
    shared = s.shared[0]
    now = s.now[0]
    revenue = 0.0
    for position in range(live.shape[0]):
        revenue += apps[live[position]].revenue
    if revenue > 0.0 and now.last_revenue > 0.0:
        change = math.log(revenue / now.last_revenue)
        change = min(max(change, -shared.investors_growth_bound), shared.investors_growth_bound)
        now.expected_growth += shared.compute_expectation_speed * (change - now.expected_growth)
    now.last_revenue = revenue
    surprise = now.expected_growth - shared.investors_expected_growth
    shock = normal(now.seed, HYPE_SHOCK, now.month, identity(INVESTORS_CODE, 0, 0))
    hype = shared.investors_hype_persistence * now.hype + shared.investors_hype_feedback * surprise
    hype += shared.investors_hype_volatility * shock
    now.hype = min(max(hype, -shared.investors_hype_bound), shared.investors_hype_bound)
    yearly = max(0.0, shared.investors_cost_of_capital - shared.investors_hype_discount * now.hype)
    now.discount = yearly / 12.0


@inlined
def round_wanted(app: Rows, lacking: float, burn: float, shared: Rows) -> float:
    """The round that an app asks for, M$: what its plans lack and months of burn, up to what its revenue is worth.

    Investors buy a share of the firm at a multiple of its revenue, so that a round is at most some years of revenue.
    """
    largest = 12.0 * app.revenue * shared.investors_largest_round
    size = min(lacking + shared.investors_round_months * burn, largest)
    return size * math.exp(app.access) if app.access != 0.0 else size


@inlined
def commit_money(s: Rows) -> None:
    """Investors commit new money to apps, into ``powder_apps``: more with hype, and part of what apps have paid out.

    Who holds enough uninvested commitments asks for fewer new ones.
    """
    shared = s.shared[0]
    now = s.now[0]
    flow = shared.investors_commitments * math.exp(shared.investors_hype_funding * now.hype)
    flow += shared.investors_recycled * now.app_payouts
    held = now.powder_apps / (shared.investors_powder_months * max(flow, 1e-9))
    now.powder_apps += flow * max(0.0, 1.0 - held)


@inlined
def fund_apps(s: Rows) -> None:
    """Rounds of apps: who is short or saves, and grows or is young, asks; all get the same share of what they ask."""
    apps, live, cash = s.apps, s.live, s.cash
    shared = s.shared[0]
    now = s.now[0]
    easing = shared.investors_hurdle_easing * shared.investors_hype_funding
    hurdle = shared.investors_growth_hurdle - easing * now.hype
    asked = 0.0
    for step in range(2):
        grant = min(1.0, now.powder_apps / asked) if asked > 0.0 else 0.0
        for position in range(live.shape[0]):
            app = apps[live[position]]
            if app.incumbent == 1 or app.owner >= 0:
                continue
            burn = app.outlay - app.gross_profit
            short = burn > 0.0 and cash[app.account] < shared.investors_runway * burn
            lacking = max(0.0, app.saving - max(0.0, cash[app.account]))
            young = now.month - app.birth < shared.investors_grace_months
            if (short or lacking > 0.0) and (app.growth > hurdle or young):
                request = round_wanted(app, lacking, burn if short else 0.0, shared)
                if step == 0:
                    asked += request
                else:
                    pay(s, APP_EQUITY, INVESTORS, app.account, request * grant)
                    now.powder_apps = max(0.0, now.powder_apps - request * grant)


@inlined
def settle_owners_of_apps(s: Rows) -> None:
    """What owners cover of their apps' deficits, and what apps pay out beyond their reserves."""
    apps, live, labs, cash = s.apps, s.live, s.labs, s.cash
    shared = s.shared[0]
    for position in range(live.shape[0]):
        app = apps[live[position]]
        app.access *= 1.0 - shared.investors_access_decay
        money = cash[app.account]
        # What it saves for its own model, and owes for it next month, is not paid out.
        reserve = shared.apps_payout_months * (app.outlay + max(0.0, app.revenue - app.gross_profit))
        reserve += app.saving + app.next_own_budget
        if app.owner >= 0:
            # The owner leaves some months' costs in its app and has the rest.
            reserve = shared.apps_owned_reserve * reserve / shared.apps_payout_months
            account = labs[app.owner].account
            if money < 0.0:
                pay(s, APP_ADVANCE, account, app.account, -money)
            elif money > reserve:
                pay(s, APP_SWEEP, app.account, account, money - reserve)
        elif app.incumbent == 1:
            if money < 0.0:
                pay(s, APP_SUPPORT, PARENTS, app.account, -money)
            elif money > reserve:
                spare = (money - reserve) / shared.investors_payout_period
                pay(s, APP_REMITTANCE, app.account, PARENTS, spare)
        elif money > reserve:
            pay(s, APP_PAYOUT, app.account, INVESTORS, (money - reserve) / shared.investors_payout_period)


@kernel
def raise_rounds(s: Rows) -> None:
    """Commitments, rounds of labs, apps and hosts, and money of parents and owners.

    Checked: tests/market/rules/test_capital.py, tests/market/state/test_ledger.py,
    tests/textbook/test_research.py::test_a_capped_profit_lab_spends_on_training_what_its_owners_may_not_have.
    """
    hosts, cash = s.hosts, s.cash
    shared = s.shared[0]
    now = s.now[0]
    commit_money(s)
    fund_labs(s)
    fund_apps(s)
    settle_owners_of_apps(s)
    now.app_payouts = s.totals[APP_PAYOUT]
    for index in range(hosts.shape[0]):
        host = hosts[index]
        if host.alive == 1:
            reserve = shared.hosts_payout_months * host.staff * host.number
            if cash[host.account] < 0.0:
                wanted = shared.hosts_round_months * host.staff * host.number - cash[host.account]
                pay(s, HOST_SUPPORT, INVESTORS, host.account, wanted)
            elif cash[host.account] > reserve:
                spare = (cash[host.account] - reserve) / shared.investors_payout_period
                pay(s, HOST_PAYOUT, host.account, INVESTORS, spare)


@kernel
def balance_infrastructure(s: Rows) -> None:
    """Owners cover what clouds, chipmakers and the foundry lack, and take what they do not need.

    A cloud whose company has more than an equal share of revenue gains access to capital, which fades.

    Checked: tests/market/rules/test_stocks.py::test_owners_of_infrastructure_cover_what_is_lacking.
    """
    clouds, chipmakers, foundry, cash = s.clouds, s.chipmakers, s.foundry, s.cash
    shared = s.shared[0]
    revenue = 0.0
    companies = 0
    for c in range(clouds.shape[0]):
        revenue += clouds[c].revenue
        first = 1
        for d in range(c):
            if together(clouds[c], clouds[d]):
                first = 0
        companies += first
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        mine = cloud.revenue
        for d in range(clouds.shape[0]):
            if d != c and together(cloud, clouds[d]):
                mine += clouds[d].revenue
        lead = mine / revenue - 1.0 / companies if revenue > 0.0 else 0.0
        cloud.access += shared.clouds_access_gain * lead - shared.clouds_access_decay * cloud.access
        money = cash[cloud.account]
        reserve = cloud.budget
        if money < 0.0:
            pay(s, CLOUD_FINANCE, PARENTS, cloud.account, -money)
        elif money > reserve:
            pay(s, CLOUD_PAYOUT, cloud.account, PARENTS, (money - reserve) / shared.investors_payout_period)
    for v in range(chipmakers.shape[0]):
        maker = chipmakers[v]
        money = cash[maker.account]
        reserve = shared.chipmakers_payout_months * maker.outlay
        if money < 0.0:
            pay(s, CHIP_FINANCE, INVESTORS, maker.account, -money)
        elif money > reserve:
            pay(s, CHIP_PAYOUT, maker.account, INVESTORS, (money - reserve) / shared.investors_payout_period)
    for f in range(foundry.shape[0]):
        plant = foundry[f]
        money = cash[plant.account]
        reserve = shared.foundry_payout_months * plant.outlay
        if money < 0.0:
            pay(s, FOUNDRY_FINANCE, INVESTORS, plant.account, -money)
        elif money > reserve:
            pay(s, FOUNDRY_PAYOUT, plant.account, INVESTORS, (money - reserve) / shared.investors_payout_period)
