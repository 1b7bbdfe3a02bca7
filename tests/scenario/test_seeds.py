"""One rule for seeds, wherever one is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from moatlab import InputError
from moatlab.scenario.seeds import LARGEST_SEED, check_seed, check_seeds, fresh_seed
from moatlab.scenario.values import plain, whole_number


@pytest.mark.parametrize("seed", [0, 7, 7.0, np.int64(7), np.uint8(7), np.float64(7.0), LARGEST_SEED, np.array(7)])
def test_a_whole_number_of_any_kind_is_a_seed(seed: Any) -> None:
    assert check_seed(seed) == int(seed) and type(check_seed(seed)) is int


@pytest.mark.parametrize(
    "seed",
    [2**63, -1, np.int64(-1), np.uint64(2**63), True, np.True_, 1.5, float("nan"), float("inf"), "7", None,
     [7], np.array([1, 2])],
)  # fmt: skip
def test_anything_else_is_refused(seed: Any) -> None:
    with pytest.raises(InputError, match=r"^here: rng is a whole number from 0 to 2\*\*63 - 1, not "):
        check_seed(seed, "rng", "here")


def test_a_number_of_5001_digits_is_refused_too() -> None:
    with pytest.raises(InputError, match=r"rng is a whole number from 0 .* bits"):
        check_seed(10**5000, "rng")


def test_a_number_of_seeds_or_a_list() -> None:
    assert check_seeds(3, 10) == check_seeds(np.int64(3), 10) == [1, 2, 3]
    assert check_seeds(np.arange(2, 5), 10) == check_seeds(iter([2, 3, 4]), 10) == check_seeds(range(2, 5), 10)
    assert all(type(seed) is int for seed in check_seeds(np.arange(2, 5), 10))


@pytest.mark.parametrize("seeds", [0, 11, True, "7", 1.5, None, [], [1, 1], [-1], [2**63], range(11), [1, np.int64(1)]])
def test_other_seeds_are_refused(seeds: Any) -> None:
    with pytest.raises(InputError, match="seed"):
        check_seeds(seeds, 10, "compare")


def test_fresh_seeds_differ_and_are_seeds() -> None:
    seeds = [fresh_seed() for _ in range(20)]
    assert len(set(seeds)) == 20 == len([check_seed(seed) for seed in seeds])


def test_plain_values() -> None:
    given = {"a": [np.int64(3), (np.float64(0.5), {"b": np.bool_(True)})], "c": "text", "d": np.array([1, 2])}
    made = plain(given)
    assert isinstance(made, dict) and made["d"] is given["d"]
    assert repr(made["a"]) == "[3, (0.5, {'b': True})]"
    assert whole_number("3") is None and whole_number(3.0) == 3 and whole_number(True) is None
