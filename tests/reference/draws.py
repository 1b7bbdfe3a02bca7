"""Stateless draws in plain Python: Philox4x32-10 (Salmon et al. 2011)."""

from __future__ import annotations

#: Position of a purpose in the list of purposes of draws.
REVIEW = 6
LOW = 0xFFFFFFFF


def philox(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """Four counter words and two key words of 32 bits to four random words."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & LOW, (p0 >> 32) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + 0x9E3779B9) & LOW, (k1 + 0xBB67AE85) & LOW
    return c0, c1, c2, c3


def uniform(seed: int, purpose: int, month: int, who: int) -> float:
    """A number between 0 and 1 that depends on nothing but its keys."""
    first, second, *_ = philox((purpose, month, who & LOW, who >> 32), (seed & LOW, seed >> 32))
    bits = (first << 21 ^ second >> 11) & (1 << 53) - 1
    return (bits + 0.5) / 2**53
