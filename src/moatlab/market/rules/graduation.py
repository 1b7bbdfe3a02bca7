"""Graduation: whether an app makes its own model or buys tokens, refreshes the model it has, or gives it up.

Everything is compared in utils per customer of the app, the users' own metric, and turned into dollars at
customers / alpha a util: by the rule of prices, mu / (alpha r (1 - s)) of markup on r (1 - s) / mu more customers.
Sources: Stigler 1951 (volume makes integration pay), Williamson 1985 (terms of make-or-buy).
"""

from __future__ import annotations

import math

import numpy as np

from moatlab.market.rules.conventions import annuity, relative_data
from moatlab.market.rules.offers import (
    hours_per_token,
    list_worths,
    own_hours_per_token,
    pays_list_price,
    reachable,
    special_price,
)
from moatlab.market.rules.use import model_worth, model_worth_at, point_worth, worth_of_price
from moatlab.market.state.codes import LAB, UNPUBLISHED
from moatlab.market.state.compiled import Rows, inlined, kernel
from moatlab.market.state.draws import REVIEW, uniforms

#: Codes of the rule of graduation, in the order of the registry's choices.
OFF, NPV, FORCED = 0, 1, 2
#: Ways to an own model: fine-tune an open checkpoint, or train from scratch.
FINETUNE, SCRATCH = 0, 1
#: Other outcomes of a review: all stays as it is, the own model is given up.
STAY, GIVE_UP = -1, -2
#: Columns of a plan: capability in points, training hours in Mh, one-off cost in M$, GPU-hours per Mtok.
CAPABILITY, TRAINING, COST, SERVING = range(4)
#: Below this many customers (millions) an app does not think of a model of its own.
FEWEST_CUSTOMERS = 1e-6


@inlined
def best_base(labs: Rows, specialisation: Rows, category: int) -> int:
    """Row of the lab with the published checkpoint that does most in the category; -1 where none is published."""
    best = -1
    height = -1e300
    for index in range(labs.shape[0]):
        if labs[index].published > UNPUBLISHED:
            points = labs[index].published + specialisation[index, category]
            if points > height:
                best = index
                height = points
    return best


@inlined
def best_bases(users: Rows, labs: Rows, specialisation: Rows) -> Rows:
    """`best_base` of every category."""
    bases = np.empty(users.shape[0], np.int64)
    for k in range(users.shape[0]):
        bases[k] = best_base(labs, specialisation, k)
    return bases


@inlined
def upkeep(base: int, labs: Rows, shared: Rows) -> float:
    """Monthly fixed cost of an own model on the checkpoint of lab ``base`` (-1 for none), M$.

    The team, refresh training, and the enterprise agreement with the checkpoint's maker while it lives.
    """
    fee = labs[base].enterprise_fee if base >= 0 and labs[base].alive == 1 else 0.0
    return shared.apps_team_cost + shared.apps_refresh_cost + fee


@inlined
def plan_models(bases: Rows, labs: Rows, specialisation: Rows, shared: Rows, now: Rows) -> Rows:
    """What models made now would be, without an app's own data: [categories, options, columns].

    Fine-tuning takes a fixed cost and a share of the checkpoint's own training compute.
    """
    plans = np.zeros((bases.shape[0], 2, 4))
    for k in range(bases.shape[0]):
        base = bases[k]
        if base >= 0:
            hours = labs[base].published_hours
            plans[k, FINETUNE, CAPABILITY] = labs[base].published + specialisation[base, k]
            plans[k, FINETUNE, TRAINING] = hours
            plans[k, FINETUNE, COST] = shared.apps_finetune_cost
            plans[k, FINETUNE, COST] += shared.apps_finetune_share * hours * now.expected_rent
            plans[k, FINETUNE, SERVING] = hours_per_token(hours, shared, now)
        hours = shared.apps_scratch_cost / now.expected_rent
        plans[k, SCRATCH, CAPABILITY] = math.log10(hours / shared.labs_reference_hours) + now.algorithms
        plans[k, SCRATCH, TRAINING] = hours
        plans[k, SCRATCH, COST] = shared.apps_scratch_cost
        plans[k, SCRATCH, SERVING] = hours_per_token(hours, shared, now)
    return plans


@inlined
def data_bonus(app: Rows, user: Rows, shared: Rows) -> float:
    """Points that the app's interaction data adds to a model of its own."""
    return shared.apps_own_data_gain * relative_data(app.data, user.mean_data)


@inlined
def own_utility(app: Rows, user: Rows, capability: float, unit_cost: float, fixed: float, shared: Rows) -> float:
    """Utils per customer of running a model of that capability (points), unit cost ($ per Mtok) and M$ a month."""
    alpha = user.price_taste * app.price_taste_factor
    utility = model_worth(app, user, capability, unit_cost, shared)
    return utility - alpha * fixed / (app.tourists + app.committed)


@inlined
def ageing(shared: Rows) -> float:
    """Points by which an own model lags behind what buying would give, on average over its life.

    Public progress goes on; the model catches up at reviews and with its refresh training.
    """
    pace = shared.apps_review_rate + shared.apps_refresh_rate
    span = shared.apps_graduation_horizon / 2.0
    return shared.labs_algorithm_growth * (min(1.0 / pace, span) if pace > 0.0 else span)


@inlined
def best_own(
    app: Rows, user: Rows, base: int, plans: Rows, labs: Rows, worth: float, shared: Rows, now: Rows
) -> tuple[float, int]:
    """Utils per customer of the better way to a new own model, its one-off cost spread, and which way (-1: none)."""
    best = -1e300
    way = -1
    lead = data_bonus(app, user, shared) - ageing(shared)
    for option in range(2):
        if option == FINETUNE and base < 0:
            continue
        unit_cost = own_hours_per_token(plans[option, SERVING], app.tokens, shared) * now.expected_rent
        fixed = upkeep(base if option == FINETUNE else -1, labs, shared) + plans[option, COST] / worth
        value = own_utility(app, user, plans[option, CAPABILITY] + lead, unit_cost, fixed, shared)
        if value > best:
            best = value
            way = option
    return best, way


@inlined
def best_offer(
    row: int, app: Rows, user: Rows, sellers: Rows, offers: Rows, grades: Rows, worths: Rows, labs: int, but: int,
    shared: Rows,
) -> tuple[float, int]:  # fmt: skip
    """Utils per customer of the best offer that the app can reach, at the price it pays, and its column; -1 for none.

    ``worths`` are those of list prices [offers].  For who bargains with lab ``but`` (-1: none), that lab's offers are
    left out, and the others cost the list price: with them it has not talked.
    """
    best = -1e300
    column = -1
    for o in range(offers.shape[0]):
        offer = offers[o]
        if (offer.seller_kind == LAB and offer.seller == but) or not reachable(row, app, offer, sellers, labs):
            continue
        worth = worths[o]
        if but < 0 and not pays_list_price(app, offer):
            worth = worth_of_price(special_price(app, offer, shared), shared)
        value = model_worth_at(app, user, grades[o, app.category], worth, shared)
        if value > best:
            best = value
            column = o
    return best, column


@inlined
def keep(app: Rows) -> None:
    """No change of the app's own model, and no spending on one."""
    app.next_own = 0
    app.next_own_capability = app.own_capability
    app.next_own_hours = app.own_hours
    app.next_own_budget = 0.0
    app.next_base = app.base


@inlined
def refresh(app: Rows, user: Rows, base: int, plan: Rows, shared: Rows) -> None:
    """Upkeep of the app's own model: it closes part of the gap to the best open checkpoint, fine-tuned (``plan``)."""
    app.next_own_budget = shared.apps_refresh_cost
    if base >= 0:
        capability = plan[CAPABILITY] + data_bonus(app, user, shared)
        if capability > app.own_capability:
            app.next_own_capability += shared.apps_refresh_rate * (capability - app.own_capability)
            app.next_own_hours += shared.apps_refresh_rate * (plan[TRAINING] - app.own_hours)


@inlined
def review_own(s: Rows, row: int, base: int, plans: Rows, worths: Rows, fresh: float) -> int:
    """The way to a new model in place of the app's own, `STAY` or `GIVE_UP`; ``fresh`` spreads one-off costs."""
    app, labs = s.apps[row], s.labs
    user = s.users[app.category]
    shared = s.shared[0]
    alpha = user.price_taste * app.price_taste_factor
    stay = own_utility(app, user, app.own_capability, app.own_unit_cost, 0.0, shared)
    stay -= alpha * upkeep(app.base - 1, labs, shared) / (app.tourists + app.committed)
    renewed, way = best_own(app, user, base, plans, labs, fresh, shared, s.now[0])
    bought, column = best_offer(row, app, user, s.sellers, s.offers, s.grades, worths, labs.shape[0], -1, shared)
    settled = s.now[0].month >= app.bound_until
    if shared.apps_graduation != FORCED and settled and column >= 0 and bought > max(stay, renewed):
        return GIVE_UP
    # The model in use ages by a review's wait more than the new one.
    if way < 0 or renewed <= stay - point_worth(app, user, shared) * ageing(shared):
        return STAY
    return way


@inlined
def review_sources(
    app: Rows, user: Rows, base: int, plans: Rows, labs: Rows, worth: float, shared: Rows, now: Rows
) -> int:
    """The way to an own model of an app that buys its tokens, or `STAY`; ``worth`` spreads one-off costs."""
    if now.month < app.bound_until and shared.apps_graduation != FORCED:
        return STAY
    today = model_worth(app, user, app.capability, app.token_cost, shared)
    value, way = best_own(app, user, base, plans, labs, worth, shared, now)
    if way < 0 or (value <= today and shared.apps_graduation != FORCED):
        return STAY
    return way


@kernel
def decide_own_model(s: Rows) -> None:
    """Graduation, refresh and return: make-or-buy at a contract review.

    At a review an app compares a fine-tuned open checkpoint and a model from scratch with its sources of today: present
    value, over its horizon at the discount rate, of the monthly gain (cheaper tokens, of which it would use more, and
    the change of quality, its own model ageing meanwhile), less team, upkeep, agreement and the one-off compute.  It
    expects today's differences to stay, and needs the one-off cost in cash: it saves, and asks investors for the rest.
    One with an in-house model makes a new one when that pays, and gives it up when the best reachable offer is worth
    more; who has turned either way does not turn back for ``turning_months``.  Under the rule `forced` every reviewing
    app moves to the better own model, whatever it is worth.

    Checked: tests/reference/test_oracle.py, tests/textbook/test_graduation.py.
    """
    users, apps, live, labs, specialisation, cash = s.users, s.apps, s.live, s.labs, s.specialisation, s.cash
    shared = s.shared[0]
    now = s.now[0]
    worth = annuity(now.discount, shared.apps_graduation_horizon)
    # The lead of a fresh model fades as upkeep would have closed the gap.
    fresh = annuity(now.discount + shared.apps_refresh_rate, shared.apps_graduation_horizon)
    rule = shared.apps_graduation
    bases = best_bases(users, labs, specialisation)
    plans = plan_models(bases, labs, specialisation, shared, now)
    worths = list_worths(s.offers, shared)
    drawn = uniforms(now.seed, REVIEW, now.month, apps, live)
    for position in range(live.shape[0]):
        row = live[position]
        app = apps[row]
        keep(app)
        if app.own_model == 0 and rule == OFF:
            continue
        user = users[app.category]
        base = bases[app.category]
        if app.own_model == 1:
            refresh(app, user, base, plans[app.category, FINETUNE], shared)
        customers = app.tourists + app.committed
        if app.owner >= 0 or customers < FEWEST_CUSTOMERS:
            continue
        if drawn[position] >= shared.apps_review_rate:
            continue
        app.saving = 0.0
        if app.own_model == 1:
            way = review_own(s, row, base, plans[app.category], worths, fresh)
        else:
            way = review_sources(app, user, base, plans[app.category], labs, worth, shared, now)
        if way == GIVE_UP:
            app.next_own = -1
            app.next_own_budget = 0.0
            app.next_base = 0
        if way < 0:
            continue
        plan = plans[app.category, way]
        cost = plan[COST]
        if cash[app.account] < cost and app.incumbent == 0 and rule != FORCED:
            app.saving = cost
            continue
        app.next_own = 1
        app.next_own_capability = plan[CAPABILITY] + data_bonus(app, user, shared)
        app.next_own_hours = plan[TRAINING]
        app.next_own_budget = cost
        app.next_base = base + 1 if way == FINETUNE else 0
