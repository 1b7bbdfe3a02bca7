"""What the source of the rules says that they read and write, held against what they do."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from moatlab import Market
from moatlab.evidence.reads import rules, uses, writers
from moatlab.market.month import PHASES
from moatlab.market.rules.pricing import hazard
from moatlab.market.state.fields import STATE_FIELDS, dtype_of

SEED, MONTHS = 3, 4


@pytest.fixture(scope="module")
def market() -> Market:
    made = Market("tiny", rng=SEED)
    made.run(MONTHS)
    return made


def test_every_phase_has_its_rules_and_every_rule_says_what_it_does() -> None:
    assert list(dict.fromkeys(rule.phase for rule in rules())) == [phase.name for phase in PHASES]
    for rule in rules():
        assert (
            rule.meaning and rule.module.startswith(("market/rules/", "market/record")) and rule.module.endswith(".py")
        )
        for table, name in (*rule.uses.reads, *rule.uses.writes):
            if table in STATE_FIELDS:
                assert name in (dtype_of(table).names or ()), f"{rule.name}: {table}.{name}"


def test_helpers_are_followed_with_the_rows_that_they_are_handed() -> None:
    found = uses(hazard)
    assert list(found.reads) == [
        ("apps", "tourists"), ("apps", "committed"), ("users", "hazard_tourist"), ("users", "hazard_committed"),
    ]  # fmt: skip
    assert not found.writes and not found.draws
    prices = next(rule for rule in rules() if rule.name == "decide_app_prices").uses
    # Of `price_some`, its helper, and of a helper of that: `customer_cost`.
    assert ("apps", "next_price") in prices.writes and ("shared", "apps_variable_cost") in prices.reads
    tokens = next(rule for rule in rules() if rule.name == "decide_token_prices").uses
    # `cost_change` takes a seller: a lab where it is called with one, else a host.
    assert {("labs", "priced_cost"), ("hosts", "priced_cost")} <= tokens.reads.keys()


def test_a_field_changes_only_in_phases_whose_rules_are_said_to_write_it(market: Market) -> None:
    made = copy.deepcopy(market)
    for phase, do in made.walk():
        before = {kind: made.state.kind(kind).copy() for kind in STATE_FIELDS}
        do()
        for kind, rows in before.items():
            after = made.state.kind(kind)[: len(rows)]
            for name in rows.dtype.names or ():
                if not np.array_equal(rows[name], after[name], equal_nan=rows[name].dtype.kind == "f"):
                    assert phase in {rule.phase for rule in writers(kind, name)}, f"{phase}: {kind}.{name}"


DECIDED = [("apps", "next_price"), ("labs", "next_price"), ("labs", "next_training_budget"),
           ("clouds", "next_reserve"), ("chipmakers", "next_price")]  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), DECIDED)
def test_no_shared_parameter_moves_a_decision_that_is_not_said_to_read_it(market: Market, kind: str, name: str) -> None:
    decisions = [rule for rule in rules() if rule.phase == "decisions"]
    mine = {rule.name for rule in decisions if (kind, name) in rule.uses.writes}
    assert mine
    # A rule may read what one before it in the phase has written.
    for rule in reversed(decisions):
        needed = {read for other in decisions if other.name in mine for read in other.uses.reads}
        if needed & rule.uses.writes.keys():
            mine.add(rule.name)
    read = {field for rule in decisions if rule.name in mine for table, field in rule.uses.reads if table == "shared"}

    def decided(parameter: str = "") -> bytes:
        made = copy.deepcopy(market)
        for phase, do in made.walk():
            if phase == "decisions":
                if parameter:
                    made.state.shared[parameter] *= 1.07
                do()
                return bytes(made.state.kind(kind)[name].tobytes())
            do()
        raise AssertionError

    plain, moved = decided(), 0
    for parameter in market.state.shared.dtype.names or ():
        if parameter not in read:
            assert decided(parameter) == plain, f"{parameter} moves {kind}.{name}"
        else:
            moved += decided(parameter) != plain
    assert moved >= 1
