"""Two small sums that every table needs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def ratio(above: Any, below: Any) -> NDArray[np.float64]:
    """``above / below``, and not-a-number where ``below`` is 0."""
    top, bottom = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    quotient: NDArray[np.float64] = np.divide(top, bottom, out=np.full(bottom.shape, np.nan), where=bottom != 0)
    return quotient
