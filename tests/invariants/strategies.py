"""Random small markets: kinds, sizes, topologies, events and values anywhere in their declared ranges."""

from __future__ import annotations

from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from moatlab import InputError, Scenario
from moatlab.scenario.addresses import ALL
from moatlab.scenario.registry import Parameter, Value
from moatlab.scenario.tables import REGISTRY
from moatlab.scenario.topology import TRADES

#: Firms of each kind, at the least and at the most.
SIZES = {"users": (1, 3), "apps": (0, 4), "labs": (1, 4), "hosts": (0, 2), "clouds": (1, 4), "chipmakers": (1, 3),
         "foundry": (1, 2)}  # fmt: skip
MONTHS = 18
#: A market of about the size of the packaged ones, from which values then stray.
BASE: dict[str, dict[str, float]] = {
    "users": {"market_size": 5.0},
    "apps": {"customers": 0.05},
    "clouds": {"fleet": 30.0, "finance": 300.0},
    "foundry": {"capacity": 6.0},
}
#: Numbers of firms are set by the sizes above, not by values: a market of a million apps is no small one.
COUNTS = {("apps", "startups"): 8.0, ("apps", "entry_rate"): 5.0, ("apps", "startup_spread"): 2.0}


def values_of(parameter: Parameter, slugs: dict[str, list[str]]) -> st.SearchStrategy[Value]:
    """Values of a parameter: near its default, anywhere in its range, and at the ends of it."""
    if parameter.choices:
        return st.sampled_from(parameter.choices)
    if parameter.refers:
        rows = slugs[parameter.refers]
        return st.sampled_from(rows if parameter.needed else ["", *rows]) if rows else st.just("")
    if parameter.is_flag:
        return st.booleans()
    if isinstance(parameter.default, str):
        return st.sampled_from(["one", "other"])
    low, high = parameter.low, min(parameter.high, COUNTS.get((parameter.kind, parameter.name), parameter.high))
    if parameter.is_integer:
        return st.integers(int(low), int(high))
    default = float(parameter.default)
    near = [min(max(factor * default, low), high) for factor in (0.1, 0.5, 0.9, 1.1, 2.0, 10.0)]
    return st.sampled_from([low, high, *near]) | st.floats(low, high)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """A scenario that loads; what cannot be simulated is refused at loading, in one line."""
    slugs = {
        kind: [f"{kind[:-1] or kind}-{n}" for n in range(draw(st.integers(*size)))] for kind, size in SIZES.items()
    }
    table: dict[str, Any] = {"name": "random", "months": MONTHS, "graph": _graph(draw, slugs)}
    for kind, rows in slugs.items():
        table[kind] = {row: dict(BASE.get(kind, {})) for row in rows}
    for app in slugs["apps"]:
        table["apps"][app]["category"] = draw(st.sampled_from(slugs["users"]))
    table["apps"] |= {"startups": draw(st.integers(0, 8)), "entry_rate": draw(st.sampled_from([0.0, 0.5, 2.0]))}
    for lab in slugs["labs"]:
        table["labs"][lab]["open"] = draw(st.booleans())
    for parameter in draw(st.lists(st.sampled_from(list(REGISTRY.values())), max_size=10, unique=True)):
        value = draw(values_of(parameter, slugs))
        home = table.setdefault(parameter.kind, {})
        if parameter.scope == "firm":
            row = draw(st.sampled_from([ALL, *slugs[parameter.kind]]))
            if (row == ALL and parameter.name in ("category", "owner", "source")) or value == "":
                continue
            home = home.setdefault(row, {})
        home[parameter.name] = value
    try:
        return Scenario.from_dict(table).with_events(*_events(draw, slugs))
    except InputError as error:
        assert len(str(error).splitlines()) == 1
        reject()


def _graph(draw: st.DrawFn, slugs: dict[str, list[str]]) -> dict[str, Any]:
    pairs = [[f"{b}.{one}", f"{s}.{other}"] for b, s in TRADES for one in slugs[b] for other in slugs[s]]
    topology = draw(st.sampled_from(["complete", "complete", "sparse", "preferential", "edges"]))
    graph: dict[str, Any] = {"topology": topology}
    if pairs and topology == "edges":
        graph["edges"] = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=len(pairs), unique_by=tuple))
    elif pairs:
        graph["degree"] = draw(st.sampled_from([1.0, 2.0]))
        graph["without"] = draw(st.lists(st.sampled_from(pairs), max_size=4, unique_by=tuple))
    return graph


def _events(draw: st.DrawFn, slugs: dict[str, list[str]]) -> list[str]:
    events = []
    movable = [p for p in REGISTRY.values() if not p.at_start and (p.kind, p.name) not in COUNTS]
    for _ in range(draw(st.integers(0, 4))):
        first = draw(st.integers(0, MONTHS - 1))
        when = draw(st.sampled_from([f"month {first}", f"months {first}-{first + 2}"]))
        if draw(st.booleans()):
            buys, sells = draw(st.sampled_from(TRADES))
            if slugs[buys] and slugs[sells]:
                edge = f"{buys}.{draw(st.sampled_from(slugs[buys]))} {sells}.{draw(st.sampled_from(slugs[sells]))}"
                events.append(f"month {first}: {draw(st.sampled_from(['cut', 'link']))} {edge}")
            continue
        parameter = draw(st.sampled_from(movable))
        row = "" if parameter.scope == "kind" else f"{draw(st.sampled_from([ALL, *slugs[parameter.kind]]))}."
        value = draw(values_of(parameter, slugs))
        if value != "":
            word = str(value).lower() if isinstance(value, bool) else value
            events.append(f"{when}: set {parameter.kind}.{row}{parameter.name} {word}")
    return events
