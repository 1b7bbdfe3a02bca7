"""The trade graph: edges are the market's, changes reach it at once, dollars are the ledger's."""

from __future__ import annotations

import networkx as nx
import pytest

from moatlab import InputError, Market
from moatlab.results.payments import KINDS_OF_PAYMENT


def test_a_removed_edge_carries_no_trade_and_an_added_one_may() -> None:
    market = Market("essay-2023", rng=1)
    market.run(3)
    edge = ("apps.jasper", "labs.openai")
    assert market.graph.edges[edge]["dollars"] > 0
    market.graph.remove_edge(*edge)
    market.run(2)
    assert edge not in market.graph.edges
    paid = market.results.ledger.to_pandas()
    gone = paid[(paid["payer"] == edge[0]) & (paid["payee"] == edge[1])]
    assert set(gone["month"]) == {0, 1, 2}
    market.graph.add_edge(*edge)
    market.run(3)
    assert market.graph.edges[edge]["dollars"] > 0


def test_removing_a_cloud_from_the_graph_empties_it() -> None:
    market = Market("essay-2023", rng=1)
    market.run(2)
    market.graph.remove_node("clouds.oracle")
    market.step()
    assert market.firm("clouds.oracle").revenue == pytest.approx(0.0, abs=1e-12)
    assert market.firm("clouds.aws").revenue > 0


def test_dollars_on_the_edges_are_the_sales_of_the_month() -> None:
    market = Market("essay-2023", rng=1)
    market.run(12)
    sales = {k.code for k in KINDS_OF_PAYMENT if k.sale and k.payer != "users" and k.name != "revenue share"}
    month = market.ledger.last_month()
    paid = sum(float(p["amount"]) for p in month if int(p["kind"]) in sales)
    assert sum(d for _, _, d in market.graph.edges(data="dollars")) == pytest.approx(paid, rel=1e-9)


def test_volume_times_price_is_dollars() -> None:
    market = Market("essay-2023", rng=1)
    market.run(6)
    posted = {slug: market.firm(f"labs.{slug}").price for slug in market.slugs["labs"]}
    deals = market.state.apps["deal"].copy()
    market.step()
    graph = market.graph
    for buyer, seller, data in graph.edges(data=True):
        if buyer.startswith("apps.") and seller.startswith("labs.") and data["dollars"] > 0:
            app = market.firm(buyer)
            # Neither the lab's own app, nor a price agreed on, nor an enterprise agreement.
            if app.owner < 0 and deals[app.row] == 0 and data["volume"] > 0.0 and not app.own_model:
                assert data["dollars"] == pytest.approx(data["volume"] * posted[seller[5:]], rel=1e-9)


def test_it_is_a_networkx_graph() -> None:
    market = Market("tiny", rng=1)
    market.step()
    graph = market.graph
    assert nx.is_directed_acyclic_graph(graph)
    plain = graph.copy()
    plain.remove_edge(*next(iter(plain.edges)))
    assert market.graph.number_of_edges() == plain.number_of_edges() + 1
    assert nx.number_weakly_connected_components(graph) >= 1


def test_edges_that_cannot_be_are_refused() -> None:
    market = Market("tiny", rng=1)
    app = f"apps.{market.slugs['apps'][0]}"
    with pytest.raises(InputError, match="do not buy"):
        market.graph.add_edge(app, f"chipmakers.{market.slugs['chipmakers'][0]}")
    with pytest.raises(InputError, match="no firm"):
        market.graph.add_edge(app, "labs.nobody")
