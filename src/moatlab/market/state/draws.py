"""Stateless random draws.

A draw is a pure function of the run's seed and of what is drawn: ``uniform(seed, purpose, month, identity)``.  Two
arms of an experiment that both ask for the luck of the same firm in the same month get the same number, whatever else
differs between them.  The generator is Philox4x32-10 (Salmon et al. 2011): the seed is the key, the counter is
(purpose, month, identity).  Discrete draws use the inverse distribution function, so that a small change of a
parameter changes few of them.
"""

from __future__ import annotations

import math

import numpy as np

from moatlab.market.state.compiled import Rows, constant, inlined

#: What a draw is for.  Values are part of the results: never renumber, only append.
PURPOSES = (
    "price taste",
    "brand shock",
    "feature at birth",
    "customers at birth",
    "category at birth",
    "sources at birth",
    "review",
    "specialisation at birth",
    "specialisation shock",
    "run outcome",
    "entry",
    "hype shock",
    "outside shock",
    "generation",
    "edges",
    "routing at birth",
    "tie",
    "run start",
    "usage factor",
    "exit",
)
(
    PRICE_TASTE,
    BRAND_SHOCK,
    FEATURE_AT_BIRTH,
    CUSTOMERS_AT_BIRTH,
    CATEGORY_AT_BIRTH,
    SOURCES_AT_BIRTH,
    REVIEW,
    SPECIALISATION_AT_BIRTH,
    SPECIALISATION_SHOCK,
    RUN_OUTCOME,
    ENTRY,
    HYPE_SHOCK,
    OUTSIDE_SHOCK,
    GENERATION,
    EDGES,
    ROUTING_AT_BIRTH,
    TIE,
    RUN_START,
    USAGE_FACTOR,
    EXIT,
) = map(constant, range(len(PURPOSES)))

_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_WORD = np.uint64(32)


@inlined
def philox(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Philox4x32-10: four 32-bit counter words and two key words (each in a uint64) to four random words."""
    for _ in range(10):
        p0 = _MULTIPLIER_0 * c0
        p1 = _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (p1 >> _WORD) ^ c1 ^ k0, p1 & _LOW, (p0 >> _WORD) ^ c3 ^ k1, p0 & _LOW
        k0 = (k0 + _WEYL_0) & _LOW
        k1 = (k1 + _WEYL_1) & _LOW
    return c0, c1, c2, c3


@inlined
def uniform(seed: int, purpose: int, month: int, identity: int) -> float:
    """A number in the open interval (0, 1), with 53 random bits.

    ``seed`` and ``identity`` are taken modulo 2**64, ``purpose`` and ``month`` modulo 2**32.
    """
    key = np.uint64(seed)
    who = np.uint64(identity)
    words = philox(
        np.uint64(purpose) & _LOW, np.uint64(month) & _LOW, who & _LOW, who >> _WORD, key & _LOW, key >> _WORD
    )
    bits = (words[0] << np.uint64(21)) ^ (words[1] >> np.uint64(11))
    return (float(bits & np.uint64(0x1FFFFFFFFFFFFF)) + 0.5) * 1.1102230246251565e-16


@inlined
def uniforms(seed: int, purpose: int, month: int, firms: Rows, rows: Rows) -> Rows:
    """`uniform` for the ``firms`` in ``rows``, by their identities: a loop that the compiler makes vectors of."""
    drawn = np.empty(rows.shape[0])
    identities = np.empty(rows.shape[0], np.int64)
    for position in range(rows.shape[0]):
        identities[position] = firms[rows[position]].identity
    for position in range(rows.shape[0]):
        drawn[position] = uniform(seed, purpose, month, identities[position])
    return drawn


@inlined
def normal_quantile(p: float) -> float:
    """Inverse of the standard normal distribution function: algorithm AS 241 (Wichura 1988), about 16 digits."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        above = (((((((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r
            + 45921.953931549871457) * r + 13731.693765509461125) * r + 1971.5909503065514427) * r
            + 133.14166789178437745) * r + 3.387132872796366608)  # fmt: skip
        below = (((((((5226.495278852545925 * r + 28729.085735721942674) * r + 39307.89580009271061) * r
            + 21213.794301586595867) * r + 5394.1960214247511077) * r + 687.1870074920579083) * r
            + 42.313330701600911252) * r + 1.0)  # fmt: skip
        return q * above / below
    r = math.sqrt(-math.log(min(p, 1.0 - p)))
    if r <= 5.0:
        r -= 1.6
        above = (((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r
            + 1.27045825245236838258) * r + 3.64784832476320460504) * r + 5.7694972214606914055) * r
            + 4.6303378461565452959) * r + 1.42343711074968357734)  # fmt: skip
        below = (((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r
            + 0.14810397642748007459) * r + 0.68976733498510000455) * r + 1.6763848301838038494) * r
            + 2.05319162663775882187) * r + 1.0)  # fmt: skip
    else:
        r -= 5.0
        above = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r
            + 0.026532189526576123093) * r + 0.29656057182850489123) * r + 1.7848265399172913358) * r
            + 5.4637849111641143699) * r + 6.6579046435011037772)  # fmt: skip
        below = (((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r
            + 7.868691311456132591e-4) * r + 0.0148753612908506148525) * r + 0.13692988092273580531) * r
            + 0.59983220655588793769) * r + 1.0)  # fmt: skip
    return math.copysign(above / below, q)


@inlined
def normal(seed: int, purpose: int, month: int, identity: int) -> float:
    """A standard normal number, keyed as `uniform`."""
    return normal_quantile(uniform(seed, purpose, month, identity))


@inlined
def poisson(mean: float, u: float) -> int:
    """The Poisson number of rank ``u`` by inversion; above a mean of 200, of the normal approximation."""
    if mean > 200.0:
        return max(0, int(math.floor(mean + math.sqrt(mean) * normal_quantile(u) + 0.5)))  # noqa: RUF046
    probability = math.exp(-mean)
    total = probability
    count = 0
    while total < u and count < 2000:
        count += 1
        probability *= mean / count
        total += probability
    return count
