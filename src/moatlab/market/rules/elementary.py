"""Exponential and logarithm in plain arithmetic, which loops over arrays turn into vector instructions.

In a loop that does nothing but arithmetic on arrays, these cost a fifth of a call of the C library's, and differ from
it by a rounding.  Where a loop does more than that, `math` is as fast.
"""

from __future__ import annotations

import numpy as np

from moatlab.market.state.compiled import Rows, inlined, kernel

#: log2(e), and ln 2 as a sum whose first part has few digits, so that whole multiples of it are exact.
_LOG2_E, _LN2, _LN2_REST = 1.4426950408889634, 6.93147180369123816490e-1, 1.90821492927058770002e-10
#: Added to a number below 2**51, it leaves the nearest whole number in the last bits of the sum.
_ROUND = 6755399441055744.0
#: Exponents of this and below count as minus infinity: e**-700 is 1e-304.
_LOWEST = -700.0
_MANTISSA, _BIAS = np.int64(52), np.int64(1023) << np.int64(52)
#: The same as bits without a sign; bits of 1 less those of sqrt(1/2), and of 2**52; 2**52 and the bias as a number.
_PLACES, _ONE, _TO_ONE, _WHOLE = (
    np.uint64(b) for b in (52, 0x3FF0000000000000, 0x3FF0000000000000 - 0x3FE6A09E667F3BCD, 0x4330000000000000)
)
_WHOLE_AND_BIAS = 4503599627370496.0 + 1023.0


@inlined
def exp_below(x: float) -> float:
    """e**x for x up to 700, 0 from -700 down: 2**k times Cephes' rational function (Moshier 1989)."""
    shifted = x * _LOG2_E + _ROUND
    k = shifted - _ROUND
    r = (x - k * _LN2) - k * _LN2_REST
    rr = r * r
    odd = r * ((1.26177193074810590878e-4 * rr + 3.02994407707441961300e-2) * rr + 1.0)
    even = (3.00198505138664455042e-6 * rr + 2.52448340349684104192e-3) * rr + 2.27265548208155028766e-1
    even = even * rr + 2.0
    power = np.int64((np.float64(shifted).view(np.int64) << _MANTISSA) + _BIAS).view(np.float64)
    return power * (1.0 + 2.0 * odd / (even - odd)) if x > _LOWEST else 0.0


@inlined
def log_above(x: float) -> float:
    """ln x for normal x > 0: the polynomial of fdlibm (Sun Microsystems 1993) in (m - 1) / (m + 1), x = 2**k m."""
    bits = np.float64(x).view(np.uint64)
    exponent = np.uint64(bits + _TO_ONE) >> _PLACES
    k = np.uint64(exponent | _WHOLE).view(np.float64) - _WHOLE_AND_BIAS
    f = np.uint64(bits + _ONE - np.uint64(exponent << _PLACES)).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (3.999999999940941908e-1 + w * (2.222219843214978396e-1 + w * 1.531383769920937332e-1))
    odd = 2.857142874366239149e-1 + w * (1.818357216161805012e-1 + w * 1.479819860511658591e-1)
    odd = z * (6.666666666666735130e-1 + w * odd)
    half = 0.5 * f * f
    return k * _LN2 - ((half - (s * (half + even + odd) + k * _LN2_REST)) - f)


@kernel
def exponentiate(values: Rows) -> None:
    """Replace ``values`` [n], none above 700, by their exponentials."""
    for i in range(values.shape[0]):
        values[i] = exp_below(values[i])


@inlined
def fritsch(w: float, log_z: float) -> float:
    """A step of Fritsch, Shafer and Crowley's iteration (1973) to W(z): the error's fourth power is left."""
    gap = log_z - log_above(w) - w
    q = 2.0 * (1.0 + w) * (1.0 + w + 2.0 / 3.0 * gap)
    return w + w * gap * (q - gap) / ((1.0 + w) * (q - 2.0 * gap))


@inlined
def lambert(log_z: float) -> float:
    """W(z) for z = exp(log_z) > 0: two steps from Iacono and Boyd's estimate (2017)."""
    z = exp_below(min(log_z, -log_z))
    estimate = max(log_z, 0.0) + log_above(1.0 + z)
    w = max(estimate * (1.0 - log_above(1.0 + estimate) / (2.0 + estimate)), 1e-300)
    w = fritsch(fritsch(w, log_z), log_z)
    # Where z is small 1 + z has lost its digits, but the series has them.
    return w if log_z > -18.0 else z * (1.0 - z)
