"""Why two runs are the same, as far as the registry knows."""

from __future__ import annotations

import pytest

from moatlab import Scenario
from moatlab.evidence.compare import change
from moatlab.evidence.identical import reasons

TINY = Scenario("tiny")


@pytest.mark.parametrize(
    ("on", "told"),
    [
        ({"set": {"labs.*.markup": 0.9}}, ["no rule of this scenario uses labs.markup (price_rule is optimal)"]),
        ({"set": {"apps.writer.token_price": 20.0}},
         ["no rule of this scenario uses apps.token_price (plan is quota)"]),
        ({"events": ["month 2: set hosts.*.markup 0.9"]},
         ["no rule of this scenario uses hosts.markup (price_rule is optimal)"]),
        ({"events": ["month 2: scale foundry.fab.capacity 1"]},
         ["the event 'month 2: scale foundry.fab.capacity 1.0' multiplies by 1"]),
        ({"events": ["month 2: set users.crowding 0.3"]},
         ["the event 'month 2: set users.crowding 0.3' sets a value that is already in force"]),
        ({"set": {"labs.*.markup": 0.9, "labs.*.price_rule": "markup"}}, []),
        ({"set": {"users.crowding": 0.1}}, []),
    ],
)  # fmt: skip
def test_what_nothing_reads_is_named_with_its_circumstances(on: dict[str, object], told: list[str]) -> None:
    assert reasons(TINY, change(TINY, on)) == told


@pytest.mark.parametrize("kind", ["labs", "apps", "hosts"])
def test_a_reason_holds_in_runs(kind: str) -> None:
    """A change that is said to be read by nobody leaves every record the same; where it is read, it does not."""
    on = {"set": {f"{kind}.*.markup": 0.3}}
    same = TINY.compare(on=on, seeds=2, months=8)
    assert same.same and f"no rule of this scenario uses {kind}.markup" in same.why_the_same
    assert not TINY.set({f"{kind}.*.price_rule": "markup"}).compare(on=on, seeds=2, months=8).same
