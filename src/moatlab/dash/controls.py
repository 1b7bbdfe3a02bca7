"""What a page offers for a scenario: sliders for the parameters ranked first, and buttons for events."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from moatlab.dash import choices
from moatlab.dash.ranking import MOST, Ranked, ranking
from moatlab.dash.state import Presets, State
from moatlab.errors import InputError
from moatlab.results.text.units import said
from moatlab.scenario.addresses import ALL, Address, parse, resolve
from moatlab.scenario.events import parse_event
from moatlab.scenario.months import month_name
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.tables import REGISTRY

#: Positions of a slider, so that its values have few digits.
STEPS = 100
#: Digits of a value on a logarithmic slider.
DIGITS = 3


@dataclass(frozen=True)
class Slider:
    """A parameter's slider: ``value`` is the preset's, ``differs`` whether its rows have values of their own there."""

    address: str
    label: str
    of: str
    unit: str
    meaning: str
    low: float
    high: float
    scale: str
    value: float
    differs: bool
    levels: list[float]


@dataclass(frozen=True)
class Button:
    """An event: ``text`` is what happens, without its month; ``month`` the one that is proposed."""

    name: str
    label: str
    text: str
    month: str


#: Events by name: label, what happens (docs/events.md has each line, and what question it is for), and its month.
#: ``{foundry}``, ``{chipmaker}`` and ``{lab}`` are the first of their kind, ``{open}`` the first lab with open weights.
EVENTS: tuple[tuple[str, str, str, int], ...] = (
    ("foundry-halved", "Foundry capacity halves", "scale foundry.{foundry}.capacity 0.5", 12),
    ("foundry-doubled", "Foundry capacity doubles", "scale foundry.{foundry}.capacity 2", 12),
    ("portable-software", "Software runs on any chip", "set chipmakers.portability 0.7", 36),
    ("open-frontier", "An open model reaches the frontier", "follow labs.{open} 0", 24),
    ("faster-leaks", "Labs' leads leak faster", "set labs.leak_half_life 2", 24),
    ("no-graduation", "Graduation is forbidden", "set apps.graduation off", 0),
    ("price-war", "The first lab halves its price", "scale labs.{lab}.price 0.5", 24),
    ("network-effects", "Network effects", "set users.*.network_taste 8", 24),
    ("entry-stops", "Entry of apps stops", "set apps.entry_rate 0", 24),
    ("hype-falls", "Hype falls", "set investors.hype -1", 24),
)


def sliders(scenario: Scenario, further: Sequence[str] = ()) -> list[Slider]:
    """Those that sensitivity ranks first, and those of ``further`` addresses.  Raises `InputError` for unknown ones."""
    first = [_slider(scenario, each) for each in ranking()[:MOST]]
    there = {slider.address for slider in first}
    return first + [one_more(scenario, address) for address in further
                    if address not in there and _is_number(parse(address))]  # fmt: skip


def one_more(scenario: Scenario, text: str) -> Slider:
    """A slider for any parameter that is a number, ranked or not.  Raises `InputError` for what is none."""
    address = resolve(text, scenario.all_slugs, "another parameter")
    if not _is_number(address):
        raise InputError(f"{address} is no number: it takes {address.declared.valid}", "another parameter")
    known = next((each for each in ranking() if each.parameter == text), None)
    return _slider(scenario, known or _unranked(scenario, str(address)))


def _is_number(address: Address) -> bool:
    declared = address.declared
    return not (declared.is_text or declared.is_flag)


def _unranked(scenario: Scenario, text: str) -> Ranked:
    """A range for a parameter that was not varied: half to twice its value, inside what is accepted."""
    address = parse(text)
    value, declared = float(scenario.at(address)), address.declared
    low, high = sorted((value / 2.0, value * 2.0)) if value else (declared.low, min(declared.high, 1.0))
    low, high = max(low, declared.low), min(high, declared.high)
    if declared.is_integer:
        low, high = math.floor(low), math.ceil(high)
    return Ranked(text, low, high, "linear", 0.0)


def _slider(scenario: Scenario, ranked: Ranked) -> Slider:
    address = parse(ranked.parameter)
    declared = address.declared
    value = float(scenario.at(address))
    rows = scenario.slugs(address.kind) if address.slug == ALL else ()
    own = {scenario.at(Address(address.kind, slug, address.parameter)) for slug in rows} - {value}
    low, high = min(ranked.low, value), max(ranked.high, value)
    return Slider(
        ranked.parameter, choices.words(address.parameter), _whose(address), declared.unit, declared.meaning,
        low, high, ranked.scale, value, bool(own),
        _levels(low, high, ranked.scale, value, declared.is_integer),
    )  # fmt: skip


def _whose(address: Address) -> str:
    return address.kind if address.slug in (None, ALL) else f"{address.kind}.{address.slug}"


def _levels(low: float, high: float, scale: str, value: float, whole: bool) -> list[float]:
    """The values at which a slider stops, in rising order; the preset's own value is one of them."""
    if whole:
        step = max(1, round((high - low) / STEPS))
        found = {float(v) for v in range(math.ceil(low), math.floor(high) + 1, step)}
    elif scale == "log":
        found = {_short(low * (high / low) ** (at / STEPS)) for at in range(STEPS + 1)}
    else:
        found = {_short(low + (high - low) * at / STEPS) for at in range(STEPS + 1)}
    inside = {level for level in found if low <= level <= high}
    return sorted(inside | {low, high, value})


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def buttons(scenario: Scenario) -> list[Button]:
    """The events that this scenario can have: one whose firm it lacks is left out."""
    firsts = {kind.rstrip("s"): next(iter(scenario.slugs(kind)), "") for kind in ("foundry", "chipmakers", "labs")}
    firsts["open"] = next((slug for slug in scenario.slugs("labs") if scenario.value("labs", slug, "open")), "")
    found = []
    for name, label, what, month in EVENTS:
        text = what.format(**firsts)
        # A short run has its events half-way.
        proposed = month if month < scenario.months else scenario.months // 2
        try:
            event = parse_event(f"month {proposed}: {text}", scenario.all_slugs, scenario.start)
        except InputError:
            continue
        # As the state of a page spells it, so that the page knows the event again.
        when, _, what = event.dated(scenario.start).partition(": ")
        found.append(Button(name, label, what, when))
    return found


def as_data(state: State, presets: Presets) -> dict[str, Any]:
    """All that the page's controls are made from, for JSON."""
    base = state.base
    first, last = state.years
    return {
        "preset": state.preset, "presets": list(presets.scenarios), "title": base.title,
        "sliders": [asdict(s) for s in sliders(base, [address for address, _ in state.changes])],
        "words": [[address, value] for address, value in state.changes if not _is_number(parse(address))],
        "buttons": [asdict(b) for b in buttons(base)],
        "start": base.start, "end": month_name(state.months - 1, base.start), "years": [first, last],
        "layers": list(choices.LAYERS_OFFERED.items()),
        "firms": {layer: list(choices.firms(base, layer).items()) for layer in choices.LAYERS_OFFERED},
        "measures": {layer: {kind: _measures(layer, firm) for kind, firm in _kinds(base, layer).items()}
                     for layer in choices.LAYERS_OFFERED},
        "parameters": sorted(_addresses(base)),
    }  # fmt: skip


def _kinds(scenario: Scenario, layer: str) -> dict[str, str]:
    """Measures differ between the layer as a whole and its firms: a firm for which each list holds."""
    offered = choices.firms(scenario, layer)
    return {"whole": choices.WHOLE} | ({"firm": choices.EACH} if len(offered) > 1 else {})


def _measures(layer: str, firm: str) -> list[list[str]]:
    found = choices.measures(layer, firm)
    labels = {name: said(metric.unit).label for name, metric in found.items()}
    return [[name, choices.words(name) + (f" ({label})" if (label := labels[name]) else ""), metric.formula]
            for name, metric in found.items()]  # fmt: skip


def _addresses(scenario: Scenario) -> list[str]:
    """Addresses of numbers, of all rows where each row has one."""
    known = (Address(p.kind, None if p.scope == "kind" else ALL, p.name) for p in REGISTRY.values()
             if not (p.is_text or p.is_flag))  # fmt: skip
    return [str(address) for address in known]
