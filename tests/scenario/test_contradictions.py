"""What a changed scenario is checked for: what the change touches, as if all were checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from moatlab import InputError, Scenario
from moatlab.scenario import contradictions
from moatlab.scenario.tables import REGISTRY

BASE = Scenario("essay-2023")

CONTRADICTIONS: dict[str, Callable[[Scenario], Scenario]] = {
    "rnd and marketing": lambda s: s.set({"apps.rnd_share": 0.7, "apps.marketing_share": 0.6}),
    "customers": lambda s: s.set({"apps.jasper.customers": 1e4}),
    "market size": lambda s: s.set({"users.copy.market_size": 1e-3}),
    "outside": lambda s: s.set({"outside.initial_hours": 1e6, "outside.spot_elasticity": 0.01}),
    "startups bundled": lambda s: s.set({"apps.*.price_rule": "bundled"}),
    "bundled alone": lambda s: s.set({"apps.jasper.price_rule": "bundled"}),
    "source closed": lambda s: s.set({"labs.*.api": False}),
    "nobody sells": lambda s: s.set({"labs.*.supply": "nobody"}),
    "share without partner": lambda s: s.set({"labs.cohere.partner": "", "labs.cohere.revenue_share": 0.2}),
    "chip share": lambda s: s.set({"clouds.coreweave.own_chip": "", "clouds.coreweave.own_share": 0.2}),
    "captive of nobody": lambda s: s.set({"chipmakers.nvidia.captive": True}),
    "event out of range": lambda s: s.with_events("month 3: scale clouds.azure.markup 1e12"),
    "no edge": lambda s: s.with_graph(without=[["apps.jasper", "labs.openai"]]),
}


def verdict(scenario: Callable[[], Any]) -> str:
    """The contradiction, or nothing."""
    try:
        scenario()
    except InputError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("make", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_change_is_refused_as_a_full_check_would(
    make: Callable[[Scenario], Scenario], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = BASE.set({"labs.openai.markup": 0.4})
    partial = verdict(lambda: make(plain))
    check = contradictions.refuse_contradictions
    monkeypatch.setattr("moatlab.scenario.scenario.refuse_contradictions", lambda scenario, *_: check(scenario))
    assert partial == verdict(lambda: make(plain)) != ""


def test_only_the_checks_that_read_what_changed_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def noting(check: Any) -> Any:
        def noted(said: Any) -> Any:
            made.append(check.__name__)
            return check(said)

        return noted

    monkeypatch.setattr(contradictions, "CHECKS", tuple(noting(check) for check in contradictions.CHECKS))
    BASE.set({"labs.openai.markup": 0.4})
    assert made == []
    BASE.set({"apps.jasper.customers": 0.01})
    assert made == ["_users"]
    made.clear()
    BASE.with_events("month 3: scale foundry.tsmc.capacity 0.5")
    assert made == ["_events"]
    made.clear()
    BASE.with_graph(topology="sparse")
    assert len(made) == len(contradictions.CHECKS)


def test_an_event_is_checked_again_when_the_value_it_scales_changes() -> None:
    scenario = BASE.with_events("month 3: scale clouds.azure.markup 2")
    markup = REGISTRY["clouds", "markup"]
    with pytest.raises(InputError, match="would be"):
        scenario.set({"clouds.azure.markup": 0.9 * markup.high})


def test_packaged_scenarios_are_read_once_and_stay_apart() -> None:
    one, two = Scenario("tiny"), Scenario("tiny")
    assert one == two and one is not two and one.given() == two.given()
    changed = one.set({"apps.startups": 3})
    assert two.kind_value("apps", "startups") == Scenario("tiny").kind_value("apps", "startups") != 3
    assert changed.origin is not None and changed.origin[0] == two
