"""Orders of chips: what clouds want, from whom, at which list price.

A cloud wants the fleet that serves its part of the demand that there will be when the chips arrive, at the price at
which a further hour will sell, net of what is on order, within its financing; without the netting orders overshoot (a
bullwhip).  How it chooses vendors is in `moatlab.market.rules.vendors`.
"""

from __future__ import annotations

import math

import numpy as np

from moatlab.market.rules.clearing import NOTHING
from moatlab.market.rules.conventions import FROZEN, MARKUP, annuity
from moatlab.market.rules.costs import hour_cost
from moatlab.market.rules.vendors import company_share, price_to, weigh_vendors
from moatlab.market.state.codes import LAB
from moatlab.market.state.compiled import Rows, inlined, kernel
from moatlab.market.state.posting import BUILDINGS, CHIPS, SUPPLIERS, pay

#: Rules of capacity, in the order of the registry's choices.
INVESTED_CAPACITY, FIXED_CAPACITY = 0, 1


@inlined
def cost_of_capital(cloud: Rows, shared: Rows, now: Rows) -> float:
    """Monthly discount rate of a cloud: the market's, its own spread, and what access to capital takes off.

    Lenders take contracts for collateral: the spread of a cloud of which all sales are contracted is the secured one.
    """
    spread = cloud.capital_spread
    secured = shared.clouds_contract_weight * cloud.contracted
    spread -= secured * max(0.0, spread - shared.clouds_secured_spread)
    return max(0.0, now.discount + (spread - shared.clouds_access_discount * cloud.access) / 12.0)


@inlined
def further_hour(cloud: Rows) -> float:
    """The rent at which the cloud would sell a further hour, $: full unit cost, or its reserve where that is more."""
    return max(cloud.full_cost, cloud.reserve)


@inlined
def part_of_demand(cloud: Rows) -> float:
    """What buyers spend with the cloud, over the price at which it would sell a further hour (Mh a month)."""
    least = further_hour(cloud)
    return float(cloud.hours * cloud.rent / least) if least > 0.0 else 0.0


@inlined
def user_cost_rate(cloud: Rows, shared: Rows, now: Rows) -> float:
    """Monthly rate of a GPU's user cost: cost of capital, failures, and the fall of what the same GPU costs later."""
    rate = (1.0 + cost_of_capital(cloud, shared, now)) * (1.0 + shared.clouds_expected_fall)
    return rate / max(1.0 - shared.clouds_failure_rate, 1e-9) - 1.0


@inlined
def price_ahead(clouds: Rows, now: Rows) -> float:
    """Rent at which a further hour will sell, $ per GPU-hour: mean over the hours sold."""
    hours = 0.0
    value = 0.0
    for c in range(clouds.shape[0]):
        hours += clouds[c].hours
        value += clouds[c].hours * further_hour(clouds[c])
    return value / hours if hours > 0.0 else now.mean_rent


@inlined
def usual_lead(chipmakers: Rows, shared: Rows) -> float:
    """Lead time of chips in months, mean over what is on order."""
    ordered = 0.0
    value = 0.0
    for v in range(chipmakers.shape[0]):
        ordered += chipmakers[v].backlog
        value += chipmakers[v].backlog * chipmakers[v].lead_time
    return value / ordered if ordered > 0.0 else shared.chipmakers_build_months


@inlined
def demand_ahead(s: Rows, price: float) -> float:
    """Hours (Mh a month) that will be wanted at that rent once chips ordered now arrive, of all clouds together.

    What is known to all who sell: the hours that buyers ask for, those that are not served with them; training budgets
    as announced; and outside demand, of which requests that are not filled yet come in month by month.  Inference
    responds with ``rent_response``, and nobody serves at a rent beyond what an hour brings in.
    """
    buyers, labs = s.buyers, s.labs
    shared = s.shared[0]
    now = s.now[0]
    total = 0.0
    for b in range(now.buyers):
        buyer = buyers[b]
        if buyer.inference > 0.0:
            cut = math.exp(min(shared.compute_choke_steepness * math.log(price / buyer.choke), NOTHING))
            response = (now.mean_rent / price) ** shared.clouds_rent_response
            total += buyer.inference * response / (1.0 + cut)
        budget = labs[buyer.row].next_training_budget if buyer.kind == LAB else buyer.budget
        total += budget / price
    waiting = now.outside_wanted - now.outside_hours
    come = 1.0 - (1.0 - shared.outside_adjustment) ** usual_lead(s.chipmakers, shared)
    outside = now.outside_hours + come * waiting
    relative = price / shared.outside_reference_rent
    moved = price / max(now.expected_rent, 1e-9)
    held = moved ** -(shared.outside_rent_elasticity - shared.outside_spot_elasticity)
    return total + outside * relative**-shared.outside_spot_elasticity * (1.0 - come + come * held)


@inlined
def foresee(s: Rows) -> None:
    """What clouds expect to sell: hours at the price ahead, smoothed, and their growth, smoothed and bounded."""
    shared = s.shared[0]
    now = s.now[0]
    now.price_ahead = price_ahead(s.clouds, now)
    wanted = demand_ahead(s, now.price_ahead)
    before = now.demand_ahead
    if before <= 0.0 or wanted <= 0.0:
        now.demand_ahead = wanted
        return
    now.demand_ahead += shared.clouds_smoothing * (wanted - before)
    change = math.log(now.demand_ahead / before)
    change = min(max(change, -shared.clouds_growth_cap), shared.clouds_growth_cap)
    now.demand_growth += shared.compute_expectation_speed * (change - now.demand_growth)


@kernel
def decide_orders(s: Rows) -> None:
    """Each cloud's order (kGPU) and the full unit cost that it expects.

    What it knows: what is asked for and announced in the market (`demand_ahead`), its own part of the sales, list
    prices, lead times, its own orders.  What it expects: that demand's growth goes on, but fades (damped trend:
    Gardner and McKenzie 1985), and that its part is that of what buyers spend with it at their prices over its cost:
    one that is short, and so dear, orders more.  The rule is Sterman's (1989) anchoring and adjustment: it orders what
    failures and growth will take when the order arrives, and closes a share of the gap between the fleet desired then
    and the fleet that survives with all that is on order (``pipeline_weight`` 1; at 0 it forgets what it has ordered).
    The share is small because building fast is dear (convex cost of adjustment).  Financing limits it, and follows what
    a GPU is worth over what it costs (Tobin's q).

    A GPU's worth is an annuity over its life at the cloud's cost of capital, failures and the expected fall of prices
    counted.

    Checked: tests/textbook/test_compute.py::test_in_the_long_run_the_rent_is_the_full_unit_cost,
    tests/market/rules/test_allocation.py::test_orders_that_forget_the_pipeline_swing_more.
    """
    clouds, chipmakers, backlog, edges = s.clouds, s.chipmakers, s.backlog, s.vendors
    shared = s.shared[0]
    now = s.now[0]
    hours = shared.clouds_hours_per_gpu
    fading = shared.clouds_growth_persistence
    weights = np.empty(chipmakers.shape[0])
    foresee(s)
    spent = 0.0
    for c in range(clouds.shape[0]):
        spent += part_of_demand(clouds[c])
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        price = 0.0
        lead = 0.0
        running = 0.0
        ordered = 0.0
        total = weigh_vendors(c, cloud, chipmakers, edges, shared, weights)
        for v in range(chipmakers.shape[0]):
            maker = chipmakers[v]
            ordered += backlog[c, v]
            price += weights[v] * price_to(cloud, v, maker, shared)
            lead += weights[v] * maker.lead_time
            running += weights[v] * hour_cost(cloud, maker.generation, shared)
        price = price / total if total > 0.0 else now.chip_price
        lead = lead / total if total > 0.0 else shared.chipmakers_build_months
        running = running / total if total > 0.0 else cloud.running
        full_price = price * (1.0 + shared.clouds_building_ratio)
        part = part_of_demand(cloud) / spent if spent > 0.0 else 0.0
        years = annuity(user_cost_rate(cloud, shared, now), shared.clouds_life) * hours
        cloud.full_cost = running + full_price / years
        cloud.worth = (cloud.expected_rent - running) * years
        cloud.budget = cloud.finance * math.exp(shared.clouds_hype_finance * now.hype + cloud.access)
        q = max(0.0, cloud.worth) / max(full_price, 1e-9)
        eased = min(q**shared.clouds_q_response, shared.clouds_q_ceiling)
        cloud.budget += shared.clouds_cash_flow_multiple * eased * max(0.0, cloud.cash_flow)
        cloud.next_order = 0.0
        cloud.wanted = part * now.demand_ahead
        if shared.clouds_capacity_rule == FIXED_CAPACITY:
            continue
        # Growth from now until the order arrives, and growth left then.
        left = fading**lead
        until = lead if fading == 1.0 else fading * (1.0 - left) / (1.0 - fading)
        desired = cloud.wanted / (hours * shared.clouds_target_utilisation) * math.exp(now.demand_growth * until)
        # Of the fleet, and of what arrives in equal parts until then, what has not failed; what arrives fails from its
        # first month.
        keep = max(1.0 - shared.clouds_failure_rate, 1e-9)
        surviving = keep**lead
        arriving = keep * (1.0 - surviving) / ((1.0 - keep) * lead) if keep < 1.0 and lead > 0.0 else 1.0
        gap = desired - surviving * cloud.fleet_now - shared.clouds_pipeline_weight * arriving * ordered
        order = desired * ((1.0 - keep) / keep + now.demand_growth * left) + shared.clouds_order_speed * gap
        if order > 0.0:
            cloud.next_order = min(order, cloud.budget / max(full_price, 1e-9))
        else:
            cloud.next_order = max(shared.clouds_cancellation * order, -ordered)


@kernel
def decide_list_prices(s: Rows) -> None:
    """Next month's list prices: cost times E/(E-1), rising with the lead time.

    E = sigma (1 - s) + epsilon s: a vendor of share s loses orders to rivals by the logit, and orders altogether as
    clouds want fewer GPUs (the Bertrand elasticity of Atkeson and Burstein 2008).  Lines of one company have its share.

    Checked: tests/textbook/test_compute.py::test_list_prices_are_those_of_a_bertrand_nash_equilibrium_of_vendors,
    tests/market/rules/test_extremes.py::test_a_chip_without_a_price_goes_to_that_of_its_maker_s_own_rule.
    """
    chipmakers = s.chipmakers
    shared = s.shared[0]
    for v in range(chipmakers.shape[0]):
        maker = chipmakers[v]
        share = company_share(v, chipmakers)
        elasticity = shared.chipmakers_vendor_sharpness * (1.0 - share) + shared.clouds_rent_response * share
        elasticity = max(shared.chipmakers_elasticity_floor, elasticity)
        wanted = maker.cost * elasticity / (elasticity - 1.0)
        lead = max(maker.lead_time / shared.chipmakers_normal_lead, shared.chipmakers_lead_floor)
        wanted *= lead**shared.chipmakers_lead_time_response
        if maker.price_rule == MARKUP:
            wanted = maker.cost * (1.0 + maker.markup)
        if maker.captive == 1:
            wanted = maker.cost
        maker.next_price = maker.price
        if maker.price <= 0.0:
            # 0 starts at the price of the maker's own rule.
            maker.next_price = wanted
        elif maker.price_rule != FROZEN:
            step = (wanted / maker.price) ** shared.chipmakers_price_speed
            step = min(max(step, shared.chipmakers_price_fall), shared.chipmakers_price_rise)
            maker.next_price = maker.price * step


@inlined
def buy(s: Rows, cloud: Rows, maker: Rows, chips: float, buildings: float) -> None:
    """A cloud pays for chips (M$, to their maker) and for the buildings around them."""
    maker.revenue += chips
    cloud.capex += chips + buildings
    cloud.book += chips + buildings
    pay(s, CHIPS, cloud.account, maker.account, chips)
    pay(s, BUILDINGS, cloud.account, SUPPLIERS, buildings)


@kernel
def order_chips(s: Rows) -> None:
    """Split each cloud's order over the vendors it has an edge to; cancellations come off in proportion.

    ``backlog``, ``prepaid`` and ``edges`` are [clouds, chipmakers].  A cloud that prepays pays that share of the price
    with the order; a cancelled order's advance counts towards the orders that remain or follow.  Writes each vendor's
    share of what clouds would order now, weighted by their fleets: the share that its elasticity depends on.

    Checked: tests/market/rules/test_allocation.py::test_prepayment_moves_money_forward_and_pays_no_more,
    tests/market/rules/test_hardware.py::test_portability_takes_the_ecosystem_out_of_the_choice.
    """
    clouds, chipmakers, backlog, prepaid, edges = s.clouds, s.chipmakers, s.backlog, s.prepaid, s.vendors
    shared = s.shared[0]
    vendors = chipmakers.shape[0]
    everything = 0.0
    weights = np.empty(vendors)
    for v in range(vendors):
        chipmakers[v].share = 0.0
        chipmakers[v].revenue = 0.0
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        cloud.capex = 0.0
        ordered = 0.0
        total = weigh_vendors(c, cloud, chipmakers, edges, shared, weights)
        for v in range(vendors):
            ordered += backlog[c, v]
        cloud.order = cloud.next_order if total > 0.0 or cloud.next_order < 0.0 else 0.0
        size = cloud.fleet_now + 1e-9
        if total > 0.0:
            everything += size
        for v in range(vendors):
            maker = chipmakers[v]
            share = weights[v] / total if total > 0.0 else 0.0
            maker.share += share * size
            if cloud.order >= 0.0:
                backlog[c, v] += cloud.order * share
                advance = cloud.prepayment * cloud.order * share * price_to(cloud, v, maker, shared)
                prepaid[c, v] += advance
                buy(s, cloud, maker, advance, 0.0)
            elif ordered > 0.0:
                backlog[c, v] = max(0.0, backlog[c, v] * (1.0 + cloud.order / ordered))
    if everything > 0.0:
        for v in range(vendors):
            chipmakers[v].share /= everything
