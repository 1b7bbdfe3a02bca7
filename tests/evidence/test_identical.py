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
        ({"set": {"labs.*.markup": 0.9}}, ["nothing in this scenario reads labs.markup (price_rule is optimal)"]),
        ({"set": {"apps.writer.token_price": 20.0}}, ["nothing in this scenario reads apps.token_price (plan is quota)"]),
        ({"events": ["month 2: set clouds.*.markup 0.5"]},
         ["nothing in this scenario reads clouds.markup (price_rule is optimal)"]),
        ({"events": ["month 2: scale foundry.fab.capacity 1"]},
         ["the event 'month 2: scale foundry.fab.capacity 1.0' multiplies by 1"]),
        ({"events": ["month 2: set users.crowding 0.5"]}, ["the event 'month 2: set users.crowding 0.5' sets what is so already"]),
        ({"set": {"labs.*.markup": 0.9, "labs.*.price_rule": "markup"}}, []),
        ({"set": {"users.crowding": 0.1}}, []),
    ],
)  # fmt: skip
def test_what_nothing_reads_is_named_with_its_circumstances(on: dict[str, object], told: list[str]) -> None:
    assert reasons(TINY, change(TINY, on)) == told


def test_every_reason_of_the_registry_holds_in_runs() -> None:
    """A change that is said to be read by nobody leaves every record the same; one that is read does not."""
    for on in (
        {"set": {"labs.*.markup": 0.9}},
        {"set": {"clouds.*.markup": 0.9}},
        {"set": {"chipmakers.*.markup": 0.9}},
    ):
        same = TINY.compare(on=on, seeds=2, months=8)
        assert same.same and "nothing in this scenario reads" in same.why_the_same
        read = {"set": {**on["set"], f"{next(iter(on['set'])).split('.')[0]}.*.price_rule": "markup"}}
        base = TINY.set({name: value for name, value in read["set"].items() if name.endswith("rule")})
        assert not base.compare(on=on, seeds=2, months=8).same
