"""The trade edges: who can trade with whom, at month 0 by the scenario's graph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from moatlab.market.state import draws
from moatlab.market.state.state import State
from moatlab.scenario.topology import TRADES

if TYPE_CHECKING:
    from moatlab.scenario.scenario import Scenario


def edge_cell(state: State, buyer: tuple[str, int], seller: tuple[str, int]) -> tuple[Any, int, int] | None:
    """The (matrix, row, column) that holds the edge from ``buyer`` to ``seller``, both (kind, row); None if none can.

    Outside demand is ("outside", 0).
    """
    labs, hosts = state.labs.shape[0], state.hosts.shape[0]
    kinds = (buyer[0], seller[0])
    if kinds == ("apps", "labs"):
        return state.sellers, buyer[1], seller[1]
    if kinds == ("apps", "hosts"):
        return state.sellers, buyer[1], labs + seller[1]
    if kinds == ("apps", "clouds"):
        return state.app_edges, buyer[1], seller[1]
    if kinds == ("labs", "clouds"):
        return state.edges, buyer[1], seller[1]
    if kinds == ("hosts", "clouds"):
        return state.edges, labs + buyer[1], seller[1]
    if kinds == ("outside", "clouds"):
        return state.edges, labs + hosts, seller[1]
    if kinds == ("hosts", "labs"):
        return state.licences, buyer[1], seller[1]
    if kinds == ("clouds", "chipmakers"):
        return state.vendors, buyer[1], seller[1]
    if kinds == ("chipmakers", "foundry"):
        return state.fabs, buyer[1], seller[1]
    return None


def set_edge(state: State, buyer: tuple[str, int], seller: tuple[str, int], linked: bool) -> bool:
    """Let two firms trade from the next phase on, or no longer; False where their kinds never can.

    With an edge go the orders that wait on it and the offers of models that it licenses.
    """
    cell = edge_cell(state, buyer, seller)
    if cell is None:
        return False
    matrix, row, column = cell
    matrix[row, column] = int(linked)
    state.edges_version += 1
    if (buyer[0], seller[0]) == ("clouds", "chipmakers") and not linked:
        state.backlog[row, column] = 0.0
    state.list_offers()
    return True


def row_of(slugs: dict[str, tuple[str, ...]], address: str) -> tuple[str, int]:
    """The (kind, row) of a firm's address ``kind.slug``; ``outside`` is outside demand."""
    if address == "outside":
        return "outside", 0
    kind, slug = address.split(".", 1)
    return kind, slugs[kind].index(slug)


def connect(scenario: Scenario, state: State, slugs: dict[str, tuple[str, ...]]) -> None:
    """Set the edges that the scenario's graph allows; generated apps pick their labs by the rule of attachment."""
    graph = scenario.graph
    state.sellers[: state.count] = 1
    state.app_edges[: state.count] = 1
    for buys, sells in TRADES:
        for row, buyer in enumerate(slugs[buys]):
            for column, seller in enumerate(slugs[sells]):
                cell = edge_cell(state, (buys, row), (sells, column))
                if cell is not None:
                    cell[0][cell[1], cell[2]] = int(graph.allows(f"{buys}.{buyer}", f"{sells}.{seller}"))
    close_private_clouds(state)


def close_private_clouds(state: State) -> None:
    """Take away the edges of private clouds but those of the labs of their company."""
    labs = state.labs
    for column in np.flatnonzero(state.clouds["private"] == 1):
        company = state.clouds["company"][column]
        state.app_edges[:, column] = 0
        state.edges[len(labs) :, column] = 0
        state.edges[: len(labs), column] *= (labs["company"] == company) & (company != 0)


def thin(scenario: Scenario, state: State, slugs: dict[str, tuple[str, ...]], seed: int) -> None:
    """Draw the edges of a sparse topology; a lab's own app runs on the lab's model whatever the topology."""
    graph = scenario.graph
    if graph.topology in ("sparse", "preferential"):
        _thin(state, slugs, max(1, round(graph.degree)), graph.topology == "preferential", seed)
    for row in range(len(slugs["apps"])):
        owner = int(state.apps["owner"][row])
        if owner >= 0:
            state.sellers[row] = 0
            state.sellers[row, owner] = 1


def _thin(state: State, slugs: dict[str, tuple[str, ...]], degree: int, preferential: bool, seed: int) -> None:
    """Leave each named app ``degree`` labs: uniform, or with odds that grow with the apps a lab already has."""
    labs = state.labs.shape[0]
    held = np.ones(labs)
    who = [int(identity) for identity in state.apps["identity"][: len(slugs["apps"])]]
    names = [int(identity) for identity in state.labs["identity"]]
    # In the order of identities, so that the order of rows has no effect.
    for row in sorted(range(len(who)), key=who.__getitem__):
        score = np.array(
            [
                (math.log(held[lab]) if preferential else 0.0)
                - math.log(-math.log(draws.uniform(seed, draws.EDGES, names[lab], who[row])))
                for lab in range(labs)
            ]
        )
        score[state.sellers[row, :labs] == 0] = -np.inf
        chosen = np.argsort(-score)[:degree]
        chosen = chosen[score[chosen] > -np.inf]
        state.sellers[row, :labs] = 0
        state.sellers[row, chosen] = 1
        held[chosen] += 1.0
