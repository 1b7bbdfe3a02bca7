"""The grammar of events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatlab.errors import InputError
from moatlab.scenario.addresses import ALL, Address, parse
from moatlab.scenario.events import Event, parse_event
from moatlab.scenario.registry import Parameter, Value
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.tables import REGISTRY
from moatlab.scenario.topology import TRADES

SCENARIO = Scenario("essay-2023")
SLUGS = SCENARIO.all_slugs
CAPACITY = parse("foundry.tsmc.capacity")


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("month 12: set foundry.tsmc.capacity 19", Event(12, "set", CAPACITY, 19.0)),
        ("MONTH 12 : Set foundry.tsmc.capacity = 19", Event(12, "set", CAPACITY, 19.0)),
        ("month 12: set foundry.tsmc.capacity=19", Event(12, "set", CAPACITY, 19.0)),
        ("month 12: set foundry.tsmc.capacity TO 1.9e1", Event(12, "set", CAPACITY, 19.0)),
        ("month 0: scale foundry.tsmc.capacity by 0.5", Event(0, "scale", CAPACITY, 0.5)),
        ("months 12-17: scale foundry.tsmc.capacity 0.5", Event(12, "scale", CAPACITY, 0.5, last=17)),
        ("months 12 - 17: set labs.*.open true", Event(12, "set", parse("labs.*.open"), True, last=17)),
        ("month 3: set apps.graduation off", Event(3, "set", parse("apps.graduation"), "off")),
        ("month 3: set labs.openai.partner oracle", Event(3, "set", parse("labs.openai.partner"), "oracle")),
        ('month 3: set labs.openai.partner ""', Event(3, "set", parse("labs.openai.partner"), "")),
        ("month 3: set labs.run_months 4", Event(3, "set", parse("labs.run_months"), 4)),
        ("month 3: cut apps.jasper labs.openai", Event(3, "cut", edge=("apps.jasper", "labs.openai"))),
        ("month 3: link apps.jasper->labs.openai", Event(3, "link", edge=("apps.jasper", "labs.openai"))),
        ("month 3: Link apps.jasper -> labs.openai", Event(3, "link", edge=("apps.jasper", "labs.openai"))),
    ],
)
def test_the_grammar(text: str, event: Event) -> None:
    assert parse_event(text, SLUGS) == event
    assert parse_event(str(event), SLUGS) == event


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not understood"),
        ("month 12 set foundry.tsmc.capacity 19", "not understood"),
        (
            "month x: set foundry.tsmc.capacity 19",
            "whole number from 0 to 99999, or year and month as in 2025-01, not 'x'",
        ),
        ("month -1: set foundry.tsmc.capacity 19", "whole number from 0"),
        ("month 1.5: set foundry.tsmc.capacity 19", "whole number from 0"),
        ("months 9-3: set foundry.tsmc.capacity 19", "last month 3 comes before its first month 9"),
        ("month 1: sett foundry.tsmc.capacity 19", "did you mean set?"),
        ("month 1: set foundry.tsmc.capacity", "ADDRESS VALUE"),
        ("month 1: set foundry.tsmc.capacity lots", "needs a number, not 'lots'"),
        ("month 1: set foundry.tsmc.capacity nan", "needs a number"),
        ("month 1: set foundry.tsmc.capacity -3", "0 to 1e+09 (kpackages per month), not -3.0"),
        ("month 1: set foundry.tsmc.capacity by 3", "set goes with to"),
        ("month 1: scale foundry.tsmc.capacity to 3", "scale goes with by"),
        ("month 1: scale foundry.tsmc.capacity -1", "a factor from 0"),
        ("month 1: scale labs.openai.open 2", "cannot be scaled (true or false)"),
        ("month 1: scale labs.run_months 2", "cannot be scaled (whole numbers from 1 to 60)"),
        ("month 1: set labs.openai.open 1", "true or false"),
        ("month 1: set labs.openai.price_rule free", "optimal, frozen, markup"),
        ("month 1: set labs.openai.partner awss", "did you mean aws?"),
        ("month 1: set foundry.tsmb.capacity 19", "did you mean tsmc?"),
        ("month 1: set labs.markup 19", "labs.<slug>.markup"),
        ("month 1: set apps.jasper.customers 1", "only describes month 0"),
        ("month 1: set apps.*.cash 1", "only describes month 0"),
        ("month 1: set apps.startups 1", "only describes month 0"),
        ("month 1: scale outside.initial_hours 2", "only describes month 0"),
        ("month 1: set clouds.aws.fleet 2", "only describes month 0"),
        ("month 1: cut apps.jasper", "buyer and seller"),
        ("month 1: cut apps.jasper labs.opnai", "did you mean openai?"),
        ("month 1: cut labs.openai apps.jasper", "labs do not buy from apps"),
        ("month 1: link apps.jasper foundry.tsmc", "apps do not buy from foundry"),
        ("months 1-2: cut apps.jasper labs.openai", "undone by a second event"),
    ],
)
def test_a_bad_event_is_one_clear_line(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_event(text, SLUGS)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def values(parameter: Parameter) -> st.SearchStrategy[Value]:
    """Every kind of value that a parameter accepts."""
    if parameter.choices:
        return st.sampled_from(parameter.choices)
    if parameter.word:
        return st.sampled_from(("", "midas", "two-words"))
    if parameter.refers:
        return st.sampled_from(("", *SCENARIO.slugs(parameter.refers)))
    if parameter.is_flag:
        return st.booleans()
    if parameter.is_integer:
        return st.integers(int(parameter.low), int(parameter.high))
    return st.floats(parameter.low, parameter.high)


@st.composite
def events(draw: st.DrawFn) -> Event:
    month = draw(st.integers(0, 999))
    if draw(st.booleans()):
        buyer, seller = draw(st.sampled_from(TRADES))
        edge = tuple(f"{kind}.{draw(st.sampled_from(SCENARIO.slugs(kind)))}" for kind in (buyer, seller))
        return Event(month, draw(st.sampled_from(["cut", "link"])), edge=(edge[0], edge[1]))
    parameter = draw(st.sampled_from([p for p in REGISTRY.values() if not p.at_start]))
    slug = None if parameter.scope == "kind" else draw(st.sampled_from((ALL, *SCENARIO.slugs(parameter.kind))))
    last = draw(st.none() | st.integers(month, 1999))
    address = Address(parameter.kind, slug, parameter.name)
    return Event(month, "set", address, draw(values(parameter)), last=last)


@given(events())
def test_every_event_reads_back(event: Event) -> None:
    assert parse_event(str(event), SLUGS) == event


@given(st.text(max_size=60) | st.text(alphabet="month 12-:setscalecut.labs.openai=->", max_size=60))
def test_any_text_is_an_event_or_an_input_error(text: str) -> None:
    try:
        parse_event(text, SLUGS)
    except InputError as error:
        assert len(str(error).splitlines()) == 1


def test_a_factor_that_leaves_the_range_is_refused_with_the_scenario() -> None:
    with pytest.raises(InputError, match=r"apps.rnd_share would be 1.8; it takes 0 to 1"):
        SCENARIO.with_events("month 3: scale apps.rnd_share 4")
    # The market moves capacity by itself, so nobody knows the product beforehand.
    assert SCENARIO.with_events("month 3: scale foundry.tsmc.capacity 1e6").events


def test_what_only_describes_month_0() -> None:
    """No parameter is both a state, which events may change, and a mere starting point."""
    assert not [p.address for p in REGISTRY.values() if p.at_start and p.state]
    assert {p.address for p in REGISTRY.values() if p.name.startswith("initial_")} <= {
        p.address for p in REGISTRY.values() if p.at_start
    }
