"""Memory for tables that only grow, taken up again once nobody holds it.

A run writes some ten megabytes of journal and of firms' records.  Fresh memory costs microseconds a page when it is
first touched, a third of a run's time in all; a block that an earlier run of this process filled, and whose tables are
gone, costs nothing.
"""

from __future__ import annotations

import sys

import numpy as np

from moatlab.market.state.compiled import Rows
from moatlab.market.state.state import blank

#: Blocks that are kept, whoever holds them.
MOST_KEPT = 64
_kept: list[Rows] = []
#: References to an array that only `_kept` holds, as the loop below counts them: the list, the loop, the count's own.
_FREE = 3


def block(dtype: np.dtype[np.void], count: int) -> Rows:
    """``count`` rows of whatever the memory holds; every view of them keeps them from being given out again."""
    for array in _kept:
        if array.shape[0] == count and array.dtype == dtype and sys.getrefcount(array) == _FREE:
            return array
    array = blank(dtype, count)
    if array.base is None and len(_kept) < MOST_KEPT:
        _kept.append(array)
    return array
