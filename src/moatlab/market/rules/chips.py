"""Chips: who gets what is scarce, deliveries, lead times, fleets, and whose chips are in use.

When orders exceed supply each chipmaker allocates by its own rule, and clouds' priority weighs in.
"""

from __future__ import annotations

import math

import numpy as np

from moatlab.market.rules.conventions import together
from moatlab.market.rules.costs import chip_cost, hour_cost
from moatlab.market.rules.orders import FIXED_CAPACITY, buy
from moatlab.market.rules.vendors import price_to
from moatlab.market.state.compiled import Rows, inlined, kernel
from moatlab.market.state.posting import CHIP_RND, COMPONENTS, PACKAGES, SUPPLIERS, pay

#: Rules of allocation, in the order of the registry's choices.
PREFERENCE, PRO_RATA, BY_WORTH = 0, 1, 2
#: Fleet (kGPU) below which a cloud has not a single GPU and rents out nothing.
ONE_GPU = 1e-3
#: A company with less than this share of all fleets counts as having it where small buyers are preferred.
LEAST_SIZE = 1e-4


@inlined
def claim(cloud: Rows, v: int, maker: Rows, shared: Rows) -> float:
    """Weight of a unit of the cloud's orders when maker ``v`` shares out what is scarce.

    The stock of priority counts everywhere, and so does the weight that the maker gives to small buyers, whose number
    keeps it from depending on a few: size^-a, of their company's share of all fleets.  A maker that prefers keeps chips
    from clouds with designs of their own.
    """
    weight = math.exp(cloud.priority) if cloud.priority != 0.0 else 1.0
    if maker.small_first != 0.0:
        weight *= max(cloud.size, LEAST_SIZE) ** -maker.small_first
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
def deliver(s: Rows) -> None:
    """Chips that come out of the pipeline reach clouds, by the rule of allocation of their maker.

    ``fleet`` [clouds, chipmakers, generations] in kGPU, ``pipeline`` [chipmakers, months] in kGPU by month of delivery.
    Pro rata: in proportion to orders.  By preference: the same, less for rivals in chip design.  By worth: first to the
    cloud to which a GPU is worth most, at the list price (efficient rationing).

    Checked: tests/market/rules/test_allocation.py.
    """
    clouds, chipmakers, backlog = s.clouds, s.chipmakers, s.backlog
    prepaid, fleet, pipeline = s.prepaid, s.fleet, s.pipeline
    shared = s.shared[0]
    now = s.now[0]
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
        # Of a ramp under way, the part that is of the new generation.
        older = min(int(maker.generation), generations - 1)
        newer = min(older + 1, generations - 1)
        of_newer = maker.generation - int(maker.generation)
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
            fleet[c, v, older] += amount * (1.0 - of_newer)
            fleet[c, v, newer] += amount * of_newer
            maker.delivered += amount
            buildings = amount * now.chip_price * shared.clouds_building_ratio
            buy(s, cloud, maker, amount * price - paid, buildings)
        maker.supply += shared.chipmakers_smoothing * (maker.delivered - maker.supply)
        now.deliveries += maker.delivered
        if maker.captive == 0:
            free += maker.delivered
            value += maker.delivered * maker.price
            margin += maker.delivered * (maker.price - maker.cost) / maker.cost
    if free > 0.0:
        now.chip_price = value / free
        now.chip_margin = margin / free


@kernel
def keep_priority(s: Rows) -> None:
    """Supply-chain priority of each cloud: prepayment feeds it, the end of the shortage erodes it.

    Fed by the share of its orders that is prepaid; it fades at the declared rate while chips come at the normal lead
    time, and the slower the longer they take.

    Checked: tests/market/rules/test_allocation.py::test_priority_is_a_weight_that_fades_and_prepayment_feeds_it.
    """
    clouds, chipmakers, backlog, prepaid = s.clouds, s.chipmakers, s.backlog, s.prepaid
    shared = s.shared[0]
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
def start_chips(s: Rows) -> None:
    """Makers ask foundries for the packages that their backlog needs; scarce capacity is shared pro rata.

    A maker with a fab of its own uses it first.  Packages and components are paid when they are started; the chips
    leave the pipeline ``build_months`` later.

    Checked: tests/textbook/test_compute.py::test_lead_time_is_backlog_over_supply,
    tests/market/rules/test_hardware.py::test_a_fab_of_ones_own_does_not_wait_for_the_foundry.
    """
    chipmakers, foundry, backlog, pipeline, edges = s.chipmakers, s.foundry, s.backlog, s.pipeline, s.fabs
    shared = s.shared[0]
    now = s.now[0]
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
        pay(s, COMPONENTS, maker.account, SUPPLIERS, maker.cost_of_goods)
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
                pay(s, PACKAGES, maker.account, foundry[f].account, amount)
        parts = maker.starts * maker.unit_cost
        maker.cost_of_goods += parts
        pay(s, COMPONENTS, maker.account, SUPPLIERS, parts)
        maker.rnd = shared.chipmakers_rnd_share * maker.revenue
        maker.rnd += maker.rnd_budget if maker.alive == 1 else 0.0
        pay(s, CHIP_RND, maker.account, SUPPLIERS, maker.rnd)
        pipeline[v, (month + build) % slots] += maker.starts * maker.performance
        maker.gross_profit = maker.revenue - maker.cost_of_goods
        maker.outlay += shared.chipmakers_smoothing * (maker.cost_of_goods + maker.rnd - maker.outlay)
        supply = max(maker.supply, maker.starts * maker.performance)
        # Little's law: what is not delivered yet, be it in the pipeline or not begun, over what is delivered a month.
        maker.lead_time = float(build)
        if supply > 0.0:
            maker.lead_time = max(maker.lead_time, min(maker.backlog / supply, shared.chipmakers_longest_lead))
        elif maker.backlog > 0.0:
            maker.lead_time = shared.chipmakers_longest_lead


@kernel
def measure_fleets(s: Rows) -> None:
    """What follows from the fleets: accelerators, running cost, capacity, and shares of all clouds' fleets.

    Checked: tests/market/rules/test_hardware.py::test_fixed_capacity_stays,
    tests/market/rules/test_extremes.py::test_a_cloud_without_a_whole_gpu_rents_out_nothing.
    """
    clouds, fleet = s.clouds, s.fleet
    shared = s.shared[0]
    everything = 0.0
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        cloud.fleet_now = 0.0
        power = 0.0
        for g in range(fleet.shape[2]):
            running = hour_cost(cloud, float(g), shared)
            for v in range(fleet.shape[1]):
                cloud.fleet_now += fleet[c, v, g]
                power += fleet[c, v, g] * running
        if cloud.fleet_now > 0.0:
            cloud.running = power / cloud.fleet_now
        cloud.capacity = cloud.fleet_now * shared.clouds_hours_per_gpu if cloud.fleet_now >= ONE_GPU else 0.0
        everything += cloud.fleet_now
    for c in range(clouds.shape[0]):
        fleet = clouds[c].fleet_now
        for d in range(clouds.shape[0]):
            if d != c and together(clouds[c], clouds[d]):
                fleet += clouds[d].fleet_now
        clouds[c].size = fleet / everything if everything > 0.0 else 0.0


@kernel
def cost_chips(s: Rows) -> None:
    """Marginal cost of every chip, k$ per H100-equivalent, at the foundries' prices.

    Checked: tests/textbook/test_compute.py::test_costs_travel_down_the_chain_by_input_intensity.
    """
    chipmakers, foundry = s.chipmakers, s.foundry
    package = 0.0
    reached = 0.0
    for f in range(foundry.shape[0]):
        package += foundry[f].capacity * foundry[f].price
        reached += foundry[f].capacity
    package = package / reached if reached > 0.0 else foundry[0].base_price
    for v in range(chipmakers.shape[0]):
        chipmakers[v].cost = chip_cost(chipmakers[v], package)


@kernel
def age_fleets(s: Rows) -> None:
    """Failures, retirement of vintages that cost more to run than they earn, and whose chips are in use.

    A vintage of generation g runs at ``running_cost / power_gain**g`` per H100-equivalent hour.  The network of
    developers of a chip follows its share of the installed base in use.  Fixed capacity neither fails nor retires.

    Checked: tests/market/rules/test_hardware.py::test_old_vintages_are_scrapped_when_they_cost_more_than_they_earn,
    tests/textbook/test_compute.py::test_in_the_long_run_the_rent_is_the_full_unit_cost.
    """
    clouds, chipmakers, fleet = s.clouds, s.chipmakers, s.fleet
    shared = s.shared[0]
    now = s.now[0]
    vendors = chipmakers.shape[0]
    fixed = shared.clouds_capacity_rule == FIXED_CAPACITY
    used = np.zeros(vendors)
    for v in range(vendors):
        chipmakers[v].installed = 0.0
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        cloud.fleet_now = 0.0
        in_use = cloud.hours / cloud.capacity if cloud.capacity > 0.0 else 0.0
        for g in range(fleet.shape[2]):
            running = hour_cost(cloud, float(g), shared)
            keep = 1.0 if fixed else 1.0 - shared.clouds_failure_rate
            if running > cloud.expected_rent and now.month > 0 and not fixed:
                keep *= 1.0 - shared.clouds_scrap_rate
            for v in range(vendors):
                fleet[c, v, g] *= keep
                cloud.fleet_now += fleet[c, v, g]
                chipmakers[v].installed += fleet[c, v, g]
                used[v] += fleet[c, v, g] * in_use
    everything = used.sum()
    for v in range(vendors):
        maker = chipmakers[v]
        share = used[v] / everything if everything > 0.0 else 0.0
        maker.ecosystem += shared.chipmakers_ecosystem_decay * (share - maker.ecosystem)
