"""Money of labs: what sponsors, owners, backers and investors put in, and what labs pay out to them."""

from __future__ import annotations

from moatlab.market.state.compiled import Rows, inlined
from moatlab.market.state.posting import (
    INVESTORS,
    LAB_BACKING,
    LAB_EQUITY,
    LAB_GRANT,
    LAB_PAYOUT,
    LAB_REMITTANCE,
    PARENTS,
    pay,
)


@inlined
def raise_equity(s: Rows, lab: Rows) -> None:
    """Investors' commitments to a lab, called when its runway is short, up to the months of burn of a round."""
    cash = s.cash
    shared = s.shared[0]
    now = s.now[0]
    burn = lab.training + lab.staff - lab.gross_profit - lab.won
    promised = min(lab.promised, lab.pledge)
    short = burn > 0.0 and cash[lab.account] < shared.investors_runway * burn
    if short and promised > 0.0:
        pay(s, LAB_BACKING, PARENTS, lab.account, promised)
        lab.pledge -= promised
        lab.backed += promised
        lab.raised += promised
    lab.claim = min(lab.claim + lab.raising, max(lab.claim, shared.investors_powder_months * lab.raising))
    if short and lab.claim > 0.0:
        called = min(lab.claim, shared.investors_round_months * burn)
        pay(s, LAB_EQUITY, INVESTORS, lab.account, called)
        lab.claim -= called
        lab.raised += called
    now.powder_labs += lab.claim


@inlined
def pay_owners(s: Rows, lab: Rows) -> None:
    """What a lab has beyond its reserve goes to investors and backers, by what they have put in.

    Beyond the cap of a capped-profit lab the money stays, and is spent on training.
    """
    cash = s.cash
    shared = s.shared[0]
    cost = lab.training + lab.staff + lab.cost_of_goods
    spare = cash[lab.account] - shared.labs_payout_months * cost
    if spare <= 0.0 or cost <= 0.0:
        return
    allowed = max(0.0, lab.profit_cap * lab.raised - lab.returned)
    returned = min(spare / shared.investors_payout_period, allowed)
    theirs = lab.backed / lab.raised if lab.raised > 0.0 else 0.0
    lab.returned += returned
    pay(s, LAB_REMITTANCE, lab.account, PARENTS, returned * theirs)
    pay(s, LAB_PAYOUT, lab.account, INVESTORS, returned * (1.0 - theirs))


@inlined
def settle_with_company(s: Rows, lab: Rows) -> None:
    """The lab of a large company keeps some months of cost; the company covers what it lacks, and has the rest."""
    cash = s.cash
    shared = s.shared[0]
    money = cash[lab.account]
    reserve = shared.apps_owned_reserve * (lab.training + lab.staff + lab.cost_of_goods)
    if money < 0.0:
        pay(s, LAB_GRANT, PARENTS, lab.account, -money)
    elif money > reserve:
        pay(s, LAB_REMITTANCE, lab.account, PARENTS, (money - reserve) / shared.investors_payout_period)


@inlined
def fund_labs(s: Rows) -> None:
    """Grants of sponsors and owners, backers' money, rounds, and payouts."""
    labs = s.labs
    shared = s.shared[0]
    s.now[0].powder_labs = 0.0
    for index in range(labs.shape[0]):
        lab = labs[index]
        lab.access *= 1.0 - shared.investors_access_decay
        if lab.alive == 0:
            continue
        pay(s, LAB_GRANT, PARENTS, lab.account, lab.parent_budget)
        if lab.backing > 0.0:
            pay(s, LAB_BACKING, PARENTS, lab.account, lab.backing)
            lab.backed += lab.backing
            lab.raised += lab.backing
        if lab.flow > 0.0:
            settle_with_company(s, lab)
        else:
            raise_equity(s, lab)
            pay_owners(s, lab)
