"""Who can trade with whom: the declaration from which the trade graph is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from moatlab.errors import InputError, shown
from moatlab.scenario.addresses import Slugs, nearest, split_firm
from moatlab.scenario.files import read_columns, read_text

#: Kinds between which money can flow for goods, buyer before seller.
TRADES: tuple[tuple[str, str], ...] = (
    ("apps", "labs"),
    ("apps", "hosts"),
    ("apps", "clouds"),
    ("hosts", "labs"),
    ("hosts", "clouds"),
    ("labs", "clouds"),
    ("clouds", "chipmakers"),
    ("chipmakers", "foundry"),
)

TOPOLOGIES = ("complete", "sparse", "preferential", "edges")
#: Files of edges: columns buyer and seller; a graph as networkx and Gephi write it; two names a line.
FILES = (".csv", ".graphml", ".edgelist")

Edge = tuple[str, str]


@dataclass(frozen=True)
class GraphSpec:
    """The trade graph, declared.  Firms are named ``kind.slug``.

    ``complete`` lets every pair of `TRADES` trade; ``sparse`` and ``preferential`` give an app ``degree`` labs on
    average, drawn evenly or by size; ``edges`` lists the edges themselves, and a pair of kinds between which none is
    listed stays complete.  From any of these, ``without`` takes edges away, and ``only`` names all the sellers of a
    kind that a buyer has.
    """

    topology: str = "complete"
    degree: float = 4.0
    without: tuple[Edge, ...] = ()
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()
    edges: tuple[Edge, ...] = ()

    def allows(self, buyer: str, seller: str) -> bool:
        """Whether the two may be linked at all; a random topology then draws among the pairs that may."""
        kinds = _kind(buyer), _kind(seller)
        if kinds not in TRADES or (buyer, seller) in self._without:
            return False
        sellers = self._only.get((buyer, kinds[1]))
        if sellers is not None:
            return seller in sellers
        return kinds not in self._listed or (buyer, seller) in self._edges

    @cached_property
    def _without(self) -> frozenset[Edge]:
        return frozenset(self.without)

    @cached_property
    def _edges(self) -> frozenset[Edge]:
        return frozenset(self.edges)

    @cached_property
    def _listed(self) -> frozenset[tuple[str, str]]:
        """The pairs of kinds that the list of edges speaks of."""
        return frozenset((_kind(buyer), _kind(seller)) for buyer, seller in self.edges)

    @cached_property
    def _only(self) -> dict[tuple[str, str], frozenset[str]]:
        """The sellers left to a buyer, by buyer and kind of seller."""
        allowed: dict[tuple[str, str], set[str]] = {}
        for buyer, sellers in self.only:
            for seller in sellers:
                allowed.setdefault((buyer, _kind(seller)), set()).add(seller)
        return {key: frozenset(value) for key, value in allowed.items()}


def check_trade(buyer: str, seller: str, where: str = "") -> None:
    """Refuse an edge between two kinds that do not trade."""
    if (buyer, seller) not in TRADES:
        sells = [s for b, s in TRADES if b == buyer]
        raise InputError(f"{buyer} do not buy from {seller}, but from {', '.join(sells) or 'nobody'}", where)


def read_graph(table: Mapping[str, object], slugs: Slugs, where: str, folder: Path | None = None) -> GraphSpec:
    """Read the table ``[graph]`` of a scenario; a path in it is relative to ``folder``."""
    where = f"{where}: graph"
    for key in table:
        if key not in GraphSpec.__dataclass_fields__:
            raise InputError(f"unknown key {key!r}; {nearest(key, GraphSpec.__dataclass_fields__)}", where)
    topology = table.get("topology", "complete")
    edges = _edges(table.get("edges", []), "edges", slugs, where)
    if not isinstance(topology, str):
        raise InputError(f"topology takes a word or the path of a CSV file, not {topology!r}", where)
    if topology not in TOPOLOGIES:
        if not topology.endswith(FILES):
            raise InputError(
                f"there is no topology {topology!r}; {nearest(topology, TOPOLOGIES)} A path ends with "
                f"{', '.join(FILES[:-1])} or {FILES[-1]}", where
            )  # fmt: skip
        if edges:
            raise InputError("give the edges in the table or in a file, not in both", where)
        edges, topology = _read_edges((folder or Path()) / topology, slugs), "edges"
    if (topology == "edges") != bool(edges):
        raise InputError(f"topology {topology!r} and a list of {len(edges)} edges contradict each other", where)
    degree = table.get("degree", GraphSpec.degree)
    if isinstance(degree, bool) or not isinstance(degree, int | float) or not 0.0 < degree < 1e6:
        raise InputError(f"degree takes a number of labs above 0, not {shown(degree)}", where)
    without = _edges(table.get("without", []), "without", slugs, where)
    return GraphSpec(topology, float(degree), without, _only(table.get("only", {}), slugs, where), edges)


def graph_table(graph: GraphSpec) -> dict[str, object]:
    """The table ``[graph]`` that reads back as ``graph``."""
    table: dict[str, object] = {"topology": graph.topology, "degree": graph.degree}
    if graph.without:
        table["without"] = [list(edge) for edge in graph.without]
    if graph.edges:
        table["edges"] = [list(edge) for edge in graph.edges]
    if graph.only:
        table["only"] = {buyer: list(sellers) for buyer, sellers in graph.only}
    return table


def _kind(firm: str) -> str:
    return firm.partition(".")[0]


def _edge(buyer: object, seller: object, slugs: Slugs, where: str) -> Edge:
    if not isinstance(buyer, str) or not isinstance(seller, str):
        raise InputError(f"an edge is a buyer and a seller, as kind.slug, not {buyer!r} and {seller!r}", where)
    one, other = split_firm(buyer, slugs, where), split_firm(seller, slugs, where)
    check_trade(one[0], other[0], where)
    return ".".join(one), ".".join(other)


def _edges(pairs: object, key: str, slugs: Slugs, where: str) -> tuple[Edge, ...]:
    where = f"{where}.{key}"
    if not isinstance(pairs, list | tuple):
        raise InputError("takes a list of pairs [buyer, seller]", where)
    edges = []
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise InputError(f"takes pairs [buyer, seller], not {pair!r}", where)
        edges.append(_edge(pair[0], pair[1], slugs, where))
    return tuple(dict.fromkeys(edges))


def _only(table: object, slugs: Slugs, where: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    where = f"{where}.only"
    if not isinstance(table, Mapping):
        raise InputError('takes a table of buyers, as in "apps.chatgpt" = ["labs.openai"]', where)
    rows = []
    for buyer, sellers in table.items():
        if not isinstance(sellers, list | tuple) or not sellers:
            raise InputError(f"{buyer} needs a list of at least one seller; to take sellers away, use without", where)
        edges = [_edge(buyer, seller, slugs, where) for seller in sellers]
        rows.append((edges[0][0], tuple(seller for _, seller in edges)))
    return tuple(rows)


def network_edges(network: Any, slugs: Slugs, where: str) -> list[list[str]]:
    """The edges of a networkx graph as pairs of buyer and seller, whichever way each of them points.

    Raises `InputError` for nodes that are no firms, and for edges between firms that do not trade.
    """
    if not hasattr(network, "edges") or not hasattr(network, "nodes"):
        raise InputError(f"takes a networkx graph, not {type(network).__name__}", where)
    found: list[Edge] = []
    for one, other in network.edges():
        buyer, seller = str(one), str(other)
        if (_kind(buyer), _kind(seller)) not in TRADES and (_kind(seller), _kind(buyer)) in TRADES:
            buyer, seller = seller, buyer
        found.append(_edge(buyer, seller, slugs, where))
    if not found:
        raise InputError("the graph holds no edge", where)
    return [list(edge) for edge in dict.fromkeys(found)]


def _read_edges(path: Path, slugs: Slugs) -> tuple[Edge, ...]:
    """The edges of a file: GraphML, a list of edges, or CSV with the columns buyer and seller."""
    if path.suffix in (".graphml", ".edgelist"):
        return tuple((one, other) for one, other in network_edges(_read_network(path), slugs, str(path)))
    rows = read_columns(path, ("buyer", "seller"), "the file of edges")
    edges = [_edge(buyer, seller, slugs, f"{path}, line {line}") for line, (buyer, seller) in rows]
    if not edges:
        raise InputError("holds no edge", str(path))
    return tuple(dict.fromkeys(edges))


def _read_network(path: Path) -> Any:
    """The graph of a GraphML file or of a list of edges, two names a line; a node may be known by its ``label``."""
    # Declarations are read without networkx.
    import networkx as nx

    text = read_text(path, "the file of edges")
    if path.suffix == ".edgelist":
        return nx.parse_edgelist(text.splitlines(), create_using=nx.DiGraph, data=False)
    try:
        network = nx.parse_graphml(text)
    except Exception as error:
        # An XML parser's errors have no common class that networkx promises.
        raise InputError(f"no GraphML: {' '.join(str(error).split())[:200]}", str(path)) from None
    labels = {node: str(label) for node, label in network.nodes(data="label") if label and "." not in str(node)}
    return nx.relabel_nodes(network, labels)
