"""Who picks whom: an urn for the apps of month 0, odds by shares of tokens for entrants, and whom labs refuse."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import betabinom, binom, chisquare

from moatlab import Market, Scenario
from tests.textbook.tokens import run, scenario

APPS, LABS, SEEDS = 12, 4, 1500


def degrees(case: Scenario) -> np.ndarray:
    """How often lab A has each number of apps, over many seeds."""
    counts = np.zeros(APPS + 1)
    for seed in range(SEEDS):
        counts[int(Market(case, rng=seed).state.sellers[:APPS, 0].sum())] += 1
    return counts


def fit(counts: np.ndarray, chance: np.ndarray) -> float:
    """p-value of Pearson's test, rare classes taken together."""
    expected = counts.sum() * chance
    common = expected >= 5
    found = np.append(counts[common], counts[~common].sum())
    wanted = np.append(expected[common], expected[~common].sum())
    keep = wanted > 0
    return float(chisquare(found[keep], wanted[keep]).pvalue)


def test_degrees_of_labs_under_preferential_attachment_are_those_of_an_urn() -> None:
    """With n apps, L labs and odds 1 + degree, a lab's degree is beta-binomial(n, 1, L - 1) (Eggenberger and Polya).

    The number of labs is given, so that this and not a power law (Yule-Simon) is the exact answer; wrong: even odds.
    """
    case = scenario("urn")
    k = np.arange(APPS + 1)
    urn, even = betabinom.pmf(k, APPS, 1, LABS - 1), binom.pmf(k, APPS, 1 / LABS)
    found = degrees(case)
    assert fit(found, urn) > 1e-3 and fit(found, even) < 1e-12
    found = degrees(case.with_graph(topology="sparse"))
    assert fit(found, even) > 1e-3 and fit(found, urn) < 1e-12


def first_picks(market: Market) -> tuple[np.ndarray, np.ndarray]:
    """Labs of the startups that came in the last month [entrants, labs], and the labs' shares of tokens in it."""
    state = market.state
    born = (state.apps["birth"][: state.count] == market.month - 1) & (state.apps["generated"][: state.count] == 1)
    tokens = state.labs["tokens"]
    return state.sellers[: state.count][born, :LABS] != 0, tokens / tokens.sum()


@pytest.mark.parametrize("sources", [1, 2])
def test_entrants_pick_labs_by_their_share_of_tokens(sources: int) -> None:
    """Odds are 0.05 + share of tokens, without replacement (Plackett-Luce); wrong: the shares themselves, or even."""
    market = run(scenario("entrants", {"apps.entrant_sources": sources}), 1)
    picks, shares = first_picks(market)
    np.testing.assert_allclose(shares, [0.6, 0.3, 0.1, 0.0], atol=1e-9)
    assert len(picks) > 900 and (picks.sum(axis=1) == sources).all()

    def chances(weights: np.ndarray) -> np.ndarray:
        found = np.zeros(LABS)
        for order in permutations(range(LABS), sources):
            chance, left = 1.0, float(weights.sum())
            for lab in order:
                chance *= weights[lab] / left if left > 0 else 0.0
                left -= weights[lab]
            for lab in order:
                found[lab] += chance
        return found / sources

    counts = picks.sum(axis=0)
    odds = chances(0.05 + shares)
    # Marginal counts of draws without replacement vary less than independent ones, so the test errs towards passing
    # with two sources; the wrong answers are far off.
    assert fit(counts, odds) > 1e-3
    assert fit(counts, chances(np.ones(LABS))) < 1e-12
    assert counts[3] > 0, "a lab without customers is still found by some"
    uniform = run(scenario("entrants", {"apps.entrant_sources": sources, "apps.attachment": "uniform"}), 1)
    counts = first_picks(uniform)[0].sum(axis=0)
    assert fit(counts, np.full(LABS, 1 / LABS)) > 1e-3 and fit(counts, odds) < 1e-12


def test_a_lab_refuses_rivals_of_its_own_app_or_everybody_else() -> None:
    """Its own app and a rival are in `writing`, a painter in `drawing`; who is refused buys elsewhere."""
    tokens = {}
    for supply in ("everybody", "not rivals", "own apps"):
        market = run(scenario("supply", {"labs.owner.supply": supply}), 3)
        state = market.state
        tokens[supply] = [float(state.routing[row, 0] * state.apps["tokens"][row]) for row in range(3)]
    assert all(amount > 0 for amount in tokens["everybody"])
    assert [amount > 0 for amount in tokens["not rivals"]] == [True, False, True]
    assert [amount > 0 for amount in tokens["own apps"]] == [True, False, False]


def test_a_lab_that_refuses_rivals_for_a_while_loses_them_and_takes_them_back() -> None:
    market = Market(scenario("supply").with_events("months 3-5: set labs.owner.supply not rivals"), rng=1)
    bought = []
    for _ in range(9):
        market.step()
        bought.append(bool(market.state.next_routing[1, 0] > 0))
    # What an event changes in a month's terms of sale holds from the next month on, and tokens follow.
    assert bought[:3] == [True] * 3 and not any(bought[4:6]) and bought[-1]


def test_startups_do_not_integrate_a_lab_that_refuses_them() -> None:
    refusing = {"labs.a.supply": "own apps", "apps.large.owner": "a"}
    picks, _ = first_picks(run(scenario("entrants", refusing), 1))
    assert len(picks) > 900 and picks[:, 0].sum() == 0
