"""What looking again costs: the level that is spent, and how often verdicts are false under the printed advice.

    python benchmarks/looks.py [TRIALS]

A user looks at a batch without an effect, runs as many seeds as `moatlab show` says would decide, looks again, and so
on: six looks at most, 3,000 seeds at most.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from moatlab.evidence.spending import spent

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.evidence.test_spending import follow

RATIOS = (0.25, 0.5, 1.0, 2.0, 4.0)


def main(trials: int) -> None:
    """Print both."""
    for ratio in RATIOS:
        print(f"{ratio:g} times the planned runs: {100.0 * spent(ratio):.2g} % of the level is spent")
    for planned, smallest in ((16, 0.0), (32, 0.0), (16, 0.3)):
        rng = np.random.default_rng(99)
        wrong = sum(follow(rng, smallest, smallest, planned, 1)[0].finding != "undecided" for _ in range(trials))
        print(
            f"{planned} seeds planned, effect of {smallest:g} = s: {100.0 * wrong / trials:.1f} % of {trials:,} false"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
