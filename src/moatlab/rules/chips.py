"""Chips: clouds' orders, vendors' choice, list prices, lead times, deliveries, generations, fleets.

A cloud wants the fleet at which rent covers the full unit cost (chip, building, power), net of what is on order, within
its financing; without the netting orders overshoot (a bullwhip).  Vendors are chosen by logit on performance per dollar
and the developers' ecosystem.  When orders exceed supply each chipmaker allocates by its own rule.
"""

from __future__ import annotations

import math

import numpy as np

from moatlab.compiled import Rows, inlined, kernel
from moatlab.rules.settlement import SMOOTHING
from moatlab.rules.sourcing import FROZEN, MARKUP, annuity
from moatlab.world.draws import GENERATION, normal
from moatlab.world.posting import BUILDINGS, CHIP_RND, CHIPS, COMPONENTS, PACKAGES, SUPPLIERS, pay

#: A list price moves by at most this factor a month.
FALL, RISE = 0.8, 1.25
#: Rules of allocation and of capacity, in the order of the registry's choices.
PREFERENCE, PRO_RATA, BY_WORTH = 0, 1, 2
INVESTED, FIXED = 0, 1
#: Share of a vintage that costs more to run than it is expected to earn, and is scrapped in a month.
SCRAPPED = 0.1
#: A lead time that stands for "nobody knows when", months.
LONGEST_LEAD = 60.0


@inlined
def unit_cost(maker: Rows, package: float) -> float:
    """Marginal cost per H100-equivalent, k$: components and packaging over performance."""
    return (maker.unit_cost + package) / maker.performance


@inlined
def price_to(cloud: Rows, v: int, maker: Rows, shared: Rows) -> float:
    """What a cloud pays for an H100-equivalent of maker ``v``, k$.

    Its own design comes at cost, others' at the list price less a discount in proportion to its share of all fleets.
    """
    if cloud.own_chip == v:
        return maker.cost
    return maker.price * (1.0 - shared.chipmakers_volume_discount * cloud.size)


@inlined
def appeal(c: int, cloud: Rows, v: int, maker: Rows, edges: Rows, shared: Rows) -> float:
    """Weight of vendor ``v`` in the logit of cloud ``c``: ecosystem and performance per dollar; 0 where none trades."""
    if edges[c, v] == 0 or maker.alive == 0 or (maker.captive == 1 and cloud.own_chip != v):
        return 0.0
    taste = shared.chipmakers_ecosystem_taste * (1.0 - shared.chipmakers_portability)
    price = price_to(cloud, v, maker, shared)
    return math.exp(taste * maker.ecosystem - shared.chipmakers_vendor_sharpness * math.log(price))


@inlined
def running_cost(generation: float, shared: Rows) -> float:
    """Running cost of an H100-equivalent of that generation, $ per hour."""
    return shared.clouds_running_cost * math.exp(-generation * math.log(shared.chipmakers_power_gain))


@inlined
def cost_of_capital(cloud: Rows, shared: Rows, now: Rows) -> float:
    """Monthly discount rate of a cloud: the market's, its own spread, and what access to capital takes off."""
    return max(0.0, now.discount + (cloud.capital_spread - shared.clouds_access_discount * cloud.access) / 12.0)


@kernel
def decide_orders(clouds: Rows, chipmakers: Rows, backlog: Rows, edges: Rows, shared_row: Rows, now_row: Rows) -> None:
    """Each cloud's order (kGPU) and the full unit cost it reckons with.

    What it knows: its own sales and rent, list prices, lead times, its own orders.  What it expects: the hours that it
    could sell at the full unit cost, by a constant elasticity from this month's rent and hours (a pair on one demand
    curve); their growth goes on, but fades (damped trend: Gardner and McKenzie 1985).  The rule is Sterman's (1989)
    anchoring and adjustment: it orders what failures and growth will take when the order arrives, and closes a share of
    the gap between the fleet desired then and the fleet that survives with all that is on order (``pipeline_weight`` 1; at
    0 it forgets what it has ordered).  The share is small because building fast is dear (convex cost of adjustment).
    Financing limits it.

    A GPU's worth is an annuity over its life at the cloud's cost of capital, failures counted.
    """
    shared = shared_row[0]
    now = now_row[0]
    hours = shared.clouds_hours_per_gpu
    fading = shared.clouds_growth_persistence
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        price = 0.0
        lead = 0.0
        running = 0.0
        ordered = 0.0
        total = 0.0
        for v in range(chipmakers.shape[0]):
            maker = chipmakers[v]
            ordered += backlog[c, v]
            weight = appeal(c, cloud, v, maker, edges, shared)
            total += weight
            price += weight * price_to(cloud, v, maker, shared)
            lead += weight * maker.lead_time
            running += weight * running_cost(maker.generation, shared)
        price = price / total if total > 0.0 else now.chip_price
        lead = lead / total if total > 0.0 else shared.chipmakers_build_months
        running = running / total if total > 0.0 else cloud.running
        full_price = price * (1.0 + shared.clouds_building_ratio)
        rate = (1.0 + cost_of_capital(cloud, shared, now)) / (1.0 - shared.clouds_failure_rate) - 1.0
        years = annuity(rate, shared.clouds_life) * hours
        cloud.full_cost = running + full_price / years
        cloud.worth = (cloud.expected_rent - running) * years
        cloud.budget = cloud.finance * math.exp(shared.clouds_hype_finance * now.hype + cloud.access)
        cloud.budget += shared.clouds_cash_flow_multiple * max(0.0, cloud.cash_flow)
        cloud.next_order = 0.0
        sold = cloud.hours * (cloud.rent / cloud.full_cost) ** shared.clouds_rent_response
        before = cloud.wanted
        cloud.wanted += SMOOTHING * (sold - cloud.wanted) if before > 0.0 else sold
        if before > 0.0 and cloud.wanted > 0.0:
            change = math.log(cloud.wanted / before)
            cloud.growth += shared.compute_expectation_speed * (change - cloud.growth)
        if shared.clouds_capacity_rule == FIXED:
            continue
        # Growth from now until the order arrives, and growth left then.
        left = fading**lead
        until = lead if fading == 1.0 else fading * (1.0 - left) / (1.0 - fading)
        desired = cloud.wanted / (hours * shared.clouds_target_utilisation) * math.exp(cloud.growth * until)
        surviving = cloud.fleet_now * math.exp(-shared.clouds_failure_rate * lead)
        gap = desired - surviving - shared.clouds_pipeline_weight * ordered
        order = desired * (shared.clouds_failure_rate + cloud.growth * left) + shared.clouds_order_speed * gap
        if order > 0.0:
            cloud.next_order = min(order, cloud.budget / max(full_price, 1e-9))
        else:
            cloud.next_order = max(shared.clouds_cancellation * order, -ordered)


@kernel
def decide_list_prices(chipmakers: Rows, shared_row: Rows) -> None:
    """Next month's list prices: cost times E/(E-1), rising with the lead time.

    E = sigma (1 - s) + epsilon s: a vendor of share s loses orders to rivals by the logit, and orders altogether as
    clouds want fewer GPUs (the Bertrand elasticity of Atkeson and Burstein 2008).
    """
    shared = shared_row[0]
    for v in range(chipmakers.shape[0]):
        maker = chipmakers[v]
        elasticity = shared.chipmakers_vendor_sharpness * (1.0 - maker.share)
        elasticity += shared.clouds_rent_response * maker.share
        elasticity = max(shared.chipmakers_elasticity_floor, elasticity)
        wanted = maker.cost * elasticity / (elasticity - 1.0)
        wanted *= max(maker.lead_time / shared.chipmakers_normal_lead, 0.25) ** shared.chipmakers_lead_time_response
        if maker.price_rule == MARKUP:
            wanted = maker.cost * (1.0 + maker.markup)
        if maker.captive == 1:
            wanted = maker.cost
        maker.next_price = maker.price
        if maker.price_rule != FROZEN:
            step = (wanted / maker.price) ** shared.chipmakers_price_speed
            maker.next_price = maker.price * min(max(step, FALL), RISE)


@kernel
def order_chips(
    clouds: Rows, chipmakers: Rows, backlog: Rows, prepaid: Rows, edges: Rows, book: Rows, cash: Rows, totals: Rows,
    shared_row: Rows, now_row: Rows,
) -> None:  # fmt: skip
    """Split each cloud's order over the vendors it has an edge to; cancellations come off in proportion.

    ``backlog``, ``prepaid`` and ``edges`` are [clouds, chipmakers].  A cloud that prepays pays that share of the price
    with the order; a cancelled order's advance counts towards the orders that remain or follow.  Writes each vendor's
    share of what clouds would order now, weighted by their fleets: the share that its elasticity depends on.
    """
    shared = shared_row[0]
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
        total = 0.0
        for v in range(vendors):
            ordered += backlog[c, v]
            weights[v] = appeal(c, cloud, v, chipmakers[v], edges, shared)
            total += weights[v]
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
                buy(cloud, maker, advance, 0.0, book, cash, totals, now_row[0].month)
            elif ordered > 0.0:
                backlog[c, v] = max(0.0, backlog[c, v] * (1.0 + cloud.order / ordered))
    if everything > 0.0:
        for v in range(vendors):
            chipmakers[v].share /= everything


@inlined
def buy(
    cloud: Rows, maker: Rows, chips: float, buildings: float, book: Rows, cash: Rows, totals: Rows, month: int
) -> None:
    """A cloud pays for chips (M$, to their maker) and for the buildings around them."""
    maker.revenue += chips
    cloud.capex += chips + buildings
    cloud.book += chips + buildings
    pay(book, cash, totals, month, CHIPS, cloud.account, maker.account, chips)
    pay(book, cash, totals, month, BUILDINGS, cloud.account, SUPPLIERS, buildings)


@inlined
def claim(cloud: Rows, v: int, maker: Rows, shared: Rows) -> float:
    """Weight of a unit of the cloud's orders when maker ``v`` shares out what is scarce.

    The stock of priority counts everywhere.  A maker that prefers keeps chips from clouds with designs of their own.
    """
    weight = math.exp(cloud.priority) if cloud.priority != 0.0 else 1.0
    if maker.allocation == PREFERENCE and cloud.own_chip >= 0 and cloud.own_chip != v:
        weight *= math.exp(-shared.chipmakers_rival_aversion)
    return weight


@inlined
def ration(supply: float, wants: Rows, claims: Rows, bids: Rows, got: Rows) -> None:
    """Share ``supply`` out: to the highest bids first, and among equal bids in proportion to wants times claims.

    All arrays are [clouds]; nobody gets more than it wants, and nothing is kept back while somebody still wants.
    """
    n = wants.shape[0]
    for c in range(n):
        got[c] = 0.0
    for _ in range(2 * n):
        best = -1e300
        for c in range(n):
            if wants[c] > got[c]:
                best = max(best, bids[c])
        total = 0.0
        for c in range(n):
            if wants[c] > got[c] and bids[c] >= best:
                total += wants[c] * claims[c]
        if total <= 0.0 or supply <= 0.0:
            return
        given = 0.0
        for c in range(n):
            if wants[c] > got[c] and bids[c] >= best:
                part = supply * wants[c] * claims[c] / total
                if part >= wants[c] - got[c]:
                    part = wants[c] - got[c]
                    got[c] = wants[c]
                else:
                    got[c] += part
                given += part
        supply -= given


@kernel
def deliver(
    clouds: Rows, chipmakers: Rows, backlog: Rows, prepaid: Rows, fleet: Rows, pipeline: Rows, book: Rows, cash: Rows,
    totals: Rows, shared_row: Rows, now_row: Rows,
) -> None:  # fmt: skip
    """Chips that come out of the pipeline reach clouds, by the rule of allocation of their maker.

    ``fleet`` [clouds, chipmakers, generations] in kGPU, ``pipeline`` [chipmakers, months] in kGPU by month of delivery.
    Pro rata: in proportion to orders.  By preference: the same, less for rivals in chip design.  By worth: first to the
    cloud to which a GPU is worth most, at the list price (efficient rationing).
    """
    shared = shared_row[0]
    now = now_row[0]
    month = now.month
    slots = pipeline.shape[1]
    generations = fleet.shape[2]
    n = clouds.shape[0]
    wants = np.empty(n)
    claims = np.empty(n)
    bids = np.empty(n)
    got = np.empty(n)
    now.deliveries = 0.0
    value = 0.0
    margin = 0.0
    free = 0.0
    for v in range(chipmakers.shape[0]):
        maker = chipmakers[v]
        maker.inventory += pipeline[v, month % slots]
        pipeline[v, month % slots] = 0.0
        maker.delivered = 0.0
        maker.sold_cost = maker.cost
        generation = min(int(maker.generation), generations - 1)
        for c in range(n):
            wants[c] = backlog[c, v]
            claims[c] = claim(clouds[c], v, maker, shared)
            bids[c] = clouds[c].worth if maker.allocation == BY_WORTH else 0.0
        ration(maker.inventory, wants, claims, bids, got)
        for c in range(n):
            amount = got[c]
            if amount <= 0.0:
                continue
            cloud = clouds[c]
            price = price_to(cloud, v, maker, shared)
            paid = min(prepaid[c, v] * amount / backlog[c, v], amount * price) if prepaid[c, v] > 0.0 else 0.0
            prepaid[c, v] -= paid
            backlog[c, v] = max(0.0, backlog[c, v] - amount)
            maker.inventory = max(0.0, maker.inventory - amount)
            fleet[c, v, generation] += amount
            maker.delivered += amount
            buildings = amount * now.chip_price * shared.clouds_building_ratio
            buy(cloud, maker, amount * price - paid, buildings, book, cash, totals, month)
        maker.supply += SMOOTHING * (maker.delivered - maker.supply)
        now.deliveries += maker.delivered
        if maker.captive == 0:
            free += maker.delivered
            value += maker.delivered * maker.price
            margin += maker.delivered * (maker.price - maker.cost) / maker.cost
    if free > 0.0:
        now.chip_price = value / free
        now.chip_margin = margin / free


@kernel
def keep_priority(clouds: Rows, chipmakers: Rows, backlog: Rows, prepaid: Rows, shared_row: Rows) -> None:
    """Supply-chain priority of each cloud: prepayment feeds it, the end of the shortage erodes it.

    Fed by the share of its orders that is prepaid; it fades at the declared rate while chips come at the normal lead
    time, and the slower the longer they take.
    """
    shared = shared_row[0]
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        ordered = 0.0
        value = 0.0
        advances = 0.0
        lead = 0.0
        for v in range(chipmakers.shape[0]):
            ordered += backlog[c, v]
            value += backlog[c, v] * price_to(cloud, v, chipmakers[v], shared)
            advances += prepaid[c, v]
            lead += backlog[c, v] * chipmakers[v].lead_time
        ease = 1.0
        if ordered > 0.0 and lead > 0.0:
            ease = min(1.0, shared.chipmakers_normal_lead * ordered / lead)
        fed = min(1.0, advances / value) if value > 0.0 else 0.0
        cloud.erosion = shared.clouds_priority_decay * ease
        cloud.priority += shared.clouds_priority_gain * fed - cloud.erosion * cloud.priority


@inlined
def asked(v: int, f: int, maker: Rows, foundry: Rows, edges: Rows) -> float:
    """Packages that maker ``v`` asks of foundry ``f``: in proportion to the capacity in operation that it reaches.

    While none that it reaches operates, it asks as if all did, so that its orders stay on their books.
    """
    if edges[v, f] == 0 or foundry[f].alive == 0:
        return 0.0
    working = 0.0
    built = 0.0
    for g in range(foundry.shape[0]):
        if edges[v, g] != 0 and foundry[g].alive == 1:
            working += foundry[g].capacity * foundry[g].availability
            built += foundry[g].capacity
    if working > 0.0:
        return maker.request * foundry[f].capacity * foundry[f].availability / working
    return maker.request * foundry[f].capacity / built if built > 0.0 else 0.0


@kernel
def start_chips(
    chipmakers: Rows, foundry: Rows, backlog: Rows, pipeline: Rows, edges: Rows, book: Rows, cash: Rows, totals: Rows,
    shared_row: Rows, now_row: Rows,
) -> None:  # fmt: skip
    """Makers ask foundries for the packages that their backlog needs; scarce capacity is shared pro rata.

    A maker with a fab of its own uses it first.  Packages and components are paid when they are started; the chips
    leave the pipeline ``build_months`` later.
    """
    shared = shared_row[0]
    now = now_row[0]
    month = now.month
    slots = pipeline.shape[1]
    build = int(shared.chipmakers_build_months)
    for f in range(foundry.shape[0]):
        foundry[f].requested = 0.0
        foundry[f].starts = 0.0
        foundry[f].revenue = 0.0
    for v in range(chipmakers.shape[0]):
        maker = chipmakers[v]
        maker.backlog = 0.0
        for c in range(backlog.shape[0]):
            maker.backlog += backlog[c, v]
        coming = maker.inventory
        for slot in range(slots):
            coming += pipeline[v, slot]
        maker.request = max(0.0, maker.backlog - coming) / maker.performance if maker.alive == 1 else 0.0
        own = min(maker.request, maker.own_fab)
        maker.starts = own
        maker.cost_of_goods = own * shared.foundry_operating_share * foundry[0].base_price
        pay(book, cash, totals, month, COMPONENTS, maker.account, SUPPLIERS, maker.cost_of_goods)
        maker.request -= own
        for f in range(foundry.shape[0]):
            foundry[f].requested += asked(v, f, maker, foundry, edges)
    for v in range(chipmakers.shape[0]):
        maker = chipmakers[v]
        for f in range(foundry.shape[0]):
            wish = asked(v, f, maker, foundry, edges)
            if wish > 0.0:
                granted = wish * min(1.0, foundry[f].capacity * foundry[f].availability / foundry[f].requested)
                maker.starts += granted
                foundry[f].starts += granted
                amount = granted * foundry[f].price
                foundry[f].revenue += amount
                maker.cost_of_goods += amount
                pay(book, cash, totals, month, PACKAGES, maker.account, foundry[f].account, amount)
        parts = maker.starts * maker.unit_cost
        maker.cost_of_goods += parts
        pay(book, cash, totals, month, COMPONENTS, maker.account, SUPPLIERS, parts)
        research = shared.chipmakers_rnd_share * maker.revenue
        pay(book, cash, totals, month, CHIP_RND, maker.account, SUPPLIERS, research)
        pipeline[v, (month + build) % slots] += maker.starts * maker.performance
        maker.gross_profit = maker.revenue - maker.cost_of_goods
        maker.outlay += SMOOTHING * (maker.cost_of_goods + research - maker.outlay)
        supply = max(maker.supply, maker.starts * maker.performance)
        # Little's law: what is not delivered yet, be it in the pipeline or not begun, over what is delivered a month.
        maker.lead_time = float(build)
        if supply > 0.0:
            maker.lead_time = max(maker.lead_time, min(maker.backlog / supply, LONGEST_LEAD))
        elif maker.backlog > 0.0:
            maker.lead_time = LONGEST_LEAD


@kernel
def age_fleets(clouds: Rows, chipmakers: Rows, fleet: Rows, foundry: Rows, shared_row: Rows, now_row: Rows) -> None:
    """Failures, retirement of vintages that cost more to run than they earn, generations, ecosystems, capacity.

    A vintage of generation g runs at ``running_cost / power_gain**g`` per H100-equivalent hour.  The developers'
    ecosystem of a chip is fed by its share of the installed base in use.  Fixed capacity neither fails nor retires.
    """
    shared = shared_row[0]
    now = now_row[0]
    vendors = chipmakers.shape[0]
    package = 0.0
    reached = 0.0
    for f in range(foundry.shape[0]):
        package += foundry[f].capacity * foundry[f].price
        reached += foundry[f].capacity
    package = package / reached if reached > 0.0 else foundry[0].base_price
    fixed = shared.clouds_capacity_rule == FIXED
    everything = 0.0
    used = np.zeros(vendors)
    for v in range(vendors):
        chipmakers[v].installed = 0.0
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        cloud.fleet_now = 0.0
        in_use = cloud.hours / cloud.offered if cloud.offered > 0.0 else 0.0
        power = 0.0
        for g in range(fleet.shape[2]):
            running = running_cost(float(g), shared)
            keep = 1.0 if fixed else 1.0 - shared.clouds_failure_rate
            if running > cloud.expected_rent and now.month > 0 and not fixed:
                keep *= 1.0 - SCRAPPED
            for v in range(vendors):
                fleet[c, v, g] *= keep
                cloud.fleet_now += fleet[c, v, g]
                power += fleet[c, v, g] * running
                chipmakers[v].installed += fleet[c, v, g]
                used[v] += fleet[c, v, g] * in_use
        if cloud.fleet_now > 0.0:
            cloud.running = power / cloud.fleet_now
        cloud.capacity = cloud.fleet_now * shared.clouds_hours_per_gpu
        everything += cloud.fleet_now
    for c in range(clouds.shape[0]):
        clouds[c].size = clouds[c].fleet_now / everything if everything > 0.0 else 0.0
    everything = used.sum()
    for v in range(vendors):
        maker = chipmakers[v]
        share = used[v] / everything if everything > 0.0 else 0.0
        maker.ecosystem += shared.chipmakers_ecosystem_decay * (share - maker.ecosystem)
        if now.month >= maker.next_generation and maker.next_generation > 0.0:
            maker.generation += 1
            maker.performance *= shared.chipmakers_generation_gain
            maker.unit_cost *= shared.chipmakers_cost_growth
            shock = normal(now.seed, GENERATION, maker.generation, maker.identity)
            gap = shared.chipmakers_generation_months + shared.chipmakers_generation_spread * shock
            maker.next_generation += max(1.0, gap)
        maker.cost = unit_cost(maker, package)
