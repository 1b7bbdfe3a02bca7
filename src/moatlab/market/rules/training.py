"""Labs' research: training runs, releases, the private lead and its leakage, talent, data, specialisation.

Capability = log10(effective compute of the run) = log10(GPU-hours / reference) + public algorithmic progress + private
lead + data + a random term.  A lab knows its own stocks and the public state; what it spends is decided in
`moatlab.market.rules.budgets`.  A run takes ``run_months``; its model is released if it beats the best
that the lab has.  Customers move from version to version over months, so what is in service follows the newest model.
What leads have leaks: to the public by papers and talent, to others' models by distillation.

A model is as large as what it can do takes with public methods, however the lab came to it: who has learned from a
leader's model serves it at the leader's cost, and what stays behind gets cheaper to serve as methods improve.
"""

from __future__ import annotations

import math

from moatlab.market.rules.conventions import fading, relative_data
from moatlab.market.state.codes import UNPUBLISHED
from moatlab.market.state.compiled import Rows, inlined, kernel
from moatlab.market.state.draws import (
    RUN_OUTCOME,
    RUN_START,
    SPECIALISATION_AT_BIRTH,
    SPECIALISATION_SHOCK,
    normal,
    uniform,
)
from moatlab.market.state.identity import LABS_CODE, identity


@kernel
def decide_training(s: Rows) -> None:
    """The fate of the run in progress, and stocks of next month.

    Staff money bids for talent and crawls data.  The private lead grows with research, which needs money and people
    (a Cobb-Douglas with the weight of talent), and leaks.

    Checked: tests/textbook/test_research.py.
    """
    labs = s.labs
    shared = s.shared[0]
    now = s.now[0]
    mean_data = 0.0
    most_data = 0.0
    research = 0.0
    alive = 0
    for index in range(labs.shape[0]):
        lab = labs[index]
        if lab.alive == 1:
            data = lab.data + lab.crawled
            mean_data += data
            most_data = max(most_data, data)
            research += lab.staff * (1.0 - shared.labs_crawl_share)
            alive += 1
    mean_data /= max(alive, 1)
    move_talent(labs, shared)
    leak = fading(shared.labs_leak_half_life)
    people = 0.0
    for index in range(labs.shape[0]):
        people += labs[index].talent
    for index in range(labs.shape[0]):
        lab = labs[index]
        if lab.alive == 0:
            continue
        # The best model that the lab has, and what customers use of it from next month.
        newest = lab.capability + lab.upgrade
        newest += shared.labs_leak_share * leak * max(0.0, now.frontier - newest)
        own = lab.staff * (1.0 - shared.labs_crawl_share)
        if shared.labs_talent_weight > 0.0 and people > 0.0:
            held = research * lab.talent / people
            own = own ** (1.0 - shared.labs_talent_weight) * held**shared.labs_talent_weight
        lab.next_private_lead = (lab.private_lead + lab.hired_lead) * (1.0 - leak)
        lab.next_private_lead += shared.labs_lead_gain * math.log(1.0 + own / shared.labs_lead_scale)
        data = lab.data + lab.crawled
        lab.next_crawled = lab.crawled * (1.0 - shared.labs_data_decay)
        lab.next_crawled += shared.labs_crawl_yield * shared.labs_crawl_share * lab.staff
        lab.next_crawled += shared.labs_data_sharing * (most_data - data)
        lab.released = 0
        lab.run_age += 1.0
        if lab.run_age >= shared.labs_run_months:
            if lab.run_hours > 0.0:
                outcome = math.log10(lab.run_hours / shared.labs_reference_hours) + now.algorithms + lab.private_lead
                outcome += shared.labs_data_gain * relative_data(data, mean_data)
                outcome += shared.labs_run_luck * normal(now.seed, RUN_OUTCOME, now.month, lab.identity)
                if outcome > newest:
                    newest = outcome
                    lab.released = 1
            lab.run_age = 0.0
            lab.run_hours = 0.0
        moved = shared.labs_version_speed * (newest - lab.capability)
        lab.next_capability = lab.capability + moved
        lab.next_upgrade = newest - lab.next_capability


@kernel
def start_runs(s: Rows) -> None:
    """Runs that are under way in month 0, each at its own age, and what labs are good at."""
    labs, users, specialisation = s.labs, s.users, s.specialisation
    shared = s.shared[0]
    now = s.now[0]
    for index in range(labs.shape[0]):
        lab = labs[index]
        lab.run_age = math.floor(uniform(now.seed, RUN_START, 0, lab.identity) * shared.labs_run_months)
        lab.run_hours = lab.run_age * lab.training_budget / now.expected_rent
        for k in range(users.shape[0]):
            key = identity(LABS_CODE, users[k].identity & 0xFFFF, lab.identity & 0xFFFFFFFF)
            shock = normal(now.seed, SPECIALISATION_AT_BIRTH, 0, key)
            specialisation[index, k] = shared.labs_specialisation * shock


@inlined
def move_talent(labs: Rows, shared: Rows) -> None:
    """Next month's talent of every lab, and the private lead that those who came have brought (points).

    Talent is scarce: its stock is given.  Each month a share of all researchers, and all those of labs that have left,
    go where they are bid for, in proportion to staff money; their wage is what is bid in all over their number.  They
    know what the labs that they come from knew (Arrow 1962; Almeida and Kogut 1999): the lead of a lab that knew less
    rises by the share of newcomers in its people.  Nobody forgets.
    """
    bids = 0.0
    settled = 0.0
    free = 0.0
    known = 0.0
    for index in range(labs.shape[0]):
        lab = labs[index]
        if lab.alive == 1:
            bids += lab.staff
            settled += lab.talent
            known += lab.talent * lab.private_lead
        else:
            free += lab.talent
    moving = shared.labs_talent_mobility * settled
    for index in range(labs.shape[0]):
        lab = labs[index]
        lab.hired_lead = 0.0
        lab.next_talent = lab.talent
        if bids <= 0.0:
            continue
        if lab.alive == 0:
            lab.next_talent = 0.0
            continue
        coming = (moving + free) * lab.staff / bids
        lab.next_talent = lab.talent * (1.0 - shared.labs_talent_mobility) + coming
        if lab.next_talent > 0.0 and settled > 0.0:
            lab.hired_lead = shared.labs_talent_carry * coming / lab.next_talent
            lab.hired_lead *= max(0.0, known / settled - lab.private_lead)


@kernel
def drift_specialisation(s: Rows) -> None:
    """Labs' advantages by category (points): a first-order process of the declared spread and half-life.

    Checked: tests/market/rules/test_stocks.py::test_specialisation_keeps_its_spread.
    """
    specialisation, labs, users = s.specialisation, s.labs, s.users
    shared = s.shared[0]
    now = s.now[0]
    keep = 1.0 - fading(shared.labs_specialisation_half_life)
    spread = shared.labs_specialisation * math.sqrt(1.0 - keep * keep)
    for index in range(specialisation.shape[0]):
        birth = labs[index].identity & 0xFFFFFFFF
        for k in range(specialisation.shape[1]):
            # One key per lab and category: the category's index rides in the field of the birth month.
            key = identity(LABS_CODE, users[k].identity & 0xFFFF, birth)
            shock = normal(now.seed, SPECIALISATION_SHOCK, now.month, key)
            specialisation[index, k] = keep * specialisation[index, k] + spread * shock


@inlined
def size_of(capability: float, shared: Rows, now: Rows) -> float:
    """Training hours (Mh) that a model of that capability takes with the public methods of the month: its size."""
    return float(shared.labs_reference_hours * 10.0 ** (capability - now.algorithms))


@kernel
def publish(s: Rows) -> None:
    """Open labs publish the model in service; sizes and the frontiers of all and of open models follow."""
    labs = s.labs
    shared = s.shared[0]
    now = s.now[0]
    now.frontier = -1e300
    now.open_frontier = UNPUBLISHED
    now.open_hours = 0.0
    for index in range(labs.shape[0]):
        lab = labs[index]
        if lab.alive == 1:
            lab.model_hours = size_of(lab.capability, shared, now)
            now.frontier = max(now.frontier, lab.capability)
            if lab.open == 1:
                lab.published = lab.capability
                lab.published_hours = lab.model_hours
        # A published checkpoint outlives its lab.
        if lab.published > now.open_frontier:
            now.open_frontier = lab.published
            now.open_hours = lab.published_hours
    if now.frontier < -1e299:
        now.frontier = now.open_frontier
