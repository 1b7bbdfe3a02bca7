"""What a name means: parameters, metrics, kinds, firms, payments, moats, facts, scenarios, phases, columns of tables.

Imports neither numpy, numba nor mesa, so that an answer is there at once.
"""

from __future__ import annotations

from moatlab.cli.glossary import GLOSSARY, meanings
from moatlab.errors import InputError
from moatlab.results import metrics
from moatlab.results.payments import KINDS_OF_PAYMENT, LAYERS
from moatlab.results.ratios import RATIOS
from moatlab.scenario.addresses import nearest
from moatlab.scenario.facts import Fact, cited, fact, facts
from moatlab.scenario.moats import MOATS, STOCKS
from moatlab.scenario.reading import packaged
from moatlab.scenario.registry import KINDS, Parameter
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.tables import REGISTRY
from moatlab.scenario.values import show


def _lines(title: str, pairs: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in pairs)
    return "\n".join([title, *(f"  {name.ljust(width)}  {text}" for name, text in pairs if text)])


def _parameter(parameter: Parameter, extra: list[tuple[str, str]]) -> str:
    moves = parameter.moves
    direction = {1: "up", -1: "down", 0: f"either way ({moves.reason})"}[moves.sign]
    where = f"{parameter.kind}.<slug>.{parameter.name}" if parameter.scope == "firm" else parameter.address
    return _lines(
        f"{parameter.address}: {parameter.meaning}",
        [
            ("address", where),
            ("unit", parameter.unit),
            ("valid", parameter.valid),
            ("default", show(parameter.default) or "(empty)"),
            ("source", parameter.source),
            ("moves", f"{moves.metric} {direction}, months {moves.months[0]}-{moves.months[1]}"),
            *extra,
        ],
    )


def _metric_address(metric: metrics.Metric) -> str:
    if metric.level == "market":
        return f"{metric.kind}.{metric.name}"
    if metric.level == "layer":
        return f"<layer>.{metric.name}"
    if metric.level == "money":
        return f"{metric.name} by layer and pool"
    return f"users.<category>.{metric.name}" if metric.level == "category" else f"<layer>.<slug>.{metric.name}"


def _metric(metric: metrics.Metric) -> str:
    tables = {"market": "market", "layer": "layers", "category": "categories", "firm": "firms", "money": "money"}
    table = tables[metric.level]
    return _lines(
        f"{_metric_address(metric)}: {metric.formula}",
        [("unit", metric.unit), ("table", f"{table}, column {metric.column}"),
         ("kind", "derived from other columns" if metric.derive else "recorded"),
         ("over months", "the sum of what is above over the sum of what is below; undefined below 1,000 dollars, one "
          "customer, a million tokens or one GPU-hour a month" if (metric.level, metric.column) in RATIOS else "")],
    )  # fmt: skip


def _matches(name: str) -> list[metrics.Metric]:
    parts = name.split(".")
    found = []
    for metric in metrics.TABLE:
        address = _metric_address(metric)
        if (
            name in (address, metric.name if len(parts) == 1 else address)
            or (metric.level == "layer" and len(parts) == 2 and parts[0] in LAYERS and parts[1] == metric.name)
            or (
                metric.level == "category" and len(parts) in (2, 3) and parts[0] == "users" and parts[-1] == metric.name
            )
            or (metric.level == "firm" and len(parts) == 3 and parts[0] in LAYERS and parts[-1] == metric.name)
        ):
            found.append(metric)
    return found


def explain_name(name: str, scenario: str) -> str:
    """All that is known under ``name``; `InputError` with the nearest names where there is nothing.

    A parameter by its address or its bare name, a metric, a kind, a firm, a payment, a moat, a phase, a fact, a
    scenario, or what stands in a table or an experiment's file.
    """
    chosen = Scenario(scenario)
    parts = name.split(".")
    told = _kind(name) + _parameters(parts, chosen)
    told += [_metric(m) for m in _matches(name)]
    if len(parts) == 2 and parts[0] in KINDS and parts[1] in chosen.slugs(parts[0]):
        told.append(_firm(parts[0], parts[1], chosen))
    told += [
        _lines(f"payment {k.name}: {k.meaning}", [("from", k.payer), ("to", k.payee), ("use", k.use)])
        for k in KINDS_OF_PAYMENT if k.name == name
    ]  # fmt: skip
    if len(parts) == 1:
        # Phases are read from the month itself, which needs the compiler: not for names with a dot.
        told += [f"phase {number} of a month, {phase}: {text}" for number, phase, text in phases() if phase == name]
    if name in MOATS:
        told.append(_moat(name))
    told += meanings(name)
    if name in facts():
        told.append(f"fact {name}: {_told(fact(name))}")
    if name in packaged():
        told.append(_scenario(Scenario(name)))
    if not told:
        raise InputError(f"there is nothing called {name!r}; {_nearest(name, chosen)}")
    return "\n\n".join(told)


def _nearest(name: str, scenario: Scenario) -> str:
    known = [*KINDS, *packaged(), *(p.address for p in REGISTRY.values()), *(p.name for p in REGISTRY.values())]
    known += [a for m in metrics.TABLE if "<" not in (a := _metric_address(m))]
    known += [f"{layer}.{m.name}" for m in metrics.find("layer") for layer in LAYERS]
    known += [f"{kind}.{slug}" for kind in ("users", *LAYERS) for slug in scenario.slugs(kind)]
    known += [k.name for k in KINDS_OF_PAYMENT] + list(MOATS) + [n for names in GLOSSARY.values() for n in names]
    close = nearest(name, known)
    return close if close.startswith("did") else f"the kinds, with all they have: {', '.join(KINDS)}, market"


def _moat(name: str) -> str:
    rows = [
        (f"of {s.kind}", f"{s.field} [{s.unit}], fed by {s.fed_by}, eroded by {s.eroded_by}")
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
        rows = [(_metric_address(m).replace("<layer>", name), f"{m.formula} [{m.unit}]") for m in mine]
        told.append(_lines(f"metrics of {name}", rows))
    return told


def _parameters(parts: list[str], scenario: Scenario) -> list[str]:
    """A parameter by its address, with its value in the scenario, or all of a bare name."""
    if len(parts) == 1:
        return [_parameter(p, []) for p in REGISTRY.values() if p.name == parts[0]]
    kind, name = parts[0], parts[-1]
    if len(parts) > 3 or (kind, name) not in REGISTRY:
        return []
    slug = parts[1] if len(parts) == 3 else None
    if slug not in (None, "*", *scenario.slugs(kind)):
        raise InputError(f"{scenario.name} has no {kind}.{slug}; {nearest(str(slug), scenario.slugs(kind))}")
    parameter = REGISTRY[kind, name]
    if slug is None and parameter.scope == "firm":
        return [_parameter(parameter, [])]
    value = scenario.value(kind, slug, name) if slug is not None else scenario.kind_value(kind, name)
    source = scenario.source(kind, slug, name)
    cites = [("", f"{identifier}: {_told(fact(identifier))}") for identifier in cited(source)]
    here = (f"in {scenario.name}", f"{show(value) or '(empty)'}, source: {source}")
    return [_parameter(parameter, [here, *cites])]


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
    return _lines(f"{kind}.{slug}: {scenario.display_name(kind, slug)} in {scenario.name}", rows)


def _firms(scenario: Scenario) -> str:
    counts = ", ".join(f"{len(scenario.slugs(kind))} {kind}" for kind in ("users", *LAYERS))
    return f"{counts}; {scenario.kind_value('apps', 'startups')} generated apps"


def _scenario(scenario: Scenario) -> str:
    rows = [("months", f"{scenario.months} from {scenario.start}"), ("firms", _firms(scenario))]
    rows += [(kind, ", ".join(scenario.slugs(kind))) for kind in ("users", *LAYERS)]
    rows += [("event", str(event)) for event in scenario.events]
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
