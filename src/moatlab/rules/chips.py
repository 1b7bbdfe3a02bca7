"""Chips: clouds' orders, vendors' choice, list prices, lead times, deliveries, generations, fleets.

A cloud wants the fleet at which its expected rent covers the full unit cost (chip, building, power), net of what is
on order, within its financing; without the netting orders overshoot (a bullwhip).  Vendors are chosen by logit on
performance per dollar and the developers' ecosystem.
"""

from __future__ import annotations

import math

from moatlab.compiled import Rows, inlined, kernel
from moatlab.rules.settlement import SMOOTHING
from moatlab.rules.sourcing import annuity
from moatlab.world.draws import GENERATION, normal
from moatlab.world.posting import BUILDINGS, CHIP_RND, CHIPS, COMPONENTS, PACKAGES, SUPPLIERS, pay

#: A list price moves by at most this factor a month.
FALL, RISE = 0.8, 1.25


@inlined
def unit_cost(maker: Rows, package: float) -> float:
    """Marginal cost per H100-equivalent, k$: components and packaging over performance."""
    return (maker.unit_cost + package) / maker.performance


@inlined
def price_to(cloud: Rows, v: int, maker: Rows) -> float:
    """What cloud pays for an H100-equivalent of maker ``v``, k$: its own design comes at cost."""
    return maker.cost if cloud.own_chip == v else maker.price


@inlined
def appeal(c: int, cloud: Rows, v: int, maker: Rows, edges: Rows, shared: Rows) -> float:
    """Weight of vendor ``v`` in the logit of cloud ``c``: ecosystem and performance per dollar; 0 where none trades."""
    if edges[c, v] == 0 or maker.alive == 0 or (maker.captive == 1 and cloud.own_chip != v):
        return 0.0
    taste = shared.chipmakers_ecosystem_taste * (1.0 - shared.chipmakers_portability)
    value = taste * maker.ecosystem - shared.chipmakers_vendor_sharpness * math.log(price_to(cloud, v, maker))
    return math.exp(value)


@kernel
def decide_orders(clouds: Rows, chipmakers: Rows, backlog: Rows, cash: Rows, shared_row: Rows, now_row: Rows) -> None:
    """Each cloud's order (kGPU) and the full unit cost it reckons with."""
    shared = shared_row[0]
    now = now_row[0]
    build = shared.chipmakers_build_months
    worth = annuity(now.discount, shared.clouds_life)
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        price = 0.0
        weight = 0.0
        lead = build
        ordered = 0.0
        for v in range(chipmakers.shape[0]):
            ordered += backlog[c, v]
            price += chipmakers[v].share * price_to(cloud, v, chipmakers[v])
            lead += chipmakers[v].share * max(0.0, chipmakers[v].lead_time - build)
            weight += chipmakers[v].share
        price = price / weight if weight > 0.0 else now.chip_price
        full_price = price * (1.0 + shared.clouds_building_ratio)
        cloud.full_cost = cloud.running + full_price / (worth * shared.clouds_hours_per_gpu)
        ratio = (cloud.expected_rent / cloud.full_cost) ** shared.clouds_rent_response
        before = cloud.wanted
        speed = shared.compute_expectation_speed
        cloud.wanted += (
            2.0 * speed * (cloud.hours * ratio - cloud.wanted) if cloud.wanted > 0.0 else cloud.hours * ratio
        )
        if before > 0.0 and cloud.wanted > 0.0:
            cloud.growth += speed * (math.log(cloud.wanted / before) - cloud.growth)
        ahead = min(lead, 12.0)
        desired = cloud.wanted / (shared.clouds_hours_per_gpu * shared.clouds_target_utilisation)
        desired *= math.exp(shared.clouds_growth_weight * min(max(cloud.growth, -0.03), 0.05) * ahead)
        surviving = cloud.fleet_now * math.exp(-shared.clouds_failure_rate * ahead)
        gap = desired - surviving - ordered
        cloud.budget = cloud.finance * math.exp(shared.clouds_hype_finance * now.hype)
        cloud.budget += shared.clouds_cash_flow_multiple * max(0.0, cloud.cash_flow)
        if gap > 0.0:
            cloud.next_order = min(shared.clouds_order_speed * gap, cloud.budget / max(full_price, 1e-9))
        else:
            cloud.next_order = max(shared.clouds_cancellation * gap, -ordered)


@kernel
def decide_list_prices(chipmakers: Rows, shared_row: Rows) -> None:
    """Next month's list prices: cost times E/(E-1), E from the vendor logit, rising with the lead time."""
    shared = shared_row[0]
    for v in range(chipmakers.shape[0]):
        maker = chipmakers[v]
        elasticity = shared.chipmakers_vendor_sharpness * (1.0 - maker.share)
        elasticity += shared.clouds_rent_response * maker.share
        elasticity = max(shared.chipmakers_elasticity_floor, elasticity)
        wanted = maker.cost * elasticity / (elasticity - 1.0)
        wanted *= max(maker.lead_time / shared.chipmakers_normal_lead, 0.25) ** shared.chipmakers_lead_time_response
        if maker.captive == 1:
            wanted = maker.cost
        step = (wanted / maker.price) ** shared.chipmakers_price_speed
        maker.next_price = maker.price * min(max(step, FALL), RISE)


@kernel
def order_chips(clouds: Rows, chipmakers: Rows, backlog: Rows, edges: Rows, shared_row: Rows) -> None:
    """Split each cloud's order over the vendors it has an edge to; cancellations come off in proportion.

    ``backlog`` and ``edges`` are [clouds, chipmakers].  Writes each vendor's share of what clouds would order now,
    weighted by their fleets: the share that its elasticity of demand depends on.
    """
    shared = shared_row[0]
    vendors = chipmakers.shape[0]
    everything = 0.0
    for v in range(vendors):
        chipmakers[v].share = 0.0
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        ordered = 0.0
        total = 0.0
        for v in range(vendors):
            ordered += backlog[c, v]
            total += appeal(c, cloud, v, chipmakers[v], edges, shared)
        cloud.order = cloud.next_order if total > 0.0 or cloud.next_order < 0.0 else 0.0
        weight = cloud.fleet_now + 1e-9
        if total > 0.0:
            everything += weight
        for v in range(vendors):
            share = appeal(c, cloud, v, chipmakers[v], edges, shared) / total if total > 0.0 else 0.0
            chipmakers[v].share += share * weight
            if cloud.order >= 0.0:
                backlog[c, v] += cloud.order * share
            elif ordered > 0.0:
                backlog[c, v] = max(0.0, backlog[c, v] * (1.0 + cloud.order / ordered))
    if everything > 0.0:
        for v in range(vendors):
            chipmakers[v].share /= everything


@kernel
def deliver(
    clouds: Rows, chipmakers: Rows, backlog: Rows, fleet: Rows, pipeline: Rows, book: Rows, cash: Rows, totals: Rows,
    shared_row: Rows, now_row: Rows,
) -> None:  # fmt: skip
    """Chips that come out of the pipeline reach clouds, pro rata to orders times the maker's preference.

    ``fleet`` [clouds, chipmakers, generations] in kGPU, ``pipeline`` [chipmakers, months] in kGPU by month of delivery.
    A maker keeps scarce chips from clouds that design chips of their own by exp(-rival_aversion).
    """
    shared = shared_row[0]
    now = now_row[0]
    month = now.month
    slots = pipeline.shape[1]
    generations = fleet.shape[2]
    now.deliveries = 0.0
    value = 0.0
    margin = 0.0
    for c in range(clouds.shape[0]):
        clouds[c].capex = 0.0
    for v in range(chipmakers.shape[0]):
        maker = chipmakers[v]
        maker.inventory += pipeline[v, month % slots]
        pipeline[v, month % slots] = 0.0
        maker.delivered = 0.0
        maker.revenue = 0.0
        maker.sold_cost = maker.cost
        generation = min(int(maker.generation), generations - 1)
        for _ in range(4):
            weighted = 0.0
            for c in range(clouds.shape[0]):
                rival = clouds[c].own_chip >= 0 and clouds[c].own_chip != v
                weighted += backlog[c, v] * (math.exp(-shared.chipmakers_rival_aversion) if rival else 1.0)
            supply = maker.inventory
            if weighted <= 0.0 or supply <= 0.0:
                break
            for c in range(clouds.shape[0]):
                cloud = clouds[c]
                rival = cloud.own_chip >= 0 and cloud.own_chip != v
                claim = backlog[c, v] * (math.exp(-shared.chipmakers_rival_aversion) if rival else 1.0)
                amount = min(backlog[c, v], supply * claim / weighted)
                if amount <= 0.0:
                    continue
                backlog[c, v] -= amount
                maker.inventory = max(0.0, maker.inventory - amount)
                fleet[c, v, generation] += amount
                maker.delivered += amount
                price = price_to(cloud, v, maker)
                spent = amount * price
                buildings = amount * now.chip_price * shared.clouds_building_ratio
                maker.revenue += spent
                cloud.capex += spent + buildings
                cloud.book += spent + buildings
                pay(book, cash, totals, month, CHIPS, cloud.account, maker.account, spent)
                pay(book, cash, totals, month, BUILDINGS, cloud.account, SUPPLIERS, buildings)
        maker.supply += SMOOTHING * (maker.delivered - maker.supply)
        now.deliveries += maker.delivered
        if maker.captive == 0:
            value += maker.delivered * maker.price
            margin += maker.delivered * (maker.price - maker.cost) / maker.cost
    free = 0.0
    for v in range(chipmakers.shape[0]):
        free += chipmakers[v].delivered if chipmakers[v].captive == 0 else 0.0
    if free > 0.0:
        now.chip_price = value / free
        now.chip_margin = margin / free


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
        reached = 0.0
        for f in range(foundry.shape[0]):
            if edges[v, f] != 0 and foundry[f].alive == 1:
                reached += foundry[f].capacity
        maker.request -= own
        for f in range(foundry.shape[0]):
            if edges[v, f] != 0 and foundry[f].alive == 1 and reached > 0.0:
                foundry[f].requested += maker.request * foundry[f].capacity / reached
    for v in range(chipmakers.shape[0]):
        maker = chipmakers[v]
        reached = 0.0
        for f in range(foundry.shape[0]):
            if edges[v, f] != 0 and foundry[f].alive == 1:
                reached += foundry[f].capacity
        for f in range(foundry.shape[0]):
            maker_asks = 0.0
            if edges[v, f] != 0 and foundry[f].alive == 1 and reached > 0.0:
                maker_asks = maker.request * foundry[f].capacity / reached
            if maker_asks > 0.0:
                granted = maker_asks * min(1.0, foundry[f].capacity / foundry[f].requested)
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
        maker.lead_time = float(build)
        if supply > 0.0:
            maker.lead_time += min(maker.backlog / supply, 60.0)
        elif maker.backlog > 0.0:
            maker.lead_time += 60.0


@kernel
def age_fleets(clouds: Rows, chipmakers: Rows, fleet: Rows, foundry: Rows, shared_row: Rows, now_row: Rows) -> None:
    """Failures, retirement of vintages that cost more to run than they earn, generations, ecosystems, capacity.

    A vintage of generation g runs at ``running_cost / power_gain**g`` per H100-equivalent hour.
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
    everything = 0.0
    for v in range(vendors):
        chipmakers[v].installed = 0.0
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        cloud.fleet_now = 0.0
        power = 0.0
        for g in range(fleet.shape[2]):
            running = shared.clouds_running_cost * math.exp(-g * math.log(shared.chipmakers_power_gain))
            keep = 1.0 - shared.clouds_failure_rate
            if running > cloud.expected_rent and now.month > 0:
                keep *= 0.9
            for v in range(vendors):
                fleet[c, v, g] *= keep
                cloud.fleet_now += fleet[c, v, g]
                power += fleet[c, v, g] * running
                chipmakers[v].installed += fleet[c, v, g]
        if cloud.fleet_now > 0.0:
            cloud.running = power / cloud.fleet_now
        cloud.capacity = cloud.fleet_now * shared.clouds_hours_per_gpu
        everything += cloud.fleet_now
    for v in range(vendors):
        maker = chipmakers[v]
        share = maker.installed / everything if everything > 0.0 else 0.0
        maker.ecosystem += shared.chipmakers_ecosystem_decay * (share - maker.ecosystem)
        if now.month >= maker.next_generation and maker.next_generation > 0.0:
            maker.generation += 1
            maker.performance *= shared.chipmakers_generation_gain
            maker.unit_cost *= shared.chipmakers_cost_growth
            shock = normal(now.seed, GENERATION, maker.generation, maker.identity)
            gap = shared.chipmakers_generation_months + shared.chipmakers_generation_spread * shock
            maker.next_generation += max(1.0, gap)
        maker.cost = unit_cost(maker, package)
