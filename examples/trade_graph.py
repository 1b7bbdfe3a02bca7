"""The trade graph with networkx: who depends on whom, and what happens when one supplier may no longer sell.

python examples/trade_graph.py
"""

from __future__ import annotations

import networkx as nx

from moatlab import Market


def main() -> None:
    """Measure dependence after a year, cut an edge, and see the dollars move."""
    market = Market("essay-2023", rng=1)
    market.run(12)
    graph = market.graph
    print(f"{graph.number_of_nodes()} firms, {graph.number_of_edges()} edges along which they may trade")

    # Edges carry this month's dollars: an app's bill by supplier.
    bill = {seller: data["dollars"] for _, seller, data in graph.out_edges("apps.jasper", data=True)}
    paid = {seller: dollars for seller, dollars in sorted(bill.items(), key=lambda item: -item[1]) if dollars > 0.0}
    for seller, dollars in list(paid.items())[:3]:
        print(f"  apps.jasper pays {seller:22s} {dollars:6.3f} M$ a month")

    # The share of all dollars that reach a firm, however far down the stack: PageRank weighted by dollars.
    rank = nx.pagerank(nx.DiGraph(graph), weight="dollars")
    print("most central:", ", ".join(sorted(rank, key=lambda node: -rank[node])[:5]))

    largest = next(iter(paid))
    market.graph.remove_edge("apps.jasper", largest)
    market.run(3)
    after = [seller for _, seller, data in market.graph.out_edges("apps.jasper", data=True) if data["dollars"] > 0.0]
    print(f"three months after losing {largest}, apps.jasper buys from {', '.join(after)}")


if __name__ == "__main__":
    main()
