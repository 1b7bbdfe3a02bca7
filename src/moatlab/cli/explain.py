"""What a name means: parameters, metrics, kinds, firms, payments, moats, facts, scenarios, phases, columns of tables.

Imports neither numpy, numba nor mesa, so that an answer is there at once.
"""

from __future__ import annotations

import re
from textwrap import wrap

from moatlab.cli.concepts import Concept, concepts
from moatlab.cli.glossary import meanings
from moatlab.cli.search import MOST_HITS, index, known_names, metric_address, rows_called, search, spellings
from moatlab.errors import InputError
from moatlab.results import metrics
from moatlab.results.addresses import OWNERS
from moatlab.results.payments import KINDS_OF_PAYMENT, LAYERS
from moatlab.results.ratios import RATIOS
from moatlab.scenario.addresses import nearest
from moatlab.scenario.facts import Fact, cited, fact, facts
from moatlab.scenario.moats import MOATS, STOCKS
from moatlab.scenario.months import month_name, span_name
from moatlab.scenario.reading import packaged
from moatlab.scenario.registry import KINDS, Parameter
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.tables import REGISTRY
from moatlab.scenario.values import show


def _lines(title: str, pairs: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in pairs)
    return "\n".join([title, *(f"  {name.ljust(width)}  {text}" for name, text in pairs if text)])


def _place(parameter: Parameter) -> str:
    return f"{parameter.kind}.<slug>.{parameter.name}" if parameter.scope == "firm" else parameter.address


def _parameter(parameter: Parameter, extra: list[tuple[str, str]], start: str) -> str:
    moves = parameter.moves
    direction = {1: "up", -1: "down", 0: f"either way ({moves.reason})"}[moves.sign]
    return _lines(
        f"{parameter.address}: {parameter.meaning}",
        [
            ("address", _place(parameter)),
            ("unit", parameter.unit),
            ("valid", parameter.valid),
            ("default", show(parameter.default) or "(empty)"),
            ("source", parameter.source),
            ("moves", f"{moves.metric} {direction}, {span_name(*moves.months, start)}"),
            *extra,
        ],
    )


def _metric(metric: metrics.Metric) -> str:
    tables = {"market": "market", "layer": "layers", "category": "categories", "firm": "firms", "owner": "owners",
              "money": "money"}  # fmt: skip
    how = "derived from other columns" if metric.derive else "recorded"
    table = tables[metric.level]
    return _lines(
        f"{metric_address(metric)}: {metric.formula}",
        [("unit", metric.unit), ("table", f"{table}, column {metric.column}"),
         ("kind", "computed after the run from its ledger and books" if metric.books else how),
         ("over months", "the sum of what is above over the sum of what is below; undefined below 1,000 dollars, one "
          "customer, a million tokens or one GPU-hour a month" if (metric.level, metric.column) in RATIOS else "")],
    )  # fmt: skip


def _matches(name: str) -> list[metrics.Metric]:
    parts = name.split(".")
    found = []
    for metric in metrics.TABLE:
        address = metric_address(metric)
        if (
            name in (address, metric.name if len(parts) == 1 else address)
            or (metric.level == "layer" and len(parts) == 2 and parts[0] in LAYERS and parts[1] == metric.name)
            or (
                metric.level == "category" and len(parts) in (2, 3) and parts[0] == "users" and parts[-1] == metric.name
            )
            or (metric.level == "firm" and len(parts) == 3 and parts[0] in LAYERS and parts[-1] == metric.name)
            or (metric.level == "owner" and len(parts) == 3 and parts[0] == OWNERS and parts[-1] == metric.name)
        ):
            found.append(metric)
    return found


def explain_name(name: str, scenario: str) -> str:
    """All that is known under ``name``; `InputError` with the nearest names where there is nothing.

    A parameter by its address or its bare name, a metric, a kind, a firm or category by its slug or as people write it,
    a payment, a moat, a phase, a fact, a scenario, what stands in a table or an experiment's file, or a term of the
    field.  Where nothing goes by that name, names in whose meaning the words occur are listed.
    """
    chosen = Scenario(scenario)
    name = " ".join(name.split())
    if not name:
        raise InputError("there is no name: moatlab explain NAME, or moatlab explain alone for all names")
    told = [_concept(c, chosen) for c in concepts(name)] + _named(name, chosen)
    told += [_firm(row.partition(".")[0], row.partition(".")[2], chosen) for row in rows_called(name, chosen)]
    if not told:
        told = [text for spelt in spellings(name) for text in _named(spelt, chosen)]
    if not told and "." not in name:
        # Phases are read from the month itself, which needs the compiler: only for a name that is nothing else.
        told = [f"phase {number} of a month, {phase}: {text}" for number, phase, text in phases() if phase == name]
    told = told or _startup(name, chosen) or _hits(name, chosen)
    if not told:
        raise InputError(f"there is nothing called {name!r}; {_nearest(name, chosen)}")
    return "\n\n".join(dict.fromkeys(told))


def _named(name: str, chosen: Scenario) -> list[str]:
    """What goes by exactly this name."""
    parts = name.split(".")
    told = _kind(name) + _parameters(parts, chosen)
    told += [_metric(m) for m in _matches(name)]
    if len(parts) == 2 and parts[0] in KINDS and parts[1] in chosen.slugs(parts[0]):
        told.append(_firm(parts[0], parts[1], chosen))
    told += [
        _lines(f"payment {k.name}: {k.meaning}", [("from", k.payer), ("to", k.payee), ("use", k.use)])
        for k in KINDS_OF_PAYMENT if k.name == name
    ]  # fmt: skip
    if name in ("moat", "moats"):
        told.append(_lines("moats: what keeps customers, suppliers or capital with a firm", [*MOATS.items()]))
    if name in MOATS:
        told.append(_moat(name))
    told += meanings(name)
    if name in facts():
        told.append(f"fact {name}: {_told(fact(name))}")
    if name in packaged():
        told.append(_scenario(Scenario(name)))
    return told


def explain_index(scenario: str) -> str:
    """All names by layer, and how to search them."""
    lines = []
    for title, rows in index(Scenario(scenario)):
        lines.append(title)
        for label, names in rows:
            lines += wrap(names, 118, initial_indent=f"  {label:<11} ", subsequent_indent=" " * 14,
                          break_on_hyphens=False)  # fmt: skip
    lines += [
        "",
        "moatlab explain NAME        what it means: unit, range, source; firms also by their names (OpenAI)",
        "moatlab explain --search    names in whose meaning the words occur (moatlab explain --search packaging)",
        "moatlab phases              the month, phase by phase; moatlab scenarios: the packaged scenarios",
    ]
    return "\n".join(lines)


def explain_search(words: str, scenario: str) -> str:
    """The names in whose meaning the words occur; `InputError` where there is none."""
    chosen = Scenario(scenario)
    found = _hits(words, chosen, f"names in whose meaning {words!r} occurs")
    if not found:
        raise InputError(f"{words!r} occurs in no meaning; {_nearest(words, chosen)}")
    return found[0]


def _concept(concept: Concept, scenario: Scenario) -> str:
    """What people mean, and the names behind it with what each means."""
    rows = []
    for name in concept.see:
        kind, _, last = name.partition(".")
        if (kind, last) in REGISTRY:
            parameter = REGISTRY[kind, last]
            rows.append((_place(parameter), f"parameter: {parameter.meaning} [{parameter.unit}]"))
        else:
            rows += [(name, f"metric: {m.formula} [{m.unit}]") for m in metrics.TABLE if metric_address(m) == name]
            rows += [(name, f"payment: {k.meaning}") for k in KINDS_OF_PAYMENT if k.name == name]
    return _lines(f"{concept.words[0]}: {concept.meaning}", rows)


def _startup(name: str, scenario: Scenario) -> list[str]:
    """A generated startup, by the parts of its name."""
    match = re.fullmatch(
        r"(?P<category>.+)-(?P<birth>\d{3,5}|start)-(?P<number>\d+)", name.lower().removeprefix("apps.")
    )
    if match is None or match["category"] not in scenario.slugs("users"):
        return []
    birth = match["birth"]
    since = "there at the start" if birth == "start" else f"entered in {month_name(int(birth), scenario.start)}"
    category = scenario.display_name("users", match["category"])
    return [
        f"{match[0]}: a generated startup in the category {category}, {since}, number {match['number']} of its cohort"
    ]


def _hits(name: str, scenario: Scenario, title: str = "") -> list[str]:
    """The names in whose meaning the words occur."""
    hits = search(name, scenario)
    if not hits:
        return []
    more = f"; {MOST_HITS} of {len(hits)}, a further word narrows them" if len(hits) > MOST_HITS else ""
    title = title or f"nothing is called {name!r}; it occurs in the meaning of"
    return [_lines(f"{title}{more}", hits[:MOST_HITS])]


def _nearest(name: str, scenario: Scenario) -> str:
    close = nearest(name.lower(), known_names(scenario))
    return close if close.startswith("did") else f"the kinds, with all they have: {', '.join(KINDS)}, market"


def _moat(name: str) -> str:
    rows = [
        (f"of {s.kind}", f"{s.field} [{s.unit}], fed by {s.fed_by}, eroded by {s.eroded_by}; worth: "
         + (s.bought_with or "not comparable, nothing that has a price builds it"))
        for s in STOCKS if s.moat == name
    ]  # fmt: skip
    return _lines(f"moat {name}: {MOATS[name]}", rows)


def _kind(name: str) -> list[str]:
    """A kind with its parameters and metrics; ``market`` has metrics only."""
    told = []
    if name in KINDS:
        rows = [(p.address, f"{p.meaning} [{p.unit}]") for p in REGISTRY.values() if p.kind == name]
        told.append(_lines(f"{name}: {KINDS[name]}; parameters", rows))
    mine = [m for m in metrics.TABLE if m.kind == name or (m.level == "layer" and name in LAYERS)]
    if mine:
        rows = [(metric_address(m).replace("<layer>", name), f"{m.formula} [{m.unit}]") for m in mine]
        told.append(_lines(f"metrics of {name}", rows))
    return told


def _parameters(parts: list[str], scenario: Scenario) -> list[str]:
    """A parameter by its address, with its value in the scenario, or all of a bare name."""
    if len(parts) == 1:
        return [_parameter(p, [], scenario.start) for p in REGISTRY.values() if p.name == parts[0]]
    kind, name = parts[0], parts[-1]
    if len(parts) > 3 or (kind, name) not in REGISTRY:
        return []
    slug = parts[1] if len(parts) == 3 else None
    if slug not in (None, "*", *scenario.slugs(kind)):
        raise InputError(f"{scenario.name} has no {kind}.{slug}; {nearest(str(slug), scenario.slugs(kind))}")
    parameter = REGISTRY[kind, name]
    if slug is None and parameter.scope == "firm":
        return [_parameter(parameter, [], scenario.start)]
    value = scenario.value(kind, slug, name) if slug is not None else scenario.kind_value(kind, name)
    source = scenario.source(kind, slug, name)
    cites = [("", f"{identifier}: {_told(fact(identifier))}") for identifier in cited(source)]
    here = (f"in {scenario.name}", f"{show(value) or '(empty)'}, source: {source}")
    return [_parameter(parameter, [here, *cites], scenario.start)]


def _told(known: Fact) -> str:
    """A dated figure in a line."""
    bounds = f" ({known.low:g} to {known.high:g})" if known.low is not None and known.high is not None else ""
    origin = f"{known.source_title} {known.source_url}".strip()
    return (
        f"{known.entity}, {known.metric} {known.value:g}{bounds} {known.unit}, "
        f"{known.period_start} to {known.period_end}, {origin}, confidence {known.confidence}"
    )


def _firm(kind: str, slug: str, scenario: Scenario) -> str:
    rows = []
    for parameter in REGISTRY.values():
        if parameter.kind == kind and parameter.scope == "firm":
            value = show(scenario.value(kind, slug, parameter.name)) or "(empty)"
            rows.append((parameter.name, f"{value} [{parameter.unit}] {scenario.source(kind, slug, parameter.name)}"))
    mine = metrics.find("category" if kind == "users" else "firm")
    rows.append(("metrics", ", ".join(f"{kind}.{slug}.{m.name}" for m in mine)))
    return _lines(f"{kind}.{slug}: {scenario.display_name(kind, slug)} in {scenario.name}", rows)


def _firms(scenario: Scenario) -> str:
    counts = ", ".join(f"{len(scenario.slugs(kind))} {kind}" for kind in ("users", *LAYERS))
    return f"{counts}; {scenario.kind_value('apps', 'startups')} generated apps"


def _scenario(scenario: Scenario) -> str:
    rows = [("months", f"{scenario.months} from {scenario.start}"), ("firms", _firms(scenario))]
    rows += [(kind, ", ".join(scenario.slugs(kind))) for kind in ("users", *LAYERS)]
    rows += [("event", event.dated(scenario.start)) for event in scenario.events]
    return _lines(f"{scenario.name}: {scenario.title}", rows)


def list_scenarios() -> str:
    """The packaged scenarios with their titles and firms."""
    rows = []
    for name in packaged():
        scenario = Scenario(name)
        rows.append((name, f"{scenario.title} ({_firms(scenario)})"))
    return _lines("packaged scenarios", rows)


def list_phases() -> str:
    """The month: its phases in their order."""
    return _lines("a month", [(f"{number}. {name}", meaning) for number, name, meaning in phases()])


def time_phases(scenario: str) -> str:
    """The month with the milliseconds that each phase takes of a run of the scenario."""
    chosen = Scenario(scenario)
    from moatlab.market.timing import phase_times

    times = phase_times(chosen)
    rows = [
        (f"{number}. {name}", f"{1e3 * times[name]:6.2f} ms a run.  {meaning}") for number, name, meaning in phases()
    ]
    rows.append(("in all", f"{1e3 * sum(times.values()):6.2f} ms a run of {chosen.months} months"))
    return _lines(f"a month of {scenario}, with the time that each phase takes", rows)


def phases() -> list[tuple[int, str, str]]:
    """Number, name and meaning of the phases that a month runs."""
    from moatlab.market.month import PHASES

    return [(number, phase.name, phase.meaning) for number, phase in enumerate(PHASES, start=1)]
