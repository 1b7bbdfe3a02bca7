"""The foundry: packages started, price, expansion with a construction lag."""

from __future__ import annotations

from moatlab.market.rules.costs import package_base_price, package_cost
from moatlab.market.state.compiled import Rows, kernel
from moatlab.market.state.posting import CONSTRUCTION, FOUNDRY_OPERATION, SUPPLIERS, pay


@kernel
def decide_foundry(s: Rows) -> None:
    """Next month's price and the capacity to order (kpackages per month).

    The foundry expects orders adaptively, plans for them and for working the backlog off, nets what is under
    construction, and can order no more than the ceiling in a month.

    Checked: tests/market/rules/test_hardware.py::test_expansion_keeps_within_its_ceiling,
    tests/market/rules/test_stocks.py::test_the_foundry_asks_more_while_orders_exceed_capacity.
    """
    foundry, chipmakers = s.foundry, s.chipmakers
    shared = s.shared[0]
    waiting = 0.0
    for v in range(chipmakers.shape[0]):
        waiting += chipmakers[v].backlog / chipmakers[v].performance
    capacity = 0.0
    for f in range(foundry.shape[0]):
        capacity += foundry[f].capacity
    for f in range(foundry.shape[0]):
        plant = foundry[f]
        if plant.alive == 0 or plant.capacity <= 0.0:
            plant.next_expansion = 0.0
            plant.next_price = plant.price
            continue
        part = plant.capacity / capacity
        planned = shared.foundry_headroom * (plant.expected + part * waiting / shared.foundry_backlog_months)
        gap = planned - plant.capacity - plant.building
        plant.next_expansion = min(max(0.0, shared.foundry_expansion_speed * gap),
                                   shared.foundry_expansion_ceiling * plant.capacity)  # fmt: skip
        load = plant.requested / max(plant.capacity * plant.availability, 1e-9)
        load = min(max(load, shared.foundry_lowest_load), shared.foundry_highest_load)
        wanted = package_base_price(plant) * load**shared.foundry_scarcity_response
        plant.next_price = plant.price + shared.foundry_price_speed * (wanted - plant.price)


@kernel
def run_foundry(s: Rows) -> None:
    """Operation and construction are paid, capacity under construction is finished.

    ``construction`` [foundries, months] holds capacity (kpackages per month) by month of completion.

    Checked: tests/market/rules/test_hardware.py::test_capacity_ordered_arrives_after_the_construction_lag.
    """
    foundry, construction = s.foundry, s.construction
    shared = s.shared[0]
    now = s.now[0]
    month = now.month
    slots = construction.shape[1]
    for f in range(foundry.shape[0]):
        plant = foundry[f]
        plant.cost_of_goods = plant.starts * (package_cost(plant, shared) - plant.levy)
        pay(s, FOUNDRY_OPERATION, plant.account, SUPPLIERS, plant.cost_of_goods)
        plant.gross_profit = plant.revenue - plant.cost_of_goods
        plant.depreciation = plant.book / shared.foundry_life
        plant.book -= plant.depreciation
        done = construction[f, month % slots]
        construction[f, month % slots] = 0.0
        plant.capacity += done
        plant.building = max(0.0, plant.building - done)
        plant.capex = plant.next_expansion * shared.foundry_capacity_cost
        plant.book += plant.capex
        pay(s, CONSTRUCTION, plant.account, SUPPLIERS, plant.capex)
        construction[f, (month + int(shared.foundry_construction_lag)) % slots] += plant.next_expansion
        plant.building += plant.next_expansion
        # What was already asked last month and not started is backlog, not new orders.
        new = max(0.0, plant.requested - plant.unfilled)
        plant.unfilled = plant.requested - plant.starts
        plant.expected += shared.compute_expectation_speed * (new - plant.expected)
        plant.outlay += shared.foundry_smoothing * (plant.cost_of_goods + plant.capex - plant.outlay)
