"""Prices of tokens: labs' API prices and hosts' markups, by the rule of all sellers."""

from __future__ import annotations

from moatlab.market.rules.conventions import FROZEN, MARKUP
from moatlab.market.rules.costs import api_cost
from moatlab.market.state.compiled import Rows, inlined, kernel


@inlined
def token_markup(semi_elasticity: float, unit_cost: float, lerner_ceiling: float) -> float:
    """Markup on a token ($ per Mtok): the inverse semi-elasticity, up to the ceiling of the Lerner index."""
    ceiling = unit_cost * lerner_ceiling / (1.0 - lerner_ceiling)
    return min(1.0 / semi_elasticity, ceiling) if semi_elasticity > 0.0 else ceiling


@inlined
def cost_change(seller: Rows) -> float:
    """Unit cost of a token over that at the last pricing; 1 at the first."""
    return seller.unit_cost / seller.priced_cost if seller.priced_cost > 0.0 and seller.unit_cost > 0.0 else 1.0


@inlined
def next_number(host: Rows, shared: Rows) -> float:
    """Hosts of the kind next month: more while one earns more than it costs, fewer while less (free entry).

    n hosts that serve the same models at the same cost have 1/n of the sales each, and so 1/n of the markup of one
    (Cournot 1838).  What a host costs is its staff and the return on what setting it up took; their number moves with
    the power ``entry_speed`` of gross profit over that, and the first is always there.
    """
    cost = host.staff + shared.investors_cost_of_capital / 12.0 * shared.hosts_setup_cost
    if shared.hosts_entry_speed == 0.0 or cost <= 0.0 or host.alive == 0:
        return host.number
    earned = max(host.gross_profit, 0.0) / (host.number * cost)
    moved = min(max(earned, 0.1), 10.0) ** shared.hosts_entry_speed
    return max(1.0, host.number * moved)


@kernel
def decide_token_prices(s: Rows) -> None:
    """Next month's API price of every lab and markup of every host.

    A seller of tokens chains the elasticity through its customers: other sources, smaller quotas, and fewer users of
    apps that pass the price on (see `decide_routing`).  Changes of its own cost are passed on at once, the markup moves
    part of the way: where costs fall by a tenth a month, a price that follows slowly would be twice the rule's.

    Checked: tests/reference/test_oracle.py, tests/textbook/test_tokens.py.
    """
    labs, hosts = s.labs, s.hosts
    shared = s.shared[0]
    for index in range(labs.shape[0]):
        lab = labs[index]
        lab.next_price = lab.price
        if lab.price_rule != FROZEN:
            markup = lab.markup_factor * token_markup(lab.semi_elasticity, lab.unit_cost, shared.labs_lerner_ceiling)
            if lab.price_rule == MARKUP:
                markup = lab.markup * lab.unit_cost
            wanted = api_cost(lab, lab.unit_cost) + markup
            passed_on = lab.price * cost_change(lab)
            lab.next_price = passed_on + shared.labs_price_speed * (wanted - passed_on)
        lab.priced_cost = lab.unit_cost
    for index in range(hosts.shape[0]):
        host = hosts[index]
        host.next_number = next_number(host, shared)
        host.next_margin = host.margin
        if host.price_rule != FROZEN:
            markup = token_markup(host.semi_elasticity * host.number, host.unit_cost, shared.labs_lerner_ceiling)
            if host.price_rule == MARKUP:
                markup = host.markup * host.unit_cost
            passed_on = host.margin * cost_change(host)
            host.next_margin = passed_on + shared.labs_price_speed * (markup - passed_on)
        host.priced_cost = host.unit_cost
