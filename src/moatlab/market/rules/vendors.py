"""Vendors of chips: what a cloud weighs when it chooses one, and what their research buys.

A cloud weighs performance per dollar, how many GPUs of that kind are in use (a network of developers), and the depth
of the software that the maker's research has built.  Research also pays for designs: who cannot afford one falls
behind.  New generations come into production over quarters, not overnight.
"""

from __future__ import annotations

import math

from moatlab.market.rules.conventions import together
from moatlab.market.state.compiled import Rows, inlined, kernel
from moatlab.market.state.draws import GENERATION, normal

#: A chip that costs less (k$ per GPU) counts as costing this: vendors are compared by performance per dollar.
LEAST_CHIP_PRICE = 1e-9


@inlined
def price_to(cloud: Rows, v: int, maker: Rows, shared: Rows) -> float:
    """What a cloud pays for an H100-equivalent of maker ``v``, k$.

    Its own design comes at cost and what that design has cost to develop, others' at the list price less a discount in
    proportion to its share of all fleets.
    """
    if cloud.own_chip == v:
        return maker.cost * (1.0 + shared.chipmakers_own_markup)
    return maker.price * (1.0 - shared.chipmakers_volume_discount * cloud.size)


@inlined
def sells_to(c: int, v: int, cloud: Rows, maker: Rows, edges: Rows) -> bool:
    """Whether cloud ``c`` can buy the chips of maker ``v``."""
    return bool(edges[c, v] != 0 and maker.alive == 1 and (maker.captive == 0 or cloud.own_chip == v))


@inlined
def developers(base: float, software: float, shared: Rows) -> float:
    """What ``base``, the share of GPUs in use that are of one kind, and the depth of its software are worth, utils.

    Portable software takes the network's weight away in full, of the depth only the part that is portable.
    """
    portable = shared.chipmakers_portability
    network = shared.chipmakers_ecosystem_taste * math.log(shared.chipmakers_least_base + base)
    return (1.0 - portable) * network + (1.0 - shared.chipmakers_portable_software * portable) * software


@inlined
def weigh_vendors(c: int, cloud: Rows, chipmakers: Rows, edges: Rows, shared: Rows, weights: Rows) -> float:
    """Weights of vendors in the logit of cloud ``c``, into ``weights`` [chipmakers]; returns their sum, 0 for none.

    Developers and performance per dollar, relative to the best vendor, so that no exponential overflows; 0 for those
    that do not sell to it.  Lines of one company share its developers, and each has an equal part of what they would be
    worth as one.
    """
    best = -math.inf
    for v in range(chipmakers.shape[0]):
        maker = chipmakers[v]
        weights[v] = -math.inf
        if sells_to(c, v, cloud, maker, edges):
            base = maker.ecosystem
            lines = 1.0
            if maker.company != 0:
                for w in range(chipmakers.shape[0]):
                    if w != v and together(maker, chipmakers[w]):
                        base += chipmakers[w].ecosystem
                        lines += 1.0 if sells_to(c, w, cloud, chipmakers[w], edges) else 0.0
            price = max(price_to(cloud, v, maker, shared), LEAST_CHIP_PRICE)
            worth = developers(base, maker.software, shared)
            weights[v] = worth - shared.chipmakers_vendor_sharpness * math.log(price) - math.log(lines)
            best = max(best, weights[v])
    total = 0.0
    for v in range(chipmakers.shape[0]):
        weights[v] = math.exp(weights[v] - best) if weights[v] > -math.inf else 0.0
        total += weights[v]
    return total


@kernel
def choose_vendors(s: Rows, shares: Rows) -> None:
    """The shares [clouds, chipmakers] in which clouds would order now; nothing for a cloud that nobody sells to."""
    clouds = s.clouds
    for c in range(clouds.shape[0]):
        total = weigh_vendors(c, clouds[c], s.chipmakers, s.vendors, s.shared[0], shares[c])
        for v in range(shares.shape[1]):
            shares[c, v] = shares[c, v] / total if total > 0.0 else 0.0


@inlined
def company_share(v: int, chipmakers: Rows) -> float:
    """Share of what clouds would order now that goes to the company of maker ``v``."""
    share = chipmakers[v].share
    if chipmakers[v].company != 0:
        for w in range(chipmakers.shape[0]):
            if w != v and together(chipmakers[v], chipmakers[w]):
                share += chipmakers[w].share
    return float(share)


@inlined
def months_to_next(v: int, chipmakers: Rows, shared: Rows, seed: int) -> float:
    """Months from the last generation of maker ``v`` to its next; lines of one company move together."""
    maker = chipmakers[v]
    first = maker.identity
    if maker.company != 0:
        for w in range(chipmakers.shape[0]):
            if together(maker, chipmakers[w]):
                first = min(first, chipmakers[w].identity)
    shock = normal(seed, GENERATION, maker.launches, first)
    return max(1.0, shared.chipmakers_generation_months + shared.chipmakers_generation_spread * shock)


@kernel
def first_generations(s: Rows) -> None:
    """The months in which the next generations come into production, counted from the last."""
    chipmakers = s.chipmakers
    shared = s.shared[0]
    for v in range(chipmakers.shape[0]):
        maker = chipmakers[v]
        maker.next_generation = months_to_next(v, chipmakers, shared, s.now[0].seed)
        if maker.coming > 0.0:
            maker.next_generation = max(1.0, maker.next_generation - shared.chipmakers_launched_months)


@inlined
def launch(maker: Rows, shared: Rows) -> None:
    """A new generation comes into production; what research has not paid for of it is missing in its step."""
    step = 1.0
    if shared.chipmakers_design_cost > 0.0:
        step = min(1.0, maker.designed / shared.chipmakers_design_cost)
    maker.designed = 0.0
    maker.launches += 1
    maker.ramp_left = shared.chipmakers_ramp_months
    maker.coming += step
    maker.coming_performance += step * math.log(shared.chipmakers_generation_gain)
    maker.coming_cost += step * math.log(shared.chipmakers_cost_growth)


@inlined
def ramp(maker: Rows) -> None:
    """A month of the ramp, log-linear: what is delivered moves towards the newest generation."""
    part = 1.0 / max(maker.ramp_left, 1.0)
    maker.performance *= math.exp(part * maker.coming_performance)
    maker.unit_cost *= math.exp(part * maker.coming_cost)
    maker.generation += part * maker.coming
    maker.coming *= 1.0 - part
    maker.coming_performance *= 1.0 - part
    maker.coming_cost *= 1.0 - part
    maker.ramp_left = max(0.0, maker.ramp_left - 1.0)


@kernel
def develop(s: Rows) -> None:
    """What research of the month has built: software, which fades, and the next design; generations ramp up.

    The depth of the software moves to gain x ln(1 + research / scale).  A generation's step is gain^min(1, research
    since the last over the cost of a design), and its cost alike.  Lines of one company share its research.

    Checked: tests/market/rules/test_vendors.py.
    """
    chipmakers = s.chipmakers
    shared = s.shared[0]
    now = s.now[0]
    for v in range(chipmakers.shape[0]):
        maker = chipmakers[v]
        spent = maker.rnd
        if maker.company != 0:
            for w in range(chipmakers.shape[0]):
                if w != v and together(maker, chipmakers[w]):
                    spent += chipmakers[w].rnd
        maker.designed += spent
        maker.research += shared.chipmakers_smoothing * (spent - maker.research)
        built = shared.chipmakers_software_gain * math.log(1.0 + maker.research / shared.chipmakers_software_scale)
        maker.software += shared.chipmakers_software_decay * (built - maker.software)
        if now.month >= maker.next_generation and maker.next_generation > 0.0:
            launch(maker, shared)
            maker.next_generation += months_to_next(v, chipmakers, shared, now.seed)
        if maker.ramp_left > 0.0:
            ramp(maker)
