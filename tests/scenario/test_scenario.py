"""Scenarios: the packaged ones, changed copies, files, and everything that is refused."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moatlab
from moatlab.errors import InputError
from moatlab.scenario.addresses import ALL, Address
from moatlab.scenario.facts import cited, fact
from moatlab.scenario.reading import packaged
from moatlab.scenario.registry import KINDS, Parameter, Value
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.tables import REGISTRY

ESSAY = Scenario("essay-2023")
TINY = Scenario("tiny")


def tiny_dict() -> dict[str, Any]:
    return tomllib.loads(TINY.to_toml())


def refused(make: Any, says: str) -> None:
    """``make`` raises one clear line that says ``says``."""
    with pytest.raises(InputError) as caught:
        make()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


# -------------------- packaged scenarios


def test_the_packaged_scenarios_load() -> None:
    assert {"essay-2023", "tiny"} <= set(packaged())
    for name in packaged():
        assert Scenario(name).name == name


def test_essay_2023_holds_the_firms_of_the_essay() -> None:
    assert set(ESSAY.slugs("users")) == {"image", "copy", "code", "chat", "support", "design", "video"}
    assert set(ESSAY.slugs("hosts")) == {"hugging-face", "replicate"}
    assert set(ESSAY.slugs("clouds")) == {"aws", "gcp", "azure", "oracle", "coreweave", "lambda", "meta"}
    assert len(ESSAY.slugs("labs")) == 10
    assert len(ESSAY.slugs("chipmakers")) == 8
    assert ESSAY.slugs("foundry") == ("tsmc",)
    assert ESSAY.display_name("apps", "copilot") == "GitHub Copilot"
    assert (ESSAY.start, ESSAY.months, ESSAY.slugs("compute")) == ("2023-01", 120, ())


def test_essay_2023_starts_from_about_550_thousand_gpus() -> None:
    assert sum(float(ESSAY.value("clouds", slug, "fleet")) for slug in ESSAY.slugs("clouds")) == pytest.approx(
        554, abs=5
    )


def test_every_value_of_essay_2023_is_sourced_from_what_was_known() -> None:
    for address in ESSAY.given():
        source = ESSAY.source(address.kind, address.slug, address.parameter)
        assert source in ("essay", "assumed") or cited(source), address
        for identifier in cited(source):
            assert fact(identifier).known_by(), f"{address}: {identifier} was not known"


def test_essay_2023_states_each_source_itself() -> None:
    tables = tomllib.loads(ESSAY.to_toml())
    stated = set()
    for kind in KINDS:
        for key, entry in tables.get(kind, {}).items():
            rows = {f"{key}.{name}": value for name, value in entry.items() if name != "name"}
            for name, value in ({key: entry} if "value" in entry else rows).items():
                assert set(value) == {"value", "source"}, f"{kind}.{name}"
                stated.add(f"{kind}.{name}")
    assert stated == {str(address) for address in ESSAY.given()}


def test_explain_stays_instant() -> None:
    code = (
        "import sys; from moatlab.scenario.scenario import Scenario; Scenario('essay-2023').digest();"
        "print(*({'numpy', 'numba', 'mesa', 'pandas'} & set(sys.modules)))"
    )
    source = str(Path(moatlab.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == ""


# -------------------- values


def test_a_value_comes_from_its_row_then_from_all_rows_then_from_the_registry() -> None:
    default = REGISTRY["labs", "markup"].default
    assert TINY.value("labs", "closed", "markup") == default
    changed = TINY.set({"labs.closed.markup": 0.5, "labs.*.markup": 0.3})
    assert [changed.value("labs", slug, "markup") for slug in ("closed", "commons", ALL)] == [0.5, 0.3, 0.3]
    # All rows means all of them: an earlier value of one firm gives way.
    assert changed.set({"labs.*.markup": 0.2}).value("labs", "closed", "markup") == 0.2
    assert TINY.value("labs", "closed", "markup") == default, "the original is as it was"


def test_sources_follow_values() -> None:
    assert ESSAY.source("labs", "openai", "price") == "fact M085"
    assert ESSAY.source("labs", None, "algorithm_growth") == REGISTRY["labs", "algorithm_growth"].source
    changed = ESSAY.set({"labs.*.price": 3.0})
    assert changed.source("labs", "openai", "price") == "set by the user"


def test_text_and_numpy_values_become_plain_ones() -> None:
    text = TINY.set_text(
        ["labs.closed.markup=0.5", "labs.*.open = true", "apps.startups=6", "labs.closed.partner=small"]
    )
    typed = TINY.set(
        {
            "labs.closed.markup": np.float64(0.5),
            "labs.*.open": np.bool_(True),
            "apps.startups": np.int64(6),
            "labs.closed.partner": "small",
        }
    )
    assert text.resolved() == typed.resolved()
    assert type(typed.kind_value("apps", "startups")) is int
    assert type(TINY.set({"labs.closed.markup": 2}).value("labs", "closed", "markup")) is float


def valid_values(parameter: Parameter) -> st.SearchStrategy[Value]:
    if parameter.choices:
        return st.sampled_from(parameter.choices)
    if parameter.word:
        return st.sampled_from(("", "midas", "two-words"))
    if parameter.refers:
        return st.sampled_from(TINY.slugs(parameter.refers))
    if parameter.is_flag:
        return st.booleans()
    if parameter.is_integer:
        return st.integers(int(parameter.low), int(parameter.high))
    return st.floats(parameter.low, parameter.high)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """The tiny scenario with a few values changed; contradictory draws are left out."""
    scenario = TINY
    for _ in range(draw(st.integers(0, 6))):
        parameter = draw(st.sampled_from(list(REGISTRY.values())))
        rows = (ALL, *TINY.slugs(parameter.kind))
        slug = None if parameter.scope == "kind" else draw(st.sampled_from(rows))
        address = Address(parameter.kind, slug, parameter.name)
        try:
            scenario = scenario.set({str(address): draw(valid_values(parameter))})
        except InputError as error:
            assert "scenario tiny" in str(error)
    return scenario


@given(scenarios())
def test_a_scenario_reads_back_from_its_file(scenario: Scenario) -> None:
    back = Scenario.from_dict(tomllib.loads(scenario.to_toml()))
    assert back == scenario
    assert back.digest() == scenario.digest() == pickle.loads(pickle.dumps(scenario)).digest()


@given(st.sampled_from(list(REGISTRY.values())), st.integers() | st.floats() | st.booleans() | st.text(max_size=9))
def test_a_value_is_taken_inside_the_range_or_refused_in_one_line(parameter: Parameter, value: Value) -> None:
    address = f"{parameter.kind}.name".replace(
        "name", parameter.name if parameter.scope == "kind" else f"*.{parameter.name}"
    )
    try:
        taken = TINY.set({address: value})
    except InputError as error:
        assert len(str(error).splitlines()) == 1
        return
    got = taken.at(Address(parameter.kind, None if parameter.scope == "kind" else ALL, parameter.name))
    assert got == value
    assert type(got) is type(parameter.default)


def test_the_digest_is_of_content() -> None:
    default = REGISTRY["labs", "run_months"].default
    assert TINY.set({"labs.run_months": default}).digest() == TINY.digest()
    assert TINY.set({"labs.run_months": 7}).digest() != TINY.digest()
    assert TINY.with_events("month 3: set labs.run_months 7").digest() != TINY.digest()
    assert TINY.with_graph(topology="sparse").digest() != TINY.digest()
    renamed = tiny_dict() | {"title": "Another title"}
    assert Scenario.from_dict(renamed).digest() == TINY.digest()
    assert len(TINY.digest()) == 64


def test_resolved_holds_every_parameter() -> None:
    resolved = ESSAY.resolved()
    for (kind, name), parameter in REGISTRY.items():
        if parameter.scope == "kind":
            assert resolved[kind][name] == ESSAY.kind_value(kind, name)
        else:
            assert set(ESSAY.slugs(kind)) | {ALL} <= set(resolved[kind])
            assert all(name in resolved[kind][slug] for slug in ESSAY.slugs(kind))


def test_a_scenario_is_immutable() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        TINY.months = 3  # type: ignore[misc]
    TINY.overrides["labs.closed"] = int
    TINY.given().clear()
    assert not TINY.overrides
    assert TINY.given()
    assert copy.deepcopy(TINY) == TINY
    assert len({TINY, Scenario("tiny")}) == 1


def test_a_class_of_ones_own() -> None:
    class Mine:
        pass

    replaced = TINY.replace("labs.closed", Mine)
    assert replaced.overrides == {"labs.closed": Mine}
    assert replaced.digest() != TINY.digest()
    assert "labs.closed is played by" in replaced.to_toml()
    refused(lambda: TINY.replace("labs.clsed", Mine), "did you mean closed?")
    refused(lambda: TINY.replace("users.copy", Mine), "no agent")
    refused(lambda: TINY.replace("labs.closed", 3), "agent class")  # type: ignore[arg-type]


# -------------------- files


def test_a_path_names_a_scenario_and_its_edges_are_read_from_beside_it(tmp_path: Path) -> None:
    (tmp_path / "edges.csv").write_text("buyer,seller\napps.writer,labs.closed\napps.assistant,labs.closed\n")
    text = TINY.to_toml().replace('name = "tiny"', "", 1) + '\n[graph]\ntopology = "edges.csv"\n'
    (tmp_path / "mine.toml").write_text(text)
    mine = Scenario(tmp_path / "mine.toml")
    assert mine.name == "mine"
    assert mine.graph.edges == (("apps.writer", "labs.closed"), ("apps.assistant", "labs.closed"))
    assert not mine.graph.allows("apps.painter", "labs.closed")
    assert mine.graph.allows("apps.painter", "hosts.hub"), "no edge to a host is listed, so that pair stays complete"
    assert Scenario.from_dict(tomllib.loads(mine.to_toml())) == mine


def test_the_graph_allows_what_is_neither_taken_away_nor_passed_over() -> None:
    graph = ESSAY.with_graph(without=[["clouds.aws", "chipmakers.amd"]]).graph
    assert graph.allows("clouds.gcp", "chipmakers.amd")
    assert not graph.allows("clouds.aws", "chipmakers.amd")
    assert graph.allows("apps.chatgpt", "labs.openai")
    assert not graph.allows("apps.chatgpt", "labs.cohere")
    assert graph.allows("apps.chatgpt", "clouds.aws"), "only speaks of one kind of seller"
    assert not graph.allows("labs.openai", "apps.jasper")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("buyer,sellers\na,b\n", "columns buyer and seller"),
        ("buyer,seller\napps.writer,labs.clsed\n", "line 2: labs has no 'clsed'"),
        ("buyer,seller\nlabs.closed,apps.writer\n", "labs do not buy from apps"),
        ("buyer,seller\napps.writer\n", "line 2: lacks its seller"),
        ("buyer,seller\n", "no edge"),
    ],
)
def test_a_bad_file_of_edges(tmp_path: Path, lines: str, says: str) -> None:
    (tmp_path / "edges.csv").write_text(lines)
    table = tiny_dict() | {"graph": {"topology": "edges.csv"}}
    refused(lambda: Scenario.from_dict(table, "mine", tmp_path), says)


def test_bad_files(tmp_path: Path) -> None:
    refused(lambda: Scenario("essay-2032"), "did you mean essay-2023?")
    refused(lambda: Scenario(tmp_path / "none.toml"), "no scenario file")
    bad = tmp_path / "bad.toml"
    bad.write_text("name = 'bad'\n\n[labs\n")
    refused(lambda: Scenario(bad), "line 3")
    refused(lambda: Scenario(bad), "bad.toml: malformed TOML")
    bad.write_text("[labs.a]\n[labs.a]\n")
    refused(lambda: Scenario(bad), "line 2")
    bad.write_bytes(b"\xff\xfe\x00")
    refused(lambda: Scenario(bad), "UTF-8")


# -------------------- refused


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (["moths"], 3, "did you mean months?"),
        (["months"], 0, "from 1 to"),
        (["start"], "2023-13", "such as '2023-01'"),
        (["title"], 3, "title takes text"),
        (["events"], "month 3", "list of texts"),
        (["events"], ["month 3: set x 4"], "event 'month 3: set x 4'"),
        (["labs"], 3, "labs takes a table"),
        (["labs", "run_moths"], 3, "did you mean run_months"),
        (["labs", "markup"], 3, "labs.<slug>.markup or labs.*.markup"),
        (["labs", "Closed"], {}, '[labs.closed] with name = "Closed"'),
        (["labs", "closed", "markp"], 3, "did you mean markup"),
        (["labs", "closed", "run_months"], 3, "all labs share it"),
        (["labs", "closed", "name"], 3, "labs.closed: name takes text"),
        (["labs", "closed", "markup"], "0.5", "0 to 1000 (share of cost), not '0.5'"),
        (["labs", "closed", "markup"], True, "not True"),
        (["labs", "closed", "markup"], float("nan"), "not nan"),
        (["labs", "closed", "markup"], [1], "not [1]"),
        (["labs", "closed", "markup"], {"value": 1, "sauce": "essay"}, "unknown key 'sauce'"),
        (["labs", "closed", "markup"], {"source": "essay"}, "lacks its value"),
        (["labs", "closed", "markup"], {"value": 1, "source": "fact M999"}, "no fact 'M999'"),
        (["labs", "closed", "open"], 1, "true or false, not 1"),
        (["labs", "closed", "price_rule"], "optimum", "one of optimal, frozen, markup"),
        (["labs", "run_months"], 2.5, "whole numbers from 1 to 60"),
        (["compute", "spot"], {"a": 1}, "compute has no parameter 'spot'"),
        (["graph"], {"topolgy": "sparse"}, "did you mean topology?"),
        (["graph"], {"topology": "spars"}, "did you mean sparse?"),
        (["graph"], {"degree": 0}, "above 0"),
        (["graph"], {"without": [["apps.writer"]]}, "pairs [buyer, seller]"),
        (["graph"], {"only": {"apps.writer": []}}, "at least one seller"),
        (["graph"], {"only": {"apps.writr": ["labs.closed"]}}, "did you mean writer?"),
        (["graph"], {"topology": "edges"}, "contradict"),
    ],
)
def test_what_a_file_cannot_say(path: list[str], value: Any, says: str) -> None:
    table = tiny_dict()
    place = table
    for key in path[:-1]:
        place = place.setdefault(key, {})
    place[path[-1]] = value
    refused(lambda: Scenario.from_dict(table, "mine.toml"), says)
    refused(lambda: Scenario.from_dict(table, "mine.toml"), "mine.toml: ")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"apps.writer.category": ""}, "apps.writer.category is needed"),
        ({"apps.writer.category": "vidio"}, "users.vidio, which does not exist"),
        ({"apps.assistant.incumbent": True}, "one of the two only"),
        ({"apps.rnd_share": 0.7, "apps.marketing_share": 0.4}, "add up to more than 1"),
        ({"labs.closed.revenue_share": 0.2}, "set labs.closed.partner"),
        ({"labs.closed.api": False}, "apps.writer.source is labs.closed, which does not sell"),
        ({"labs.closed.supply": "own apps"}, "apps.writer.source is labs.closed, which does not sell"),
        ({"labs.closed.supply": "not rivals"}, "apps.writer.source is labs.closed, which does not sell"),
        (
            {"clouds.large.own_chip": "", "clouds.large.own_share": 0.0},
            "chipmakers.house is captive, but it is no cloud's",
        ),
        ({"clouds.large.own_chip": "", "chipmakers.house.captive": False}, "own_share needs a chip"),
        ({"clouds.small.own_chip": "house"}, "own_chip of 2 clouds"),
        ({"chipmakers.leader.captive": True}, "chipmakers.leader is captive"),
    ],
)
def test_contradictory_values(changes: dict[str, Value], says: str) -> None:
    refused(lambda: TINY.set(changes), says)


@pytest.mark.parametrize(
    ("graph", "says"),
    [
        (
            {"without": [["apps.assistant", "labs.closed"]]},
            "apps.assistant is owned by labs.closed but has no edge to it",
        ),
        ({"only": {"apps.writer": ["labs.commons"]}}, "apps.writer.source is labs.closed, to which"),
        ({"without": [["clouds.large", "chipmakers.house"]]}, "owns chipmakers.house but has no edge"),
        ({"without": [["clouds.small", "chipmakers.leader"]]}, "clouds.small reaches no chipmaker"),
        ({"without": [["hosts.hub", "clouds.large"], ["hosts.hub", "clouds.small"]]}, "hosts.hub reaches no cloud"),
        ({"without": [["chipmakers.leader", "foundry.fab"]]}, "reaches no foundry"),
        ({"without": [["apps.painter", "clouds.large"], ["apps.painter", "clouds.small"]]}, "runs an in-house model"),
    ],
)
def test_contradictory_graphs(graph: dict[str, Any], says: str) -> None:
    refused(lambda: TINY.with_graph(**graph), says)


@pytest.mark.parametrize("kind", ["users", "labs", "clouds", "chipmakers", "foundry"])
def test_a_market_needs_every_layer(kind: str) -> None:
    table = {other: rows for other, rows in tiny_dict().items() if other != kind}
    # What refers to the missing kind would be refused first.
    table["apps"] = {"startups": 4}
    for row in table.get("clouds", {}).values():
        row.pop("own_chip", None), row.pop("own_share", None)
    refused(lambda: Scenario.from_dict(table), f"there are no {kind}")


def test_an_app_needs_a_model_and_a_category() -> None:
    table = tiny_dict()
    del table["apps"]["writer"]["category"]
    refused(
        lambda: Scenario.from_dict(table), "apps.writer has no category: set apps.writer.category to one of copy, image"
    )
    unreachable = TINY.set({"apps.painter.own_model": False})
    refused(
        lambda: unreachable.with_graph(
            without=[["apps.painter", "hosts.hub"], ["apps.painter", "labs.closed"], ["apps.painter", "labs.commons"]]
        ),
        "apps.painter reaches no model",
    )


def test_a_slug_is_no_parameters_name() -> None:
    table = tiny_dict()
    table["apps"]["price"] = {"category": "copy"}
    refused(lambda: Scenario.from_dict(table), "apps.<slug>.price")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("labs.closed.markup", "ADDRESS=VALUE"),
        ("labs.closed.markup=lots", "needs a number, not 'lots'"),
        ("labs.closed.markup=-1", "0 to 1000 (share of cost)"),
        ("labs.closed.open=maybe", "true or false"),
        ("labs.clsed.markup=1", "did you mean closed?"),
    ],
)
def test_bad_texts(text: str, says: str) -> None:
    refused(lambda: TINY.set_text([text]), says)
    refused(lambda: TINY.set_text([text]), f"set {text!r}: ")


def test_asking_for_what_is_not_there() -> None:
    refused(lambda: TINY.value("labs", "clsed", "markup"), "did you mean closed?")
    refused(lambda: TINY.value("labs", "closed", "run_months"), "all labs share it")
    refused(lambda: TINY.kind_value("labs", "markup"), "labs.<slug>.markup")
    refused(lambda: TINY.slugs("lab"), "did you mean labs?")
    refused(lambda: TINY.display_name("labs", "clsed"), "did you mean closed?")
