"""Iterations of the clearing on random markets: sparse, scarce, with huge demand, without capacity."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from moatlab.market.rules.clearing import TOLERANCE

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.market.rules.random_markets import draw

count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
draw(np.random.default_rng(0)).solve()
iterations, failed, worst, spent = [], 0, 0.0, 0.0
for seed in range(count):
    case = draw(np.random.default_rng(seed))
    began = time.perf_counter()
    _, steps, violation = case.solve()
    spent += time.perf_counter() - began
    iterations.append(steps)
    worst = max(worst, violation)
    failed += violation > TOLERANCE
middle, high = np.percentile(iterations, [50, 95])
print(
    f"{count} random markets: {failed} failed; iterations median {middle:.0f}, 95 % {high:.0f}, max {max(iterations)}"
)
print(f"largest violation {worst:.1e}; {1e6 * spent / count:.0f} us each, of which a part is Python's")
