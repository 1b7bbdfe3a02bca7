"""The prior varies what is assumed and nothing else, inside declared ranges, the same for the same seed."""

from __future__ import annotations

from moatlab import Scenario
from moatlab.evidence.fit.prior import WIDTH, assumed, count_assumed, draws
from moatlab.scenario.addresses import parse

ESSAY = Scenario("essay-2023")


def test_draws_change_only_what_is_assumed() -> None:
    groups = assumed(ESSAY)
    free = {address for _, addresses in groups for address in addresses}
    assert count_assumed(ESSAY) == len(free) > 100
    (drawn,) = draws(ESSAY, 1, seed=3)
    changed = {str(address) for address, value in drawn.given().items() if ESSAY.at(address) != value}
    assert changed and changed <= free
    for text in changed:
        address = parse(text)
        before, after = float(ESSAY.at(address)), float(drawn.at(address))
        declared = address.declared
        assert declared.low <= after <= declared.high
        assert after in (declared.low, declared.high) or 1 / WIDTH <= after / before <= WIDTH


def test_rows_of_a_kind_share_a_factor_and_seeds_repeat() -> None:
    one, again, other = draws(ESSAY, 2, 5)[1], draws(ESSAY, 2, 5)[1], draws(ESSAY, 2, 6)[1]
    assert one.digest() == again.digest() != other.digest()
    sizes = [float(one.value("users", k, "market_size")) / float(ESSAY.value("users", k, "market_size"))
             for k in ESSAY.slugs("users")]  # fmt: skip
    assert max(sizes) - min(sizes) < 1e-12 and sizes[0] != 1.0


def test_facts_and_the_essay_stay() -> None:
    (drawn,) = draws(ESSAY, 1, seed=3)
    assert drawn.value("labs", "openai", "price") == ESSAY.value("labs", "openai", "price")
    assert drawn.value("labs", "stability", "open") == ESSAY.value("labs", "stability", "open")
