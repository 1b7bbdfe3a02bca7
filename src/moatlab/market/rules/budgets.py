"""Labs' budgets for training and research: what a lab wants by the race, within the means that it has.

Means are cash over a horizon, a share of the margin, what investors and a backer give, and, for the lab of a large
company, a share of the company's cash flow.  A company divides its money between its own lab and those that serve its
products, as it wants.
"""

from __future__ import annotations

import math

from moatlab.market.rules.race import market_ahead, partners, spend_dear_money, wanted, wanted_of_partners
from moatlab.market.state.compiled import Rows, inlined, kernel

#: Rules of training, in the order of the registry's choices.
CONTEST, SPEND = 0, 1


@inlined
def own_means(lab: Rows, cash: Rows, shared: Rows) -> float:
    """What a lab can spend in a month out of its cash, its margin and its owner, M$."""
    means = max(0.0, cash[lab.account]) / shared.labs_spending_horizon
    means += shared.labs_training_share * max(0.0, lab.gross_profit) + lab.won
    return float(means + shared.labs_owner_share * lab.flow)


@inlined
def value_to_investors(lab: Rows, shared: Rows, now: Rows) -> float:
    """What a lab is worth to investors, M$: sales and its part of the prize, as a perpetuity at their discount rate.

    Sales are taken to grow as expected for the life of a lead, the prize is what labs expect to compete for.
    """
    if now.discount <= 0.0 or lab.fund_weight <= 0.0:
        return 0.0
    ahead = market_ahead(shared, now)
    grown = ahead / now.app_revenue if now.app_revenue > 0.0 else 1.0
    prize = lab.fund_weight * lab.contest * now.pool * ahead
    return float((lab.smooth_revenue * grown + prize + lab.won) / now.discount)


@inlined
def back_partners(s: Rows) -> None:
    """What companies give the labs that serve their products, and what that leaves of their own labs' money."""
    labs, cash, clouds = s.labs, s.cash, s.clouds
    shared = s.shared[0]
    compute = max(shared.labs_compute_share, 1e-9)
    for index in range(labs.shape[0]):
        labs[index].backing = 0.0
        labs[index].given = 0.0
    for index in range(labs.shape[0]):
        owner = labs[index]
        if owner.alive == 0 or owner.flow <= 0.0:
            continue
        theirs = wanted_of_partners(index, s) / compute
        if theirs <= 0.0:
            continue
        own = wanted(index, s) / compute
        owner.given = spend_dear_money(own + theirs, own_means(owner, cash, shared)) * theirs / (own + theirs)
        total = 0.0
        for other in range(labs.shape[0]):
            if partners(labs[other], owner, clouds):
                total += labs[other].contest
        for other in range(labs.shape[0]):
            if partners(labs[other], owner, clouds):
                labs[other].backing += owner.given * labs[other].contest / total


@kernel
def decide_budgets(s: Rows) -> None:
    """Next month's training and staff of every lab, M$.

    A lab knows the contest and the market of the month; it expects the market to grow as it has for as long as a lead
    lasts, and rivals to spend what they spend.  It approaches the budget at which its last dollar returns a dollar, as
    it believes, where money gets dearer as it uses up its means.  Under the rule `spend` it spends its cash over its
    horizon, a share of its margin and what its sponsor gives.

    Checked: tests/market/rules/test_race.py, tests/textbook/test_research.py.
    """
    labs, cash = s.labs, s.cash
    shared = s.shared[0]
    now = s.now[0]
    part = shared.labs_compute_share
    if shared.labs_training_rule == CONTEST:
        back_partners(s)
    for index in range(labs.shape[0]):
        lab = labs[index]
        if lab.alive == 0:
            continue
        # A pledge may be made at any time.
        lab.promised = max(lab.promised, lab.pledge / shared.investors_pledge_months)
        if shared.labs_training_rule == SPEND:
            money = max(0.0, cash[lab.account]) / shared.labs_spending_horizon + lab.parent_budget
            money += shared.labs_training_share * max(0.0, lab.gross_profit)
            lab.next_training_budget = part * money
            lab.next_staff = (1.0 - part) * money
            continue
        want = wanted(index, s) / max(part, 1e-9)
        means = own_means(lab, cash, shared) - lab.given
        supply = shared.investors_lab_stake / 12.0 * value_to_investors(lab, shared, now)
        supply *= math.exp(shared.investors_hype_funding * now.hype + lab.access)
        lab.raising = min(supply, max(0.0, want - means)) if lab.flow <= 0.0 else 0.0
        promised = lab.promised if lab.pledge > 0.0 else 0.0
        money = lab.parent_budget + lab.backing + spend_dear_money(want, means + lab.raising + promised)
        spends = lab.training_budget + lab.staff
        spends += shared.labs_budget_speed * (money - spends)
        if lab.flow <= 0.0:
            # Nobody lends to a lab: it does not plan for more than it has and is promised.
            spends = min(spends, max(0.0, cash[lab.account]) + max(0.0, lab.gross_profit) + lab.claim + promised
                         + lab.parent_budget + lab.backing)  # fmt: skip
        lab.next_training_budget = part * spends
        lab.next_staff = (1.0 - part) * spends
