"""The race for the best model: what a better model is worth by complex-step derivatives of the prize, and budgets."""

from __future__ import annotations

from cmath import exp
from math import exp as real_exp
from math import sqrt
from typing import Any

from tests.reference.model import Reference

STEP = 1e-20
USERS, PARENTS = 0, 3


def behind(model: Reference, lab: Any, owner: Any) -> bool:
    """Whether a lab's models serve an owner's products."""
    if not owner.company:
        return bool(lab is owner)
    partner = model.clouds[lab.partner].company if lab.partner >= 0 else 0
    return bool(lab.company == owner.company or (not lab.company and partner == owner.company))


def shares(model: Reference, shifts: dict[int, Any]) -> list[Any]:
    """Shares of the contest, with the log of some labs' training (by row) shifted."""
    odds = [
        10 ** (model.shared.labs_contest_power * (lab.capability + lab.upgrade)) * exp(
            model.shared.labs_contest_power * shifts.get(lab.row, 0.0)) if lab.alive else 0.0
        for lab in model.labs
    ]  # fmt: skip
    return [own / sum(odds) for own in odds]


def kept(model: Reference, owner: Any, share: list[Any]) -> Any:
    """What an owner keeps in the long run at these shares, and the share of the models behind its products."""
    products = sum(share[lab.row] for lab in model.labs if behind(model, lab, owner))
    odds = model.shared.labs_incumbency * products
    return odds / (odds + 1 - products), products


def stakes(model: Reference, revenue: float, owner: Any) -> float:
    """An owner's income at stake, M$ a month."""
    part = revenue / (revenue + model.shared.labs_stake_scale) if revenue > 0 else 0.0
    return float(owner.exposed * owner.cash_flow * part)


def prize(model: Reference, lab: Any, revenue: float, slow: float, share: list[Any]) -> Any:
    """A month's prize to a lab at these shares: of the market, and, as customers move slowly, of income at stake."""
    worth = model.now.pool * revenue * share[lab.row]
    for owner in model.labs:
        keeps, products = kept(model, owner, share)
        stake = stakes(model, revenue, owner)
        if owner is lab:
            worth += slow * stake * keeps
        elif not behind(model, lab, owner) and stake > 0:
            worth += slow * model.shared.labs_captured * stake * (1 - keeps) * share[lab.row] / (1 - products)
    return worth


def want(model: Reference, lab: Any) -> tuple[float, float]:
    """Training that a lab wants, and that its company wants of others behind its products, M$ a month."""
    s, now = model.shared, model.now
    growth = min(max(now.expected_growth, -s.labs_growth_cap), s.labs_growth_cap)
    revenue = now.app_revenue * real_exp(growth * s.labs_lead_life)
    months = 1 / (1 / s.labs_lead_life + now.discount) * s.labs_version_speed / (s.labs_version_speed + now.discount)
    slow = s.labs_loyalty_speed / (s.labs_loyalty_speed + now.discount)
    scale = lab.belief * months / s.labs_run_months
    own = prize(model, lab, revenue, slow, shares(model, {lab.row: 1j * STEP})).imag / STEP
    partners = {
        other.row: 1j * STEP
        for other in model.labs
        if lab.company and other.company != lab.company and behind(model, other, lab)
    }
    theirs = kept(model, lab, shares(model, partners))[0].imag / STEP if partners else 0.0
    return own * scale, theirs * slow * stakes(model, revenue, lab) * scale


def dear(wanted: float, means: float) -> float:
    """Spending at which want over spending is 1 + spending over means, up to the means."""
    return min(means * (sqrt(1 + 4 * wanted / means) - 1) / 2, means) if wanted > 0 and means > 0 else 0.0


def decide_budgets(model: Reference, cash: list[float]) -> None:
    """Next month's training and staff of the labs that live; ``cash`` by lab."""
    s, now = model.shared, model.now
    wants = [want(model, lab) for lab in model.labs]
    part = s.labs_compute_share
    means = [
        max(0.0, money) / s.labs_spending_horizon + s.labs_training_share * max(0.0, lab.gross_profit) + lab.won
        + s.labs_owner_share * lab.flow
        for lab, money in zip(model.labs, cash, strict=True)
    ]  # fmt: skip
    given = [0.0] * len(model.labs)
    backing = [0.0] * len(model.labs)
    share = [value.real for value in shares(model, {})]
    for owner in model.labs:
        own, theirs = wants[owner.row]
        if not owner.alive or owner.flow <= 0 or theirs <= 0:
            continue
        given[owner.row] = dear((own + theirs) / part, means[owner.row]) * theirs / (own + theirs)
        friends = [
            lab for lab in model.labs if lab.alive and lab.company != owner.company and behind(model, lab, owner)
        ]
        for lab in friends:
            backing[lab.row] += given[owner.row] * share[lab.row] / sum(share[friend.row] for friend in friends)
    growth = min(max(now.expected_growth, -s.labs_growth_cap), s.labs_growth_cap) * s.labs_lead_life
    for lab in model.labs:
        lab.given, lab.backing = given[lab.row], backing[lab.row]
    for lab in (lab for lab in model.labs if lab.alive):
        money = means[lab.row] - given[lab.row]
        wanted = wants[lab.row][0] / part
        ahead = now.app_revenue * real_exp(growth)
        grown = real_exp(growth) if now.app_revenue > 0 else 1.0
        worth = (
            lab.smooth_revenue * grown + lab.fund_weight * share[lab.row] * now.pool * ahead + lab.won
        ) / now.discount
        supply = s.investors_lab_stake / 12 * worth * real_exp(s.investors_hype_funding * now.hype + lab.access)
        raising = 0.0 if lab.flow > 0 or not lab.fund_weight else min(supply, max(0.0, wanted - money))
        promised = max(lab.promised, lab.pledge / s.investors_pledge_months) if lab.pledge > 0 else 0.0
        aim = lab.parent_budget + backing[lab.row] + dear(wanted, money + raising + promised)
        spends = lab.training_budget + lab.staff
        spends += s.labs_budget_speed * (aim - spends)
        if lab.flow <= 0:
            most = max(0.0, cash[lab.row]) + max(0.0, lab.gross_profit) + lab.claim + promised
            spends = min(spends, most + lab.parent_budget + backing[lab.row])
        lab.next_training_budget, lab.next_staff = part * spends, (1 - part) * spends
        lab.raising = raising


def win_and_lose(model: Reference, sales: float) -> dict[tuple[str, int, int], float]:
    """Income that companies lose to others' models and labs win, as payments; ``sales`` are the apps' this month."""
    s, now = model.shared, model.now
    revenue = now.app_revenue + s.labs_smoothing * (sales - now.app_revenue)
    share = [value.real for value in shares(model, {})]
    paid: dict[tuple[str, int, int], float] = {}
    for owner in model.labs:
        if owner.cash_flow <= 0:
            continue
        aim, products = (value.real for value in kept(model, owner, shares(model, {})))
        holds = owner.kept + s.labs_loyalty_speed * (aim - owner.kept)
        lost = stakes(model, revenue, owner) * (1 - holds)
        paid["income lost", PARENTS, USERS] = paid.get(("income lost", PARENTS, USERS), 0.0) + lost
        for lab in model.labs:
            if lab.alive and not behind(model, lab, owner):
                key = ("income won", USERS, lab.account)
                paid[key] = paid.get(key, 0.0) + s.labs_captured * lost * share[lab.row] / (1 - products)
    return {key: amount for key, amount in paid.items() if amount != 0}
