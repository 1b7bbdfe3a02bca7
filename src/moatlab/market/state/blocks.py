"""Memory for tables that only grow, taken up again once nobody holds it.

A run writes some ten megabytes of journal and of firms' records.  Fresh memory costs microseconds a page when it is
first touched, a third of a run's time in all; a block that an earlier run of this process filled, and whose tables are
gone, costs nothing.
"""

from __future__ import annotations

import weakref

import numpy as np
from numpy.typing import NDArray

from moatlab.market.state.compiled import Rows
from moatlab.market.state.state import as_rows

#: Free memory that is kept at the most, in blocks.
MOST_KEPT = 64
_free: list[NDArray[np.uint8]] = []


def block(dtype: np.dtype[np.void], count: int) -> Rows:
    """``count`` rows of whatever the memory holds; it is given out again when the array and all its views are gone."""
    size = dtype.itemsize * count
    for place, memory in enumerate(_free):
        if memory.nbytes == size:
            del _free[place]
            break
    else:
        memory = np.empty(size, np.uint8)
    # The base of every view of an array over a memoryview is that array, so its end is the end of all of them.
    table = np.frombuffer(memoryview(memory), dtype)  # type: ignore[arg-type]
    weakref.finalize(table, _give_back, memory).atexit = False
    return as_rows(table)


def _give_back(memory: NDArray[np.uint8]) -> None:
    if len(_free) < MOST_KEPT:
        _free.append(memory)
