"""Order: sorting of figures that are spread over orders of magnitude, quantiles, concentration."""

from __future__ import annotations

import math

import numpy as np

from moatlab.market.state.compiled import Rows, inlined, kernel

#: Values that one slot of the distribution may get, and values in all below which a plain sort is as fast.
CROWD, FEW = 32, 32


@kernel
def sort_spread(values: Rows) -> None:
    """Sort ``values`` in place.

    Each goes to a slot by its logarithm between the least and the largest positive one, and then past its few
    neighbours that are out of order: a comparison whose outcome cannot be foreseen costs a processor as much as ten
    that can.
    """
    count = values.shape[0]
    least = math.inf
    most = 0.0
    for i in range(count):
        if values[i] > 0.0:
            least = min(least, values[i])
            most = max(most, values[i])
    if count < FEW or not least < most:
        values.sort()
        return
    # The bits of a positive number, read as a whole number, rise almost like its logarithm.
    first = np.float64(least).view(np.int64)
    scale = (count - 1) / float(np.float64(most).view(np.int64) - first)
    slots = np.empty(count, np.int64)
    ends = np.zeros(count, np.int64)
    for i in range(count):
        value = values[i]
        slots[i] = int(scale * float(np.float64(value).view(np.int64) - first)) if value > least else 0
        ends[slots[i]] += 1
    fullest = 0
    total = 0
    for slot in range(count):
        fullest = max(fullest, ends[slot])
        total += ends[slot]
        ends[slot] = total
    if fullest > CROWD:
        values.sort()
        return
    unsorted = values.copy()
    for i in range(count):
        ends[slots[i]] -= 1
        values[ends[slots[i]]] = unsorted[i]
    for i in range(1, count):
        value = values[i]
        at = i
        while at > 0 and values[at - 1] > value:
            values[at] = values[at - 1]
            at -= 1
        values[at] = value


@inlined
def quantile(ordered: Rows, count: int, p: float) -> float:
    """Quantile of the first ``count`` of sorted values, linear between neighbours; not-a-number for none."""
    if count == 0:
        return math.nan
    position = p * (count - 1)
    below = int(math.floor(position))  # noqa: RUF046  (a float in a kernel)
    above = min(below + 1, count - 1)
    return float(ordered[below] + (position - below) * (ordered[above] - ordered[below]))


@inlined
def concentrate(values: Rows, out: Rows) -> None:
    """HHI, top shares and Gini coefficient of ``values``, which are sorted in place."""
    n = values.shape[0]
    total = 0.0
    for i in range(n):
        total += values[i]
    out.firms = n
    out.hhi = 0.0
    out.top1 = 0.0
    out.top3 = 0.0
    out.top5 = 0.0
    out.gini = 0.0
    if n == 0 or total <= 0.0:
        return
    sort_spread(values)
    ranked = 0.0
    for i in range(n):
        share = values[i] / total
        out.hhi += share * share
        ranked += (i + 1.0) * share
        if i >= n - 1:
            out.top1 += share
        if i >= n - 3:
            out.top3 += share
        if i >= n - 5:
            out.top5 += share
    out.gini = (2.0 * ranked - (n + 1.0)) / n
