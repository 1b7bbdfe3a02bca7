"""The trade graph as networkx: buyer -> seller where the two can trade, with the month's volume and dollars.

Edge arrays are the authority in the hot path; this graph writes its changes through to them at once, so that a removed
edge carries no trade from the next phase on and an added one may.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import networkx as nx
import numpy as np

from moatlab.errors import InputError
from moatlab.market.names import Names
from moatlab.market.state.codes import BUYER_KINDS, SELLER_KINDS
from moatlab.market.state.edges import set_edge
from moatlab.market.state.ledger import Ledger
from moatlab.market.state.state import State
from moatlab.results.payments import KINDS_OF_PAYMENT, LAYERS

#: What a sale's volume is counted in, and how it is found from dollars: see `TradeGraph._volume`.
_UNITS = {"labs": "Ttok", "hosts": "Ttok", "clouds": "Mh", "chipmakers": "kGPU", "foundry": "kpackages"}


class TradeGraph(nx.DiGraph):
    """A `networkx.DiGraph` of firms' addresses (``kind.slug``; ``outside`` is outside demand).

    Nodes carry ``kind``, ``name``, ``revenue`` (M$ of the month) and ``row``; edges ``volume`` in ``unit`` and
    ``dollars`` (M$ of the month, 0 where nothing was traded); ``graph["month"]`` is that month.  Removing a node
    removes its edges, and with them its trade; the firm stays.  Each month has a graph of its own; attributes that a
    user gives to nodes, edges and the graph go over to the next one, and a past month's graph cannot be changed.
    """

    def __init__(self, state: State | None = None, names: Names | None = None, ledger: Ledger | None = None) -> None:
        super().__init__()
        # networkx makes empty graphs of this class for copies and subgraphs: those are plain graphs without a market.
        self._market = None if state is None or names is None or ledger is None else (state, names, ledger)
        self._writing = self._market is not None
        self._past = False
        if self._market is not None:
            self.refresh()

    def _write(self, buyer: Any, seller: Any, value: int) -> None:
        if self._market is None or not self._writing:
            return
        self._refuse_past()
        state, names, _ = self._market
        source, target = names.find_row(str(buyer)), names.find_row(str(seller))
        if not set_edge(state, source, target, bool(value)):
            raise InputError(f"{source[0]} do not buy from {target[0]}: there can be no edge {buyer} -> {seller}")

    def _refuse_past(self) -> None:
        if self._past:
            raise InputError("this is the trade graph of a month that is past: change the one that market.graph gives")

    def add_node(self, node_for_adding: Any, **attr: Any) -> None:
        """Give a firm's node attributes, or its node back; what is no firm of the market is refused."""
        if self._market is not None and self._writing:
            self._refuse_past()
            state, names, _ = self._market
            kind, row = names.find_row(str(node_for_adding))
            if kind != "outside" and state.kind(kind)["alive"][row] != 1:
                raise InputError(f"{node_for_adding} has left the market: it cannot be in the trade graph")
            if node_for_adding not in self:
                attr = _node(state, names, kind, row) | attr
        super().add_node(node_for_adding, **attr)

    def add_nodes_from(self, nodes_for_adding: Iterable[Any], **attr: Any) -> None:
        """`add_node` for each."""
        for node in nodes_for_adding:
            if isinstance(node, tuple) and len(node) == 2 and isinstance(node[1], dict):
                self.add_node(node[0], **(attr | node[1]))
            else:
                self.add_node(node, **attr)

    def clear_edges(self) -> None:
        """End all trade from the next phase on."""
        self.remove_edges_from(self.edges)

    def clear(self) -> None:
        """Refused: a market without firms is none."""
        if self._market is not None:
            raise InputError("the firms of a market cannot be cleared away; clear_edges ends all trade")
        super().clear()

    def add_edge(self, u_of_edge: Any, v_of_edge: Any, **attr: Any) -> None:
        """Let the two trade from the next phase on."""
        self._write(u_of_edge, v_of_edge, 1)
        super().add_edge(u_of_edge, v_of_edge, **({"volume": 0.0, "dollars": 0.0} if self._market else {}) | attr)

    def remove_edge(self, u: Any, v: Any) -> None:
        """Stop their trade from the next phase on."""
        self._refuse_past()
        super().remove_edge(u, v)
        self._write(u, v, 0)

    def add_edges_from(self, ebunch_to_add: Iterable[Any], **attr: Any) -> None:
        """`add_edge` for each."""
        if self._market is None:
            super().add_edges_from(ebunch_to_add, **attr)
            return
        for edge in ebunch_to_add:
            self.add_edge(edge[0], edge[1], **attr, **(edge[2] if len(edge) > 2 else {}))

    def remove_edges_from(self, ebunch: Iterable[Any]) -> None:
        """`remove_edge` for each that is there."""
        for edge in list(ebunch):
            if self.has_edge(edge[0], edge[1]):
                self.remove_edge(edge[0], edge[1])

    def remove_node(self, n: Any) -> None:
        """Remove the node's edges, and the node."""
        self._refuse_past()
        for edge in [*self.in_edges(n), *self.out_edges(n)]:
            self._write(edge[0], edge[1], 0)
        super().remove_node(n)

    def remove_nodes_from(self, nodes: Iterable[Any]) -> None:
        """`remove_node` for each that is there."""
        for node in list(nodes):
            if node in self:
                self.remove_node(node)

    def successor(self) -> TradeGraph:
        """The graph of the month that has come since, with what a user has written onto this one."""
        if self._market is None:
            return self
        following = TradeGraph(*self._market)
        following._take_over(self)
        self._past = True
        return following

    def _take_over(self, other: nx.DiGraph) -> None:
        """Attributes of a user's own, of what is still there."""
        self.graph |= {key: value for key, value in other.graph.items() if key not in self.graph and key != "month"}
        for node, data in other.nodes(data=True):
            if node in self:
                self.nodes[node].update({key: value for key, value in data.items() if key not in self.nodes[node]})
        for buyer, seller, data in other.edges(data=True):
            if self.has_edge(buyer, seller):
                mine = self.edges[buyer, seller]
                mine.update({key: value for key, value in data.items() if key not in mine})

    def refresh(self) -> None:
        """Read nodes, edges, volumes and dollars from the market."""
        if self._market is None:
            return
        state, names, ledger = self._market
        before = nx.DiGraph(self)
        self._writing = False
        try:
            # By the class, since nx.freeze puts refusals in the place of a graph's own methods.
            nx.DiGraph.clear(self)
            if state.clock[0]:
                self.graph["month"] = int(state.clock[0]) - 1
            for kind, row, slug in _alive(state, names):
                nx.DiGraph.add_node(self, f"{kind}.{slug}", **_node(state, names, kind, row))
            nx.DiGraph.add_node(self, "outside", **_node(state, names, "outside", 0))
            dollars = _dollars(names, ledger)
            for buyer, seller in _edges(state, names):
                value = dollars.get((buyer, seller), 0.0)
                source, target = ((self.nodes[n]["kind"], self.nodes[n]["row"]) for n in (buyer, seller))
                volume = _volume(state, source, target, value)
                nx.DiGraph.add_edge(self, buyer, seller, dollars=value, volume=volume, unit=_UNITS[target[0]])
            self._take_over(before)
        finally:
            self._writing = True


def _node(state: State, names: Names, kind: str, row: int) -> dict[str, Any]:
    """What a firm's node says."""
    if kind == "outside":
        return {"kind": kind, "name": "Outside demand", "row": 0, "revenue": 0.0}
    revenue = float(state.kind(kind)["revenue"][row])
    return {"kind": kind, "name": names.display_name(kind, row), "row": row, "revenue": revenue}


def _alive(state: State, names: Names) -> Iterator[tuple[str, int, str]]:
    for kind in LAYERS:
        table = state.kind(kind)
        rows = state.live if kind == "apps" else np.flatnonzero(table["alive"] == 1)
        for row in rows:
            yield kind, int(row), names.slug(kind, int(row))


def _edges(state: State, names: Names) -> Iterator[tuple[str, str]]:
    known = {(kind, row): f"{kind}.{slug}" for kind, row, slug in _alive(state, names)}
    n_labs, n_hosts = state.labs.shape[0], state.hosts.shape[0]
    buyers: list[tuple[str, str, Any]] = [
        ("labs", "clouds", state.edges[:n_labs]),
        ("hosts", "clouds", state.edges[n_labs : n_labs + n_hosts]),
        ("hosts", "labs", state.licences),
        ("clouds", "chipmakers", state.vendors),
        ("chipmakers", "foundry", state.fabs),
        ("apps", "labs", state.sellers[:, :n_labs]),
        ("apps", "hosts", state.sellers[:, n_labs:]),
        ("apps", "clouds", state.app_edges),
    ]
    for buyer, seller, matrix in buyers:
        for row, column in np.argwhere(matrix):
            if (buyer, int(row)) in known and (seller, int(column)) in known:
                yield known[buyer, int(row)], known[seller, int(column)]
    for column in np.flatnonzero(state.edges[-1]):
        if ("clouds", int(column)) in known:
            yield "outside", known["clouds", int(column)]


def _dollars(names: Names, ledger: Ledger) -> dict[tuple[str, str], float]:
    sales = {k.code for k in KINDS_OF_PAYMENT if k.sale and k.name != "revenue share"}
    found: dict[tuple[str, str], float] = {}
    for posting in ledger.last_month():
        if int(posting["kind"]) in sales:
            key = (names.account_name(int(posting["payer"])), names.account_name(int(posting["payee"])))
            found[key] = found.get(key, 0.0) + float(posting["amount"])
    return found


def _volume(state: State, buyer: tuple[str, int], seller: tuple[str, int], dollars: float) -> float:
    """Volume of the month's trade between two (kind, row), in the unit of the seller's good."""
    if dollars == 0.0:
        return 0.0
    (buys, row), (sells, column) = buyer, seller
    if buys == "apps" and sells in SELLER_KINDS:
        # ``next_routing`` holds the routing that carried this month's tokens until routing is decided again.
        kind = SELLER_KINDS.index(sells)
        mine = (state.offers["seller_kind"] == kind) & (state.offers["seller"] == column)
        share = state.next_routing[row, :-1][mine] * state.offers["service"][mine]
        return float(state.apps["tokens"][row] * share.sum())
    if sells == "clouds":
        table = state.buyers[: state.buyer_count]
        mine = (table["kind"] == BUYER_KINDS.index(buys)) & (table["row"] == row)
        hours = state.matrices[2] + state.matrices[3]
        return float(hours[: state.buyer_count][mine][:, column].sum())
    if sells == "chipmakers":
        own = int(state.clouds["own_chip"][row]) == column
        return dollars / float(state.chipmakers["cost" if own else "price"][column])
    if sells == "foundry":
        return dollars / float(state.foundry["price"][column])
    return 0.0
