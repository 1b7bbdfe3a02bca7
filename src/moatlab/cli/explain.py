"""What a name means: parameters, metrics, kinds, payments, scenarios, phases.

Imports neither numpy, numba nor mesa, so that an answer is there at once.
"""

from __future__ import annotations

import ast
from pathlib import Path

from moatlab import metrics
from moatlab.errors import InputError
from moatlab.parameters.addresses import nearest
from moatlab.parameters.reading import packaged
from moatlab.parameters.registry import KINDS, Parameter
from moatlab.parameters.scenario import Scenario
from moatlab.parameters.tables import REGISTRY
from moatlab.parameters.values import show
from moatlab.world.payments import KINDS_OF_PAYMENT, LAYERS


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
         ("kind", "derived from other columns" if metric.derive else "recorded")],
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
    """All that is known under ``name``; `InputError` with the nearest names where there is nothing."""
    told: list[str] = []
    parts = name.split(".")
    if len(parts) == 1 and name in KINDS:
        rows = [(p.address, f"{p.meaning} [{p.unit}]") for p in REGISTRY.values() if p.kind == name]
        told.append(_lines(f"{name}: {KINDS[name]}; parameters", rows))
        mine = [m for m in metrics.TABLE if m.kind == name or (m.level == "layer" and name in LAYERS)]
        if mine:
            rows = [(_metric_address(m).replace("<layer>", name), f"{m.formula} [{m.unit}]") for m in mine]
            told.append(_lines("metrics", rows))
    key = (parts[0], parts[-1])
    if len(parts) in (2, 3) and key in REGISTRY:
        extra = []
        if len(parts) == 3:
            chosen = Scenario(scenario)
            if parts[1] != "*" and parts[1] not in chosen.slugs(parts[0]):
                raise InputError(
                    f"{scenario} has no {parts[0]}.{parts[1]}; {nearest(parts[1], chosen.slugs(parts[0]))}"
                )
            value = show(chosen.value(*parts)) or "(empty)"
            extra = [(f"in {scenario}", f"{value}, source: {chosen.source(*parts)}")]
        told.append(_parameter(REGISTRY[key], extra))
    told += [_metric(m) for m in _matches(name)]
    told += [
        _lines(f"payment {k.name}: {k.meaning}", [("from", k.payer), ("to", k.payee), ("use", k.use)])
        for k in KINDS_OF_PAYMENT if k.name == name
    ]  # fmt: skip
    if not told:
        known = [*KINDS, *(p.address for p in REGISTRY.values()), *(_metric_address(m) for m in metrics.TABLE)]
        known += [f"{layer}.{m.name}" for m in metrics.find("layer") for layer in LAYERS]
        raise InputError(
            f"there is nothing called {name!r}; {nearest(name, [*known, *(k.name for k in KINDS_OF_PAYMENT)])}"
        )
    return "\n\n".join(told)


def list_scenarios() -> str:
    """The packaged scenarios with their titles and firms."""
    rows = []
    for name in packaged():
        scenario = Scenario(name)
        firms = ", ".join(f"{len(scenario.slugs(kind))} {kind}" for kind in ("users", *LAYERS))
        rows.append((name, f"{scenario.title} ({firms}; {scenario.kind_value('apps', 'startups')} generated apps)"))
    return _lines("packaged scenarios", rows)


def list_phases() -> str:
    """The month as it stands in moatlab/month.py, read from its source so that nothing has to be compiled."""
    tree = ast.parse((Path(__file__).parent.parent / "month.py").read_text())
    found = []
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "PHASES":
            assert isinstance(node.value, ast.Tuple)
            for call in node.value.elts:
                assert isinstance(call, ast.Call)
                found.append(tuple(ast.literal_eval(argument) for argument in call.args[:2]))
    found.append(("record", "the month's figures go into the tables; what traded, before firms leave and enter"))
    return _lines("a month", [(f"{i}. {name}", meaning) for i, (name, meaning) in enumerate(found, start=1)])
