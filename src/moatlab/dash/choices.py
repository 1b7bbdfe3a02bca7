"""What can be shown over time: layers, firms and measures, and the metrics behind each choice."""

from __future__ import annotations

from dataclasses import dataclass

from moatlab.errors import InputError
from moatlab.evidence.compare import UNITS_OF_GOODS
from moatlab.results import metrics
from moatlab.results.metrics import Metric
from moatlab.results.payments import LAYERS
from moatlab.scenario.addresses import nearest
from moatlab.scenario.scenario import Scenario

#: Layers of the picker, with what they are called there.
LAYERS_OFFERED = {
    "every": "Every layer", "market": "The whole market", "users": "Customers",
    **{layer: layer.capitalize() for layer in LAYERS},
}  # fmt: skip
#: Firms of the picker: the layer itself, and a panel for each firm (or category of customers).
WHOLE, EACH = "", "each"
#: Most panels of one picture.
MOST_PANELS = 9
#: What stands first in a list of measures, and is shown until another one is chosen.
FIRST = {
    "market": ("rent", "scarcity_rent", "consumer_surplus", "surplus", "chip_price"),
    "layer": ("profit_share", "revenue", "gross_profit_after_depreciation", "operating_profit", "value_share",
              "value_added", "gross_margin", "hhi", "firms"),
    "category": ("revenue", "customers", "price", "churn", "hhi", "consumer_surplus"),
    "firm": ("share", "revenue", "price", "gross_profit", "margin", "customers"),
}  # fmt: skip
#: Measures of a firm that no line over seeds shows: a code, and places, which need all rivals of a run.
NOT_SHOWN = ("source", "rank", "leads")
#: Words that a name of a metric writes without capitals.
CAPITALS = {"hhi": "HHI", "rnd": "R&D", "api": "API"}


@dataclass(frozen=True)
class Line:
    """A line: the metric's address, what the panel is called, its unit, and the layer that gives its colour."""

    address: str
    name: str
    unit: str
    layer: str


def firms(scenario: Scenario, layer: str) -> dict[str, str]:
    """What the picker of firms offers in a layer: value and label."""
    if layer in ("every", "market"):
        return {WHOLE: LAYERS_OFFERED[layer]}
    slugs = scenario.slugs(layer)
    named = {slug: scenario.display_name(layer, slug) for slug in slugs}
    if layer == "users":
        return {EACH: "Each category", **named}
    return {WHOLE: "The layer as a whole", **({EACH: "Each firm"} if len(slugs) > 1 else {}), **named}


def measures(layer: str, firm: str) -> dict[str, Metric]:
    """What the picker of measures offers: value and metric, those of `FIRST` first."""
    if layer == "market":
        found = {m.name: m for m in metrics.find("market") if m.kind == "market"}
        first = FIRST["market"]
    elif layer == "users":
        found, first = {m.name: m for m in metrics.find("category")}, FIRST["category"]
    elif firm != WHOLE:
        found = {m.name: m for m in metrics.find("firm") if m.name not in NOT_SHOWN}
        first = FIRST["firm"]
    else:
        found, first = {m.name: m for m in metrics.find("layer")}, FIRST["layer"]
        if layer != "every":
            found |= {m.name: m for m in metrics.find("market") if m.kind == layer and m.name not in found
                      and m not in metrics.HIDDEN}  # fmt: skip
    ahead = [name for name in first if name in found]
    return {name: found[name] for name in [*ahead, *(n for n in found if n not in ahead)]}


def settled(scenario: Scenario, layer: str, firm: str, measure: str) -> tuple[str, str]:
    """Firm and measure, the first ones where none is chosen.  Raises `InputError` for others than those offered."""
    if layer not in LAYERS_OFFERED:
        raise InputError(f"there is no layer {layer!r}; {nearest(layer, LAYERS_OFFERED)}", "address")
    offered = firms(scenario, layer)
    firm = firm if firm or WHOLE in offered else next(iter(offered))
    if firm not in offered:
        raise InputError(f"{layer} has no {firm!r}; {nearest(firm, offered)}", "address")
    there = measures(layer, firm)
    measure = measure or next(iter(there))
    if measure not in there:
        raise InputError(f"there is no measure {measure!r} of {layer}; {nearest(measure, there)}", "address")
    return firm, measure


def lines(scenario: Scenario, layer: str, firm: str, measure: str) -> list[Line]:
    """The lines behind a choice that is `settled`; of many firms there are more than a picture takes."""
    metric = measures(layer, firm)[measure]
    if layer == "every":
        return [Line(f"{each}.{metric.name}", each.capitalize(), metric.unit, each) for each in LAYERS]
    title = words(metric.name)
    if firm == WHOLE:
        name = title.capitalize() if layer == "market" else f"{LAYERS_OFFERED[layer]}: {title}"
        return [Line(f"{layer}.{metric.name}", name, metric.unit, layer)]
    unit = UNITS_OF_GOODS.get((layer, "price" if measure == "unit_cost" else measure), metric.unit)
    slugs = scenario.slugs(layer) if firm == EACH else (firm,)
    names = [scenario.display_name(layer, slug) + ("" if firm == EACH else f": {title}") for slug in slugs]
    return [Line(f"{layer}.{slug}.{measure}", name, unit, layer) for slug, name in zip(slugs, names, strict=True)]


def words(name: str) -> str:
    """A metric's name as a label: ``profit_share`` is "profit share"."""
    return " ".join(CAPITALS.get(word, word) for word in name.split("_"))
