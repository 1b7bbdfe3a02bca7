"""Exit, and the making of newcomers: who has no value or no money leaves, startups choose traits, sources, prices."""

from __future__ import annotations

import math

import numpy as np

from moatlab.market.rules.apps import refresh_app
from moatlab.market.rules.costs import lean_overhead, overhead
from moatlab.market.rules.entry import going_concern
from moatlab.market.rules.offers import reachable, sold_to
from moatlab.market.rules.pricing import (
    BUNDLED,
    METERED,
    app_price_wanted,
    quota_wanted,
    token_price_wanted,
)
from moatlab.market.rules.use import quota_worth
from moatlab.market.rules.users import differentiation
from moatlab.market.state.compiled import Rows, inlined, kernel
from moatlab.market.state.draws import (
    BRAND_SHOCK,
    CATEGORY_AT_BIRTH,
    CUSTOMERS_AT_BIRTH,
    EXIT,
    FEATURE_AT_BIRTH,
    PRICE_TASTE,
    SOURCES_AT_BIRTH,
    USAGE_FACTOR,
    normal,
    uniform,
    uniforms,
)
from moatlab.market.state.identity import APPS_CODE, identity
from moatlab.market.state.posting import (
    APP_EQUITY,
    APP_FOUNDING,
    APP_PAYOUT,
    APP_WRITE_OFF,
    INVESTORS,
    LAB_PAYOUT,
    LAB_WRITE_OFF,
    SUPPLIERS,
    pay,
)
from moatlab.results.slugs import START

#: Rules of attachment, in the order of the registry's choices.
UNIFORM, PREFERENTIAL = 0, 1
#: Identities of a month's cohort: category times this, plus the index within the category.
COHORT = 1 << 20


@kernel
def leave(s: Rows) -> None:
    """Exit of apps and labs without cash and without a round, without a prospect, and of apps for other reasons.

    An app past its first years closes once it is worth less as a going concern than nothing; others end for reasons
    that lie outside the market (``exit_hazard``: founders, lawsuits, sales for the team).  Customers return to the
    non-users of their category, contracts end, what is left goes to the investors, and what is owed is lost to
    suppliers.  Apps of incumbents and of living labs are covered by their owners.

    Checked: tests/market/rules/test_capital.py::test_who_leaves_owes_money_and_leaves_the_debt_to_suppliers,
    tests/market/rules/test_entry.py.
    """
    users, apps, live, labs, cash = s.users, s.apps, s.live, s.labs, s.cash
    shared = s.shared[0]
    now = s.now[0]
    now.exits = 0.0
    now.lab_exits = 0.0
    for index in range(labs.shape[0]):
        lab = labs[index]
        broke = cash[lab.account] < 0.0 and lab.parent_budget <= 0.0 and lab.cash_flow <= 0.0
        if lab.alive == 1 and (broke or lab.losing >= shared.labs_patience):
            if cash[lab.account] < 0.0:
                pay(s, LAB_WRITE_OFF, SUPPLIERS, lab.account, -cash[lab.account])
            else:
                pay(s, LAB_PAYOUT, lab.account, INVESTORS, cash[lab.account])
            lab.alive = 0
            lab.run_hours = 0.0
            lab.training_budget = 0.0
            lab.staff = 0.0
            now.lab_exits += 1.0
    kept = 0
    drawn = uniforms(now.seed, EXIT, now.month, apps, live)
    for position in range(live.shape[0]):
        row = live[position]
        app = apps[row]
        covered = app.incumbent == 1 or (app.owner >= 0 and labs[max(app.owner, 0)].alive == 1)
        gone = cash[app.account] < 0.0 or drawn[position] < shared.apps_exit_hazard
        if not (covered or gone) and now.month - app.birth >= shared.apps_exit_age:
            gone = going_concern(app, users[app.category], lean_overhead(app, shared), shared) < 0.0
        if gone and not covered:
            if cash[app.account] < 0.0:
                pay(s, APP_WRITE_OFF, SUPPLIERS, app.account, -cash[app.account])
            else:
                pay(s, APP_PAYOUT, app.account, INVESTORS, cash[app.account])
            app.alive = 0
            app.tourists = 0.0
            app.committed = 0.0
            app.own_model = 0
            now.exits += 1.0
        else:
            live[kept] = row
            kept += 1
    now.kept = kept


@inlined
def draw_traits(app: Rows, user: Rows, shared: Rows, now: Rows) -> None:
    """Traits of a generated startup, by its identity: price taste, features, brand."""
    seed = now.seed
    who = app.identity
    app.price_taste_factor = math.exp(shared.apps_price_taste_spread * normal(seed, PRICE_TASTE, 0, who))
    app.usage_factor = math.exp(shared.apps_usage_spread * normal(seed, USAGE_FACTOR, 0, who))
    app.feature = user.mean_feature + shared.apps_feature_spread * normal(seed, FEATURE_AT_BIRTH, 0, who)
    app.brand = shared.apps_brand_spread * normal(seed, BRAND_SHOCK, app.birth, who)


@inlined
def pick_sources(
    row: int, app: Rows, sellers: Rows, routing: Rows, offers: Rows, labs: Rows, hosts: Rows, shared: Rows, now: Rows
) -> None:
    """Labs that a newcomer integrates: uniform, or by their share of tokens (Gumbel-top-k); hosts are open to all."""
    n_labs = labs.shape[0]
    wanted = int(shared.apps_entrant_sources)
    scores = np.empty(n_labs)
    tokens = 1e-12
    for index in range(n_labs):
        tokens += labs[index].tokens
    for index in range(n_labs):
        u = uniform(now.seed, SOURCES_AT_BIRTH, labs[index].identity, app.identity)
        weight = 1.0
        if shared.apps_attachment != UNIFORM:
            weight = shared.apps_attachment_floor + labs[index].tokens / tokens
        scores[index] = math.log(weight) - math.log(-math.log(u))
        if not sold_to(offers[index], app.owner, app.category):
            scores[index] = -1e300
        sellers[row, index] = 0
    for _ in range(min(wanted, n_labs)):
        best = -1
        for index in range(n_labs):
            if sellers[row, index] == 0 and scores[index] > -1e299 and (best < 0 or scores[index] > scores[best]):
                best = index
        if best >= 0:
            sellers[row, best] = 1
    for index in range(hosts.shape[0]):
        sellers[row, n_labs + index] = 1
    for o in range(offers.shape[0] + 1):
        routing[row, o] = 0.0
    for o in range(offers.shape[0]):
        if reachable(row, app, offers[o], sellers, n_labs):
            routing[row, o] = 1.0


@inlined
def settle_in(row: int, app: Rows, user: Rows, routing: Rows, offers: Rows, grades: Rows, shared: Rows) -> None:
    """First routing, quota and price of a firm, consistent with one another."""
    total = 0.0
    for o in range(offers.shape[0] + 1):
        total += routing[row, o]
    if total > 0.0:
        for o in range(offers.shape[0] + 1):
            routing[row, o] /= total
    first = app.price
    app.quota = 1.0
    refresh_app(row, app, user, routing, offers, grades, shared)
    app.quota = quota_wanted(app, user, app.token_cost, shared)
    if app.plan == METERED and app.price_rule != BUNDLED:
        if app.token_price <= 0.0:
            app.token_price = app.token_cost
            for _ in range(8):
                app.token_price = token_price_wanted(app, user, shared, app.token_price)
        app.quota = quota_wanted(app, user, app.token_price, shared)
        app.price = app.token_price * app.quota
    elif first <= 0.0:
        app.price = app_price_wanted(app, user, shared)
    refresh_app(row, app, user, routing, offers, grades, shared)
    app.use_value = quota_worth(app, user, shared)
    app.next_price = app.price
    app.next_token_price = app.token_price
    app.next_quota = app.quota


@kernel
def enter(s: Rows) -> None:
    """Make the entrants counted: in the first free rows, traits by identity, seed money from the investors.

    Checked: tests/textbook/test_attachment.py,
    tests/market/rules/test_capital.py::test_without_worth_there_is_no_round_but_the_seed.
    """
    users, apps, counts, sellers, routing, app_places = s.users, s.apps, s.entrants, s.sellers, s.routing, s.app_places
    app_edges, offers, grades, labs, hosts = s.app_edges, s.offers, s.grades, s.labs, s.hosts
    shared = s.shared[0]
    now = s.now[0]
    row = now.rows
    for position in range(now.kept, s.live.shape[0]):
        s.live[position] = row + position - now.kept
    now.entries = 0.0
    for k in range(users.shape[0]):
        for index in range(counts[k]):
            app = apps[row]
            app.category = k
            app.owner = -1
            app.birth = now.month
            app.identity = identity(APPS_CODE, now.month, (users[k].identity & 0xFFF) * COHORT + index)
            app.account = now.app_account + row
            app.alive = 1
            app.generated = 1
            app.service = 1.0
            app.own_service = 1.0
            app.awareness = shared.apps_entrant_awareness
            app.data = 0.0
            draw_traits(app, users[k], shared, now)
            pick_sources(row, app, sellers, routing, offers, labs, hosts, shared, now)
            for c in range(app_edges.shape[1]):
                app_edges[row, c] = 1 - s.clouds[c].private
                app_places[row, c] = 0.0
            settle_in(row, app, users[k], routing, offers, grades, shared)
            pay(s, APP_EQUITY, INVESTORS, app.account, shared.apps_entry_cost + shared.apps_startup_cash)
            pay(s, APP_FOUNDING, app.account, SUPPLIERS, shared.apps_entry_cost)
            app.rnd = shared.apps_rnd_share * shared.apps_startup_cash / shared.apps_spending_horizon
            app.marketing = shared.apps_marketing_share * shared.apps_startup_cash / shared.apps_spending_horizon
            app.outlay = overhead(app, shared) + app.rnd + app.marketing
            now.entries += 1.0
            row += 1
    now.rows = row


@kernel
def found(apps: Rows, users: Rows, order: Rows, bounds: Rows, seed: int) -> None:
    """Category and identity of the generated ``apps`` of month 0.

    ``order`` are the rows of the categories and ``bounds`` the upper bounds of their odds, both [categories].
    """
    taken = np.zeros(order.shape[0], np.int64)
    for index in range(apps.shape[0]):
        u = uniform(seed, CATEGORY_AT_BIRTH, 0, index)
        place = 0
        while place < order.shape[0] - 1 and bounds[place] < u:
            place += 1
        k = order[place]
        apps[index].category = k
        apps[index].identity = identity(APPS_CODE, 0, (users[k].identity & 0xFFF) * COHORT + START + taken[k])
        taken[k] += 1


@kernel
def populate(s: Rows) -> None:
    """Traits, first routing and first prices of the apps of month 0; generated ones draw theirs by identity."""
    users, apps, live, sellers, routing = s.users, s.apps, s.live, s.sellers, s.routing
    offers, grades, labs, hosts, cash = s.offers, s.grades, s.labs, s.hosts, s.cash
    shared = s.shared[0]
    now = s.now[0]
    for k in range(users.shape[0]):
        users[k].crowd = 0.0
    for position in range(live.shape[0]):
        app = apps[live[position]]
        users[app.category].crowd += 1.0 - math.exp(-(app.awareness + app.distribution))
    for k in range(users.shape[0]):
        users[k].dissimilarity = differentiation(users[k].crowd, shared)
    for position in range(live.shape[0]):
        row = live[position]
        app = apps[row]
        user = users[app.category]
        if app.generated == 1:
            draw_traits(app, user, shared, now)
            pick_sources(row, app, sellers, routing, offers, labs, hosts, shared, now)
            size = math.exp(shared.apps_startup_spread * normal(now.seed, CUSTOMERS_AT_BIRTH, 0, app.identity))
            app.committed = shared.apps_startup_customers * size
        settle_in(row, app, user, routing, offers, grades, shared)
        customers = app.tourists + app.committed
        app.revenue = customers * app.price
        app.last_revenue = app.revenue
        app.gross_profit = app.revenue - customers * app.unit_cost
        app.data = customers * app.quota / max(shared.apps_data_decay, 0.01)
        app.outlay = overhead(app, shared)
        budget = max(0.0, app.gross_profit) + max(0.0, cash[app.account]) / shared.apps_spending_horizon
        app.rnd = shared.apps_rnd_share * budget
        app.marketing = shared.apps_marketing_share * budget
        app.outlay += app.rnd + app.marketing
