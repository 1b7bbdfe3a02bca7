"""Long-run equilibrium: economic profit is zero where gross profit just pays for capital and what capital costs.

A lab at rest sells to an app and pays the same for research every month.  With research B and a life of L months the
stock is B L, of which B is written off, so that the profit is gone at B = G / (1 + c L / 12).  Operating profit is
then what the capital costs, and no sign of power in the market; one more lab like it, and both lose.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from moatlab.results.measure import Measure
from moatlab.results.results import Results
from tests.textbook.tokens import rejects, run, scenario

MONTHS, LIFE, COST = 600, 24.0, 0.12
#: A company behind the lab takes what is left over, so that research is what it gives and no more.
SPONSORED = {"labs.*.cash": 0.0, "labs.*.cash_flow": 1.0, "labs.*.exposed": 0.0}


def after(given: float, rivals: int = 0) -> Results:
    case = scenario("successive")
    for rival in range(rivals):
        case = case.with_row("labs", f"rival-{rival}")
    return run(case.set({**SPONSORED, "labs.*.parent_budget": given}), MONTHS).results


def last(results: Results, address: str) -> float:
    return float(results.path(address)[-1])


@pytest.fixture(scope="module")
def equilibrium() -> float:
    """The company's money (M$ a month) at which the lab alone earns no economic profit.

    Research grows in a straight line with it, and gross profit does not depend on research here.
    """
    low, high = after(5.0), after(15.0)
    gross = [last(each, "labs.lab.gross_profit") for each in (low, high)]
    spent = [last(each, "labs.rnd") for each in (low, high)]
    assert gross[0] == pytest.approx(gross[1], rel=1e-9)
    wanted = gross[0] / (1.0 + COST * LIFE / 12.0)
    return 5.0 + 10.0 * (wanted - spent[0]) / (spent[1] - spent[0])


@pytest.fixture(scope="module")
def alone(equilibrium: float) -> Results:
    return after(equilibrium)


def test_economic_profit_is_gone_and_operating_profit_is_the_cost_of_capital(alone: Results) -> None:
    gross, research = last(alone, "labs.lab.gross_profit"), last(alone, "labs.rnd")
    assert abs(last(alone, "labs.lab.economic_profit")) < 1e-9 * gross
    assert abs(last(alone, "owners.lab.economic_profit")) < 1e-9 * gross
    assert last(alone, "labs.lab.capital") == pytest.approx(LIFE * research, rel=1e-9)
    # Wrong: that operating profit is gone where competition has done its work.
    rejects(last(alone, "labs.lab.operating_profit"), COST * LIFE / 12.0 * research, 0.0, tolerance=1e-9)


@pytest.mark.parametrize(("cost", "lives"), [(0.08, 1.0), (0.2, 0.5), (0.12, 2.0)])
def test_other_conventions_move_it_as_they_should(alone: Results, cost: float, lives: float) -> None:
    other = replace(Measure().scaled(lives), cost_of_capital=cost)
    left = (COST - cost * lives) * LIFE / 12.0
    found = last(alone.measured(other), "labs.lab.economic_profit")
    assert found == pytest.approx(left * last(alone, "labs.rnd"), rel=1e-4)


def test_another_lab_makes_both_lose(equilibrium: float) -> None:
    both = after(equilibrium, rivals=1)
    first, second = (last(both, f"labs.{slug}.economic_profit") for slug in ("lab", "rival-0"))
    assert first < -0.05 * equilibrium and first == pytest.approx(second, rel=1e-6)
