"""Rules from outside: they run after their phase, pay through the ledger, record their metrics, and cost nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moatlab import InputError, Market, Rule, Scenario
from moatlab.market.month import MONTH
from moatlab.scenario.registry import Moves, declare

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "excise"))

from excise import Excise  # type: ignore[import-not-found]

ESSAY = Scenario("essay-2023")
TINY = Scenario("tiny")
SCARCE = ESSAY.set({"clouds.capacity_rule": "fixed"})
SLACK = SCARCE.set({"outside.initial_hours": 30.0, "labs.optimism": 0.05})


class Counter(Rule):
    """Counts the apps alive."""

    name = "counter"
    metrics = (("apps", "firms", "apps alive when it runs"),)

    def run(self) -> None:
        """Count."""
        self.record("apps", len(self.state.live))


def test_a_rule_runs_every_month_after_its_phase_and_its_metrics_have_addresses() -> None:
    run = Market(TINY.with_rule(Counter, after="record"), rng=1).run(6)
    apps = run.series("apps.firms")
    assert (run.series("counter.apps") == apps).all()
    assert (run.path("counter.apps") == apps.to_numpy()).all()
    assert "counter.apps" in run.addresses() and "counter.apps" in run.market.to_pandas()


def test_a_run_with_a_rule_that_changes_nothing_is_the_run_without() -> None:
    plain, ruled = Market(TINY, rng=1).run(12), Market(TINY.with_rule(Counter, after="offers"), rng=1).run(12)
    assert plain.ledger.to_pandas().equals(ruled.ledger.to_pandas())
    assert plain.firms.to_pandas().equals(ruled.firms.to_pandas())


@pytest.mark.parametrize("phase", MONTH.names)
def test_a_rule_can_follow_every_phase(phase: str) -> None:
    order = []

    class Order(Counter):
        def run(self) -> None:
            order.append(self.month)

    market = Market(TINY.with_rule(Order, after=phase), rng=1)
    seen = []
    for name, run in market.walk():
        run()
        seen.append((name, len(order)))
    # It has run once when the phase after it begins, and not before.
    assert [count for _, count in seen] == [0] * (MONTH.names.index(phase) + 1) + [1] * (
        len(seen) - MONTH.names.index(phase) - 1
    )
    market.run(2)
    assert order == [0, 1, 2]


def test_the_tax_is_paid_and_is_a_cost_of_the_clouds() -> None:
    run = Market(SLACK.with_rule(Excise, after="settlement", rate=0.2), rng=1).run(6)
    paid = run.ledger.to_pandas().query("kind == 'clouds levy'")
    assert set(paid["payee"]) == {"government"}
    hours = run.series("market.hours_sold")
    assert paid.groupby("month")["amount"].sum().to_numpy() == pytest.approx(0.2 * hours.to_numpy())
    assert run.series("excise.revenue").to_numpy() == pytest.approx(0.2 * hours.to_numpy())
    layers, firms = run.layers.to_pandas(), run.firms.to_pandas()
    for layer in ("clouds", "apps"):
        mine = firms[firms["kind"] == layer].groupby("month")["gross_profit"].sum()
        assert mine.to_numpy() == pytest.approx(layers[layers["layer"] == layer]["gross_profit"].to_numpy())


def rent(scenario: Scenario) -> float:
    return float(Market(scenario, rng=1).run(36).path("market.rent")[-6:].mean())


def test_scarce_capacity_bears_the_tax_and_in_slack_it_is_passed_on() -> None:
    taxed = [s.with_rule(Excise, after="settlement", rate=0.2, first_month=12) for s in (SCARCE, SLACK)]
    assert rent(taxed[0]) == pytest.approx(rent(SCARCE), rel=1e-9)
    assert rent(taxed[1]) - rent(SLACK) > 0.2


def test_values_of_a_rule_are_parameters() -> None:
    scenario = TINY.with_rule(Excise, after="settlement").set({"excise.rate": 0.7, "users.crowding": 0.1})
    assert dict(scenario.rules[0].values) == {"rate": 0.7, "first_month": 0}
    assert scenario.kind_value("users", "crowding") == 0.1
    assert scenario.digest() != TINY.with_rule(Excise, after="settlement").digest()
    assert TINY.set({"users.crowding": 0.1}).digest() != scenario.digest()


class NoName(Rule):
    """A rule that has no name."""

    def run(self) -> None:
        """Do nothing."""


class Taken(NoName):
    """A rule with the name of a kind."""

    name = "labs"


class Strange(NoName):
    """A rule that declares a parameter of another."""

    name = "strange"
    parameters = (declare("excise", "rate", "$", 1.0, (0.0, 2.0), "A rate.", "assumed", Moves("market.rent", +1)),)


@pytest.mark.parametrize(
    ("use", "clue"),
    [
        (lambda: TINY.with_rule(Excise, after="settlement", rate=-1.0), r"excise\.rate takes 0 to 100, not -1"),
        (lambda: TINY.with_rule(Excise, after="settlement", rat=1.0), r"no parameter 'rat'; did you mean rate"),
        (lambda: TINY.with_rule(int, after="settlement"), r"is no rule: give a subclass of moatlab\.Rule"),
        (lambda: TINY.with_rule(NoName, after="settlement"), "NoName needs a name"),
        (lambda: TINY.with_rule(Taken, after="settlement"), "the name 'labs' is taken"),
        (lambda: TINY.with_rule(Strange, after="settlement"), r"declared as strange\.<name>"),
        (lambda: TINY.with_rule(Excise, after="settlement").with_rule(Excise, after="entry"), "'excise' is taken"),
        (lambda: Market(TINY.with_rule(Excise, after="setlement")), "no phase 'setlement'; did you mean settlement"),
        (lambda: TINY.with_rule(Excise, after="settlement").set({"excise.rate": "much"}), r"excise\.rate takes"),
    ],
)
def test_what_is_no_rule_is_refused_in_a_line(use: Any, clue: str) -> None:
    with pytest.raises(InputError, match=clue) as problem:
        use()
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("payment", "clue"),
    [
        (("cloud levy", "clouds.aws", "government", 1.0), "no kind of payment 'cloud levy'; did you mean clouds levy"),
        (("clouds levy", "labs.openai", "government", 1.0), "is paid by clouds to government, not by 'labs.openai'"),
        (("clouds levy", "clouds.asw", "government", 1.0), r"no firm 'clouds\.asw'"),
        (("clouds levy", "clouds.aws", "government", -1.0), "not negative"),
    ],
)
def test_a_payment_that_cannot_be_is_refused_in_a_line(payment: Any, clue: str) -> None:
    class Payer(NoName):
        name = "payer"

        def run(self) -> None:
            self.pay(*payment)

    with pytest.raises(InputError, match=clue):
        Market(ESSAY.with_rule(Payer, after="settlement"), rng=1).step()


def test_what_a_rule_does_not_record_is_not_a_number() -> None:
    class Silent(Counter):
        name = "silent"

        def run(self) -> None:
            if self.month == 1:
                self.record("apps", 1.0)

    path = Market(TINY.with_rule(Silent, after="close"), rng=1).run(3).path("silent.apps")
    assert np.isnan(path[[0, 2]]).all() and path[1] == 1.0
