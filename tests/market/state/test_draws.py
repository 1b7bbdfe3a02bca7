"""Draws: the published vectors of Philox4x32-10, the distributions, and statelessness."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from moatlab.market.state import draws

MOST = 0xFFFFFFFF
# Random123's known answers (kat_vectors): counter, key, result.
VECTORS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((MOST, MOST, MOST, MOST), (MOST, MOST), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), VECTORS)
def test_philox_gives_the_published_words(
    counter: tuple[int, ...], key: tuple[int, ...], answer: tuple[int, ...]
) -> None:
    words = draws.philox(*(np.uint64(x) for x in (*counter, *key)))
    assert tuple(int(w) for w in words) == answer


def test_uniform_is_the_words_of_its_key() -> None:
    words = draws.philox(*(np.uint64(x) for x in (7, 8, 9, 1, 5, 0)))
    bits = ((int(words[0]) << 21) ^ (int(words[1]) >> 11)) & (2**53 - 1)
    assert draws.uniform(5, 7, 8, (1 << 32) + 9) == (bits + 0.5) * 2.0**-53


def test_uniform_is_uniform_over_each_part_of_the_key() -> None:
    for part in range(4):
        sample = [draws.uniform(*(i if j == part else 3 for j in range(4))) for i in range(4000)]
        assert stats.kstest(sample, "uniform").pvalue > 1e-3
        assert len(set(sample)) == len(sample)


def test_normal_quantile_agrees_with_scipy() -> None:
    for p in (1e-300, 1e-20, 1e-5, 0.01, 0.3, 0.5, 0.9, 1 - 1e-9):
        assert draws.normal_quantile(p) == pytest.approx(float(stats.norm.ppf(p)), rel=1e-13, abs=1e-15)


def test_poisson_inverts_the_distribution_function() -> None:
    for mean in (0.1, 1.0, 5.0, 40.0):
        for u in (0.001, 0.2, 0.5, 0.9, 0.9999):
            assert draws.poisson(mean, u) == int(stats.poisson.ppf(u, mean))
    assert abs(draws.poisson(1e4, 0.975) - stats.poisson.ppf(0.975, 1e4)) <= 1


def test_purposes_keep_their_numbers() -> None:
    assert len(set(draws.PURPOSES)) == len(draws.PURPOSES)
    assert (draws.PRICE_TASTE, draws.REVIEW, draws.ENTRY, draws.GENERATION) == (0, 6, 10, 13)
