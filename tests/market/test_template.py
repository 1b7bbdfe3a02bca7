"""Templates of month 0: one made from another scenario's is the one that a reading as a whole gives."""

from __future__ import annotations

import itertools
import tomllib
from typing import Any

import numpy as np
import pytest

from moatlab import InputError, Market, Scenario
from moatlab.market import template
from moatlab.market.start import start
from moatlab.market.state.state import State
from moatlab.scenario.registry import Parameter
from moatlab.scenario.tables import REGISTRY

BASE = Scenario("essay-2023")


def arrays(state: State) -> dict[str, bytes]:
    """The bytes of every array, field by field, since what lies between fields has no meaning."""
    found: dict[str, bytes] = {"count": repr((state.count, state.app_defaults)).encode()}
    for name, value in vars(state).items():
        if isinstance(value, np.ndarray):
            for field in value.dtype.names or [None]:
                found[f"{name}.{field}"] = np.ascontiguousarray(value if field is None else value[field]).tobytes()
    return found


def others(parameter: Parameter) -> list[Any]:
    """Values that differ from the default."""
    if parameter.choices:
        return [choice for choice in parameter.choices if choice != parameter.default]
    if parameter.is_flag:
        return [not parameter.default]
    if parameter.refers:
        return list(BASE.slugs(parameter.refers)[:2])
    if parameter.word:
        return ["a-word"]
    return [parameter.low, parameter.high, 0.5 * (parameter.low + float(parameter.default))]


def changed(parameter: Parameter) -> list[Scenario]:
    """Scenarios that differ from BASE in one parameter, of one row or of all."""
    slugs = [None] if parameter.scope == "kind" else ["*", *BASE.slugs(parameter.kind)[-1:]]
    made = []
    for slug, value in itertools.product(slugs, others(parameter)):
        address = ".".join(part for part in (parameter.kind, slug, parameter.name) if part)
        try:
            made.append(BASE.set({address: value}))
        except InputError:
            continue
    return made


@pytest.mark.parametrize("kind", sorted({parameter.kind for parameter in REGISTRY.values()}))
def test_a_changed_scenario_starts_as_if_it_were_read_as_a_whole(kind: str) -> None:
    made = [each for parameter in REGISTRY.values() if parameter.kind == kind for each in changed(parameter)]
    assert made
    for scenario in made:
        whole, derived = template._read(scenario), template._template(scenario)
        assert arrays(derived.state) == arrays(whole.state), sorted(scenario.given())
        for which, named in whole.starts.items():
            for name, values in named.items():
                assert values.tobytes() == derived.starts[which][name].tobytes()


def test_chained_changes_are_all_in_the_template() -> None:
    scenario = BASE.set({"labs.openai.markup": 0.3}).set({"clouds.azure.fleet": 9.0}).set({"labs.*.markup": 0.7})
    again = Scenario.from_dict(tomllib.loads(scenario.to_toml()))
    assert again.origin is None and scenario.origin is not None
    assert arrays(start(scenario, 4)) == arrays(start(again, 4))


def test_a_run_leaves_its_template_as_it_was() -> None:
    before = arrays(template._template(BASE).state)
    scenario = BASE.set({"labs.openai.markup": 0.3})
    derived = arrays(template._template(scenario).state)
    Market(BASE, rng=1).run(3)
    Market(scenario, rng=1).run(3)
    assert arrays(template._template(BASE).state) == before
    assert arrays(template._template(scenario).state) == derived


def test_templates_are_kept_as_far_as_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = template._Kept()
    monkeypatch.setattr(template, "_kept", kept)
    size = template._template(BASE).state.bytes()
    monkeypatch.setattr(template, "MOST_KEPT", 6 * size)
    scenarios = [BASE.set({"labs.openai.markup": 0.1 * number}) for number in range(1, 9)]
    for scenario in scenarios:
        template._template(scenario)
    assert kept.get(scenarios[0]) is None and kept.get(scenarios[-1]) is not None
    assert kept._size <= 6 * size


def test_a_market_too_large_to_keep_is_read_for_each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = arrays(start(BASE, 3))
    monkeypatch.setattr(template, "_kept", template._Kept())
    monkeypatch.setattr(template, "MOST_KEPT", 1000)
    assert arrays(start(BASE, 3)) == kept == arrays(start(BASE, 3))
