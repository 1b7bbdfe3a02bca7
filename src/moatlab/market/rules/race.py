"""The race for the best model: what a better one is worth to each lab, and what it brings in.

Labs compete for customers in a contest (Tullock 1980): a lab's share is its effective training compute to the power r,
over the sum of all labs'.  The prize is what labs earn on apps' revenue, and the income of large companies' other
businesses that generative AI puts at stake: a company keeps it as far as the models behind its products are good, in
favour of who has the customers already (incumbency), and loses the rest month by month.  Part of what it loses is won
by the labs that have the better models, the rest is competed away.

All derivatives are by the log of a lab's training compute, so a want is dollars per month: the worth of a run that is
larger by one per cent, over what one per cent of a run costs.
"""

from __future__ import annotations

import math

from moatlab.market.state.codes import UNPUBLISHED
from moatlab.market.state.compiled import Rows, inlined, kernel
from moatlab.market.state.posting import INCOME_LOST, INCOME_WON, PARENTS, USERS, pay

LN10 = math.log(10.0)


@inlined
def newest(lab: Rows) -> float:
    """Capability of the newest model that the lab has, points."""
    return float(lab.capability + lab.upgrade)


@inlined
def serves(lab: Rows, owner: Rows, clouds: Rows) -> bool:
    """Whether a lab's models are behind a company's products: its own lab, or one whose partner is its cloud."""
    if owner.company == 0:
        return bool(lab.identity == owner.identity)
    if lab.company == owner.company:
        return True
    return bool(lab.company == 0 and lab.partner >= 0 and clouds[lab.partner].company == owner.company)


@inlined
def partners(lab: Rows, owner: Rows, clouds: Rows) -> bool:
    """Whether a living lab of another company, or of none, is behind a company's products."""
    return bool(lab.alive == 1 and lab.company != owner.company and serves(lab, owner, clouds))


@inlined
def kept_at(share: float, incumbency: float) -> float:
    """Part of its exposed customers that a company keeps whose models take that share of the contest."""
    held = incumbency * share
    return held / (held + 1.0 - share) if held > 0.0 or share < 1.0 else 1.0


@inlined
def at_stake(revenue: float, shared: Rows) -> float:
    """Part of exposed income that is at stake while apps' revenue is ``revenue`` (M$ a month)."""
    return revenue / (revenue + shared.labs_stake_scale) if revenue > 0.0 else 0.0


@inlined
def expected_growth(shared: Rows, now: Rows) -> float:
    """Growth of apps' revenue (log per month) that labs take for a trend."""
    return float(min(max(now.expected_growth, -shared.labs_growth_cap), shared.labs_growth_cap))


@inlined
def weigh_contest(s: Rows) -> None:
    """Every lab's share of the contest, and that of the models behind its company's products."""
    labs, clouds = s.labs, s.clouds
    power = s.shared[0].labs_contest_power * LN10
    best = -math.inf
    for index in range(labs.shape[0]):
        if labs[index].alive == 1:
            best = max(best, newest(labs[index]))
    total = 0.0
    for index in range(labs.shape[0]):
        lab = labs[index]
        lab.odds = math.exp(power * (newest(lab) - best)) if lab.alive == 1 else 0.0
        total += lab.odds
    for index in range(labs.shape[0]):
        lab = labs[index]
        lab.contest = lab.odds / total if total > 0.0 else 0.0
    for index in range(labs.shape[0]):
        owner = labs[index]
        owner.products = 0.0
        for other in range(labs.shape[0]):
            if serves(labs[other], owner, clouds):
                owner.products += labs[other].contest
        owner.products = min(owner.products, 1.0)


@inlined
def contest_with_published(index: int, labs: Rows, shared: Rows) -> float:
    """Share of the contest that a lab would take with the best model that others publish; 0 where there is none."""
    power = shared.labs_contest_power * LN10
    published = UNPUBLISHED
    best = -math.inf
    for other in range(labs.shape[0]):
        if other != index:
            published = max(published, labs[other].published)
            if labs[other].alive == 1:
                best = max(best, newest(labs[other]))
    if published <= UNPUBLISHED:
        return 0.0
    best = max(best, published)
    rivals = 0.0
    for other in range(labs.shape[0]):
        if other != index and labs[other].alive == 1:
            rivals += math.exp(power * (newest(labs[other]) - best))
    own = math.exp(power * (published - best))
    return own / (own + rivals)


@inlined
def earn_by_apps(s: Rows) -> None:
    """Operating profit of the apps that belong to a lab or to its company, and apps' smoothed revenue."""
    apps, live, labs = s.apps, s.live, s.labs
    shared = s.shared[0]
    now = s.now[0]
    for index in range(labs.shape[0]):
        labs[index].own_apps = 0.0
    revenue = 0.0
    for position in range(live.shape[0]):
        app = apps[live[position]]
        revenue += app.revenue
        if app.owner >= 0:
            labs[app.owner].own_apps += app.gross_profit - app.outlay
        elif app.company != 0:
            for index in range(labs.shape[0]):
                if labs[index].company == app.company:
                    labs[index].own_apps += app.gross_profit - app.outlay
                    break
    now.app_revenue += shared.labs_smoothing * (revenue - now.app_revenue)


@inlined
def lose_customers(s: Rows) -> None:
    """What each company keeps and loses of its exposed income, and its cash flow."""
    labs, clouds = s.labs, s.clouds
    shared = s.shared[0]
    speed = shared.labs_loyalty_speed
    part = at_stake(s.now[0].app_revenue, shared)
    for index in range(labs.shape[0]):
        owner = labs[index]
        owner.lost = 0.0
        owner.won = 0.0
        owner.defended = 0.0
        owner.stake = 0.0
        owner.flow = 0.0
        if owner.cash_flow <= 0.0:
            continue
        owner.kept += speed * (kept_at(owner.products, shared.labs_incumbency) - owner.kept)
        without = kept_at(contest_with_published(index, labs, shared), shared.labs_incumbency)
        owner.kept_without += speed * (without - owner.kept_without)
        owner.stake = owner.exposed * owner.cash_flow * part
        owner.lost = owner.stake * (1.0 - owner.kept)
        owner.defended = owner.stake * (owner.kept - owner.kept_without)
        owner.flow = owner.cash_flow
        if owner.company != 0:
            for c in range(clouds.shape[0]):
                if clouds[c].company == owner.company:
                    owner.flow += clouds[c].cash_flow - clouds[c].depreciation


@inlined
def win_customers(s: Rows) -> None:
    """What labs win of others' income: the captured part, by their share among those that the loser does not use."""
    labs, clouds = s.labs, s.clouds
    captured = s.shared[0].labs_captured
    for index in range(labs.shape[0]):
        owner = labs[index]
        if owner.lost <= 0.0 or owner.products >= 1.0:
            continue
        for other in range(labs.shape[0]):
            if labs[other].alive == 1 and not serves(labs[other], owner, clouds):
                labs[other].won += captured * owner.lost * labs[other].contest / (1.0 - owner.products)


@inlined
def until_returns(growth: float, shared: Rows) -> float:
    """Factor by which the market grows from the spending on a model to its returns: half a run and the life of a lead.

    ``growth`` is the log per month.
    """
    return math.exp(growth * (0.5 * shared.labs_run_months + shared.labs_lead_life))


@inlined
def learn_returns(lab: Rows, growth: float, shared: Rows, now: Rows) -> None:
    """Smoothed spending and returns of a lab (M$ a month), and what it believes after them."""
    speed = shared.labs_return_smoothing
    benefit = lab.gross_profit + lab.own_apps + lab.won + lab.defended
    lab.benefit += speed * (benefit - lab.benefit)
    lab.spent += speed * (lab.training + lab.staff + lab.given - lab.backing - lab.spent)
    if now.month < shared.labs_evidence_months or lab.spent <= 0.0:
        return
    realised = min(max(lab.benefit * until_returns(growth, shared) / lab.spent, 0.0), shared.labs_optimism)
    lab.belief += shared.labs_learning * (realised - lab.belief)


@inlined
def count_losses(index: int, labs: Rows, growth: float, shared: Rows) -> None:
    """Months in a row that a lab on its own has been behind what others publish, and has not earned what it spends."""
    lab = labs[index]
    alone = lab.cash_flow <= 0.0 and lab.parent_budget <= 0.0 and lab.open == 0 and lab.pledge <= 0.0
    behind = False
    for other in range(labs.shape[0]):
        if other != index and labs[other].published > newest(lab):
            behind = True
    hopeless = alone and behind and lab.benefit * until_returns(growth, shared) < lab.spent
    lab.losing = lab.losing + 1.0 if hopeless else 0.0


@kernel
def compete(s: Rows) -> None:
    """The contest of the month: shares, income lost and won, realised returns, and the pool that labs compete for.

    Checked: tests/market/rules/test_race.py.
    """
    labs = s.labs
    shared = s.shared[0]
    now = s.now[0]
    weigh_contest(s)
    earn_by_apps(s)
    lose_customers(s)
    win_customers(s)
    hear_of_optimism(labs, shared, now)
    growth = expected_growth(shared, now)
    earned = 0.0
    for index in range(labs.shape[0]):
        lab = labs[index]
        if lab.alive == 0:
            continue
        pay(s, INCOME_WON, USERS, lab.account, lab.won)
        pay(s, INCOME_LOST, PARENTS, USERS, lab.lost)
        if lab.cash_flow > 0.0:
            lab.flow = max(lab.flow + lab.won - lab.lost, 0.0)
        earned += max(0.0, lab.gross_profit + lab.own_apps)
        learn_returns(lab, growth, shared, now)
        count_losses(index, labs, growth, shared)
    if now.app_revenue > 0.0:
        now.pool += shared.labs_pool_speed * (min(earned / now.app_revenue, 1.0) - now.pool)


@inlined
def hear_of_optimism(labs: Rows, shared: Rows, now: Rows) -> None:
    """Beliefs move in proportion when the optimism of the scenario changes, as by an event."""
    if shared.labs_optimism == now.optimism:
        return
    for index in range(labs.shape[0]):
        lab = labs[index]
        lab.belief = lab.belief * shared.labs_optimism / now.optimism if now.optimism > 0.0 else shared.labs_optimism
    now.optimism = shared.labs_optimism


@inlined
def life_of_lead(shared: Rows, now: Rows) -> float:
    """Months that a dollar a month from a better model is worth: until the next run, over versions, discounted."""
    months = 1.0 / (1.0 / shared.labs_lead_life + now.discount)
    return float(months * shared.labs_version_speed / max(shared.labs_version_speed + now.discount, 1e-12))


@inlined
def patience_of_customers(shared: Rows, now: Rows) -> float:
    """Part of a passing lead's worth that is left where customers move slowly: a linear filter's present value."""
    return float(shared.labs_loyalty_speed / max(shared.labs_loyalty_speed + now.discount, 1e-12))


@inlined
def worth_of_defence(owner: Rows, shared: Rows, part: float) -> float:
    """What a company would keep more (M$ a month) per unit of the log of its products' odds."""
    kept = kept_at(owner.products, shared.labs_incumbency)
    return float(shared.labs_contest_power * kept * (1.0 - kept) * owner.exposed * owner.cash_flow * part)


@inlined
def worth_of_attack(index: int, labs: Rows, clouds: Rows, shared: Rows, part: float) -> float:
    """What a lab would win more of others' income (M$ a month) per unit of the log of its training compute."""
    lab = labs[index]
    worth = 0.0
    for other in range(labs.shape[0]):
        owner = labs[other]
        if owner.exposed <= 0.0 or owner.products >= 1.0 or serves(lab, owner, clouds):
            continue
        share = lab.contest / (1.0 - owner.products)
        kept = kept_at(owner.products, shared.labs_incumbency)
        exposed = owner.exposed * owner.cash_flow * part
        worth += share * (1.0 - share) * exposed * (1.0 - kept) + share * share * exposed * kept * (1.0 - kept)
    return float(shared.labs_captured * shared.labs_contest_power * worth)


@inlined
def market_ahead(shared: Rows, now: Rows) -> float:
    """Apps' revenue (M$ a month) that labs expect over the life of a lead."""
    return float(now.app_revenue * math.exp(expected_growth(shared, now) * shared.labs_lead_life))


@inlined
def wanted(index: int, s: Rows) -> float:
    """Training (M$ a month) at which a lab's last dollar brings in a dollar, as it believes.

    It is the worth of a better model, (market + attack + defence) times the life of a lead, over the months of a run.
    """
    labs, clouds = s.labs, s.clouds
    shared = s.shared[0]
    now = s.now[0]
    lab = labs[index]
    revenue = market_ahead(shared, now)
    part = at_stake(revenue, shared)
    market = shared.labs_contest_power * lab.contest * (1.0 - lab.contest) * now.pool * revenue
    moved = worth_of_attack(index, labs, clouds, shared, part)
    if lab.products > 0.0:
        moved += worth_of_defence(lab, shared, part) * lab.contest / lab.products
    worth = market + patience_of_customers(shared, now) * moved
    return float(lab.belief * worth * life_of_lead(shared, now) / shared.labs_run_months)


@inlined
def wanted_of_partners(index: int, s: Rows) -> float:
    """What a company wants the labs to train (M$ a month) that are behind its products and not its own.

    They defend its income as its own lab does, each by its part of the models behind its products.
    """
    labs, clouds = s.labs, s.clouds
    shared = s.shared[0]
    now = s.now[0]
    owner = labs[index]
    if owner.company == 0 or owner.products <= 0.0:
        return 0.0
    theirs = 0.0
    for other in range(labs.shape[0]):
        if partners(labs[other], owner, clouds):
            theirs += labs[other].contest
    worth = worth_of_defence(owner, shared, at_stake(market_ahead(shared, now), shared)) * theirs / owner.products
    worth *= patience_of_customers(shared, now) * life_of_lead(shared, now)
    return float(owner.belief * worth / shared.labs_run_months)


@inlined
def spend_dear_money(want: float, means: float) -> float:
    """Spending where each dollar gets dearer as more of the means is used: want / B = 1 + B / means, at most the means.

    With ample means it is what is wanted; with little, the geometric mean of both.
    """
    if want <= 0.0 or means <= 0.0:
        return 0.0
    # The root of a quadratic, in the form that loses no digits where means are ample.
    return float(min(2.0 * want / (1.0 + math.sqrt(1.0 + 4.0 * want / means)), means))
