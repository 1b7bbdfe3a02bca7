"""A scenario of one's own: new files, rows and tables, networks of trade, sizes that fit."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd
import pytest

from moatlab import InputError, Market, Rule, Scenario
from moatlab.scenario.new import Counts, build, commented

TINY = Scenario("tiny")
EDGES = [("apps.writer", "labs.closed"), ("apps.painter", "labs.commons"), ("apps.assistant", "labs.closed")]


class Nothing(Rule):
    """A rule that does nothing."""

    name = "nothing"

    def run(self) -> None:
        pass


# New ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "counts", [Counts(), Counts(apps=1, labs=1, hosts=0), Counts(4, 13, 5, 2, 4, 3), Counts(labs=1)]
)
def test_a_new_scenario_runs_and_its_sizes_fit(counts: Counts) -> None:
    made = build("mine", counts)
    assert made.sizes() == []
    run = Market(made, rng=1).run(18)
    for metric in ("apps.revenue", "labs.revenue", "clouds.revenue", "chipmakers.revenue", "foundry.revenue"):
        assert run.series(metric).iloc[-1] > 0.0, metric
    # Outside demand neither drowns the market nor is nothing.
    assert 0.5 < run.series("market.utilisation").iloc[0] <= 1.0 + 1e-9
    assert 1.0 < run.series("market.rent").iloc[0] < 12.0
    # But for who ends for reasons of its own, the named are there.
    named = run.firms.to_pandas().query("kind == 'apps' and month == 6 and named")
    assert counts.apps - len(named) <= 1


def test_the_named_apps_are_not_drowned() -> None:
    run = Market(build("mine", Counts()), rng=1).run(24)
    firms = run.firms.to_pandas().query("kind == 'apps' and month == 23")
    assert firms.loc[firms["named"], "revenue"].sum() > 0.2 * firms["revenue"].sum()


@pytest.mark.parametrize("name", ["essay-2023", "tiny"])
def test_a_commented_file_reads_back_the_same_and_explains_each_value_once(name: str, tmp_path: Path) -> None:
    scenario = Scenario(name).with_events("month 3: scale foundry.*.capacity 2")
    text = commented(scenario, "Mine.")
    path = tmp_path / f"{name}.toml"
    path.write_text(text)
    assert Scenario(path) == scenario
    assert text.count("# market_size: ") == 1 and "(M customers; 0 to 1e+06)" in text
    for kind, table in scenario.to_dict().items():
        if isinstance(table, dict) and kind != "graph":
            rows = [row for row in table.values() if isinstance(row, dict) and "value" not in row]
            for parameter in {key for row in rows for key in row} - {"name"}:
                assert f"# {parameter}: " in text


@pytest.mark.parametrize(("counts", "clue"), [(Counts(apps=0), "--apps"), (Counts(hosts=1001), "from 0 to 1000")])
def test_numbers_that_make_no_market(counts: Counts, clue: str) -> None:
    with pytest.raises(InputError, match=clue):
        build("mine", counts)


# Sizes --------------------------------------------------------------------------------------------------------------


def test_packaged_scenarios_fit() -> None:
    assert TINY.sizes() == [] and Scenario("essay-2023").sizes() == []


@pytest.mark.parametrize(
    ("changes", "clue"),
    [({"apps.startups": 55}, "apps.startups to 9"),
     ({"outside.initial_hours": 144.0}, "outside.initial_hours to 22"),
     ({"users.*.market_size": 0.1}, "market_size higher"),
     ({"foundry.fab.capacity": 100.0}, "foundry.*.capacity to 6"),
     ({"investors.commitments": 300.0}, "investors.commitments to 2.6")],
)  # fmt: skip
def test_sizes_that_do_not_fit_say_what_to_set(changes: dict[str, Any], clue: str) -> None:
    scenario = Scenario.from_dict({**TINY.to_dict(), "apps": {
        "startups": 4, "one": {"category": "copy"}, "two": {"category": "copy"}, "three": {"category": "image"}},
    }).set(changes)  # fmt: skip
    assert any(clue in line for line in scenario.sizes()), scenario.sizes()
    # What it says to set makes the line go away.
    if "startups" in clue:
        assert scenario.set({"apps.startups": 9}).sizes() == []


# Rows ---------------------------------------------------------------------------------------------------------------


def test_rows_are_added_changed_and_taken_away() -> None:
    more = TINY.with_row("apps", "poet", "The Poet", category="copy", source="closed", customers=0.02)
    assert more.slugs("apps") == ("writer", "painter", "assistant", "poet")
    assert more.display_name("apps", "poet") == "The Poet" and more.value("apps", "poet", "customers") == 0.02
    assert Market(more, rng=1).run(3).series("apps.poet.revenue").iloc[0] > 0.0
    assert more.with_row("apps", "poet", price=12.0).value("apps", "poet", "customers") == 0.02
    assert more.without_row("apps", "poet") == TINY
    # What is not data stays.
    kept = TINY.with_rule(Nothing, "record").with_row("hosts", "second")
    assert [rule.name for rule in kept.rules] == ["nothing"]


def test_tables_of_pandas_csv_and_mappings(tmp_path: Path) -> None:
    rows = [{"name": "Big Poet", "category": "copy", "customers": 0.02, "own_model": True},
            {"name": "Small Poet", "category": "copy", "customers": None}]  # fmt: skip
    path = tmp_path / "apps.csv"
    path.write_text("name,category,customers,own_model,remark\nBig Poet,copy,0.02,true,x\nSmall Poet,copy,,,y\n")
    frame = pd.DataFrame(rows)
    by_slug = {"big-poet": rows[0], "small-poet": rows[1]}
    found = [TINY.with_table("apps", table) for table in (rows, frame, path, str(path), by_slug)]
    assert all(each == found[0] for each in found)
    assert found[0].value("apps", "big-poet", "own_model") is True
    assert found[0].value("apps", "small-poet", "customers") == 0.0
    indexed = frame.assign(slug=["a", "b"]).set_index("slug")
    assert TINY.with_table("apps", indexed).slugs("apps")[-2:] == ("a", "b")


def test_a_scenario_from_tables_alone() -> None:
    given = TINY.to_dict()
    kinds = ("users", "labs", "hosts", "clouds", "chipmakers", "foundry")
    apps = {slug: row for slug, row in given["apps"].items() if isinstance(row, dict)}
    head = {key: given[key] for key in ("title", "start", "months", "outside", "investors")}
    made = Scenario.from_tables({"apps": pd.DataFrame.from_dict(apps, orient="index").rename_axis("slug"),
                                 **{kind: given[kind] for kind in kinds}}, "tiny", **head)  # fmt: skip
    assert made.set({"apps.startups": 4, "apps.entry_rate": 0.3}).digest() == TINY.digest()
    assert Scenario.from_dict(TINY.to_dict()) == TINY


@pytest.mark.parametrize(
    ("kind", "table", "clue"),
    [("apps", [{"name": "X", "category": "copy", "custmers": 1.0}], "customers"),
     ("apps", [{"category": "copy"}], "neither a slug nor a name"),
     ("apps", [{"name": "X", "category": "copy"}, {"name": "x", "category": "copy"}], "already"),
     ("investors", [{"name": "X"}], "no rows of"), ("apps", 3, "a frame, a path, or mappings"),
     ("apps", [{"slug": "startups"}], "is a parameter"), ("apps", [{"slug": "No Slug"}], "no slug"),
     ("apps", "missing.csv", "cannot be read")],
)  # fmt: skip
def test_tables_that_are_not_read(kind: str, table: Any, clue: str) -> None:
    with pytest.raises(InputError, match=clue):
        TINY.with_table(kind, table)


def test_cells_that_are_not_read(tmp_path: Path) -> None:
    for text, clue in (("name,customers\nX,many\n", "line 2.*customers takes"), ("name,own_model\nX,2\n", "true or")):
        path = tmp_path / "rows.csv"
        path.write_text(text)
        with pytest.raises(InputError, match=clue):
            TINY.with_table("apps", path)
    with pytest.raises(InputError, match="painter"):
        TINY.without_row("apps", "paintr")
    # Others refer to it.
    with pytest.raises(InputError, match="closed"):
        TINY.without_row("labs", "closed")


# Networks -----------------------------------------------------------------------------------------------------------


def test_networks_as_topology_in_python_and_in_files(tmp_path: Path) -> None:
    # One edge points the other way, and the graph may be undirected.
    directed = nx.DiGraph([*EDGES[:2], EDGES[2][::-1]])
    wanted = TINY.with_graph(topology="edges", edges=[list(edge) for edge in EDGES])
    assert set(TINY.with_graph(directed).graph.edges) == set(wanted.graph.edges) == set(EDGES)
    assert {tuple(edge) for edge in TINY.with_graph(nx.Graph(EDGES)).graph.edges} == set(EDGES)
    nx.write_graphml(directed, tmp_path / "net.graphml")
    labelled = nx.DiGraph([(0, 1), (2, 3), (4, 5)])
    nx.set_node_attributes(labelled, dict(enumerate(firm for edge in EDGES for firm in edge)), "label")
    nx.write_graphml(labelled, tmp_path / "gephi.graphml")
    nx.write_edgelist(directed, tmp_path / "net.edgelist")
    (tmp_path / "net.csv").write_text("buyer,seller\n" + "".join(f"{one},{other}\n" for one, other in EDGES))
    for name in ("net.graphml", "gephi.graphml", "net.edgelist", "net.csv"):
        tables = {**TINY.to_dict(), "graph": {"topology": name}}
        read = Scenario.from_dict(tables, folder=tmp_path)
        assert set(read.graph.edges) == set(EDGES), name
    market = Market(wanted, rng=1)
    market.step()
    assert not market.graph.has_edge("apps.writer", "labs.commons") and market.graph.has_edge(*EDGES[0])


def test_networks_that_are_none(tmp_path: Path) -> None:
    for network, clue in ((nx.Graph([("apps.writer", "apps.painter")]), "do not buy from"),
                          (nx.Graph([("apps.wrter", "labs.closed")]), "writer"), (nx.Graph(), "no edge"),
                          ("net", "a networkx graph")):  # fmt: skip
        with pytest.raises(InputError, match=clue):
            TINY.with_graph(network)
    (tmp_path / "bad.graphml").write_text("<graphml><nonsense")
    with pytest.raises(InputError, match="no GraphML"):
        Scenario.from_dict({**TINY.to_dict(), "graph": {"topology": "bad.graphml"}}, folder=tmp_path)
    with pytest.raises(InputError, match=r"\.csv, \.graphml or \.edgelist"):
        TINY.with_graph(topology="net.gml")


def test_written_files_are_toml() -> None:
    tables = tomllib.loads(TINY.to_toml())
    assert tables["apps"]["writer"]["customers"] == 0.05
    assert Scenario.from_dict(tables) == TINY
