"""Shapley values: axioms, a game with a known answer, and sampling that is unbiased."""

from __future__ import annotations

import numpy as np
import pytest

from moatlab.errors import InputError
from moatlab.evidence.shapley import Coalition, coalitions, sampled, shapley, shapley_of

PLAYERS = ("a", "b", "c", "idle")


def glove(group: Coalition) -> float:
    """Two left gloves (a, b) and a right one (c): a pair is worth 1 (Shapley values 1/6, 1/6, 4/6)."""
    return float("c" in group and bool(group & {"a", "b"}))


def test_the_glove_game() -> None:
    found = shapley_of(PLAYERS, glove)
    assert found == pytest.approx({"a": 1 / 6, "b": 1 / 6, "c": 2 / 3, "idle": 0.0})


def test_values_add_up_and_are_linear() -> None:
    rng = np.random.default_rng(1)
    worth = {group: rng.standard_normal(5) for group in coalitions(PLAYERS)}
    found = shapley(PLAYERS, worth)
    whole = worth[frozenset(PLAYERS)] - worth[frozenset()]
    assert np.sum(list(found.values()), axis=0) == pytest.approx(whole)
    twice = shapley(PLAYERS, {group: 2.0 * value + 7.0 for group, value in worth.items()})
    assert all(twice[name] == pytest.approx(2.0 * found[name]) for name in PLAYERS)


def test_sampled_values_add_up_and_come_to_the_exact_ones() -> None:
    rng = np.random.default_rng(2)
    worth = {group: rng.standard_normal(3) for group in coalitions(PLAYERS)}
    exact = shapley(PLAYERS, worth)
    few = [sampled(PLAYERS, worth.__getitem__, 2, seed) for seed in range(400)]
    whole = worth[frozenset(PLAYERS)] - worth[frozenset()]
    assert np.sum(list(few[0].values()), axis=0) == pytest.approx(whole)
    for name in PLAYERS:
        values = np.array([one[name] for one in few])
        error = values.std(axis=0, ddof=1) / 20.0
        assert (np.abs(values.mean(axis=0) - exact[name]) < 4.0 * error + 1e-12).all()


def test_every_coalition_is_asked_for_once() -> None:
    asked: list[Coalition] = []

    def worth(group: Coalition) -> np.ndarray:
        asked.append(group)
        return np.zeros(1)

    sampled(PLAYERS, worth, 50, 3)
    assert len(asked) == len(set(asked)) == 2 ** len(PLAYERS)


def test_too_many_players_are_refused() -> None:
    with pytest.raises(InputError, match="up to 12 different players, not 13"):
        coalitions([str(i) for i in range(13)])
    with pytest.raises(InputError, match="different"):
        coalitions(["a", "a"])
