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


def test_clearing_edges_ends_all_trade_and_clearing_firms_is_refused() -> None:
    market = Market("tiny", rng=1)
    market.run(2)
    with pytest.raises(InputError, match="clear_edges ends all trade"):
        market.graph.clear()
    market.graph.clear_edges()
    assert market.graph.number_of_edges() == 0 and market.graph.number_of_nodes() > 0
    known = set(market.graph)
    market.step()
    # A startup that is founded since begins with edges of its own.
    assert not [edge for edge in market.graph.edges if edge[0] in known]
    assert market.state.labs["revenue"].sum() == 0.0


def test_a_users_attributes_go_over_to_the_next_month() -> None:
    market = Market("tiny", rng=1)
    market.step()
    graph, edge = market.graph, next(iter(market.graph.edges))
    graph.nodes["apps.writer"]["colour"] = "red"
    graph.edges[edge]["colour"] = "blue"
    graph.graph["title"] = "mine"
    graph.add_node("labs.closed", colour="green")
    market.step()
    assert market.graph is not graph
    assert (
        market.graph.nodes["apps.writer"]["colour"] == "red" and market.graph.nodes["labs.closed"]["colour"] == "green"
    )
    assert market.graph.edges[edge]["colour"] == "blue" and market.graph.graph["title"] == "mine"
    assert market.graph.nodes["labs.closed"]["revenue"] == market.firm("labs.closed").revenue


def test_a_graph_that_is_kept_each_month_is_of_its_month() -> None:
    market = Market("tiny", rng=1)
    kept = []
    for _ in range(3):
        market.step()
        kept.append(market.graph)
    assert [graph.graph["month"] for graph in kept] == [0, 1, 2]
    paid = [sum(dollars for *_, dollars in graph.edges(data="dollars")) for graph in kept]
    assert len(set(paid)) == 3
    edge = next(iter(kept[0].edges))
    for change in (
        lambda: kept[0].remove_edge(*edge),
        lambda: kept[0].add_edge(*edge),
        lambda: kept[0].remove_node(edge[0]),
        lambda: kept[0].clear_edges(),
    ):
        with pytest.raises(InputError, match="a month that is past"):
            change()  # type: ignore[no-untyped-call]
    assert edge in kept[0].edges and edge in market.graph.edges


def test_nodes_are_firms_of_the_market() -> None:
    market = Market("tiny", rng=1)
    market.step()
    with pytest.raises(InputError, match=r"there is no firm 'apps\.nobody'"):
        market.graph.add_node("apps.nobody")
    with pytest.raises(InputError, match=r"there is no firm 'apps\.nobody'"):
        market.graph.add_nodes_from(["apps.writer", ("apps.nobody", {"colour": "red"})])
    market.graph.remove_node("labs.closed")
    market.graph.add_node("labs.closed")
    assert market.graph.nodes["labs.closed"]["kind"] == "labs" and not market.graph.out_edges("labs.closed")


def test_a_frozen_graph_is_not_changed_and_the_market_goes_on() -> None:
    market = Market("tiny", rng=1)
    market.step()
    frozen = nx.freeze(market.graph)
    with pytest.raises(nx.NetworkXError, match="Frozen"):
        frozen.remove_edge(*next(iter(frozen.edges)))
    count = frozen.number_of_edges()
    market.state.edges_version += 1
    assert market.graph is frozen and frozen.number_of_edges() == count
    market.step()
    assert market.graph is not frozen and not nx.is_frozen(market.graph)
