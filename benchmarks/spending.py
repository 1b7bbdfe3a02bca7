"""What a further dollar of features and of marketing brings in: 1 where spending is right.

    python benchmarks/spending.py [SEEDS] [SCENARIO] [MONTH] [CHANGES]

Pairs of runs from one state: in one of them a leading app spends a fifth more in one month, and comes back to its
rule.  The return is the present value of what it earns more in ten years over that of what it spends more, at the
discount rate by which apps decide.  The scenario `free-entry` is the textbook market at rest (tests/textbook).
"""

from __future__ import annotations

import ast
import copy
import sys
from pathlib import Path

import numpy as np

from moatlab import Market, Scenario

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.textbook.demand import scenario as textbook

FOLLOWED, LEADERS = 120, 8


def follow(market: Market, rows: list[int]) -> dict[int, tuple[list[float], list[float]]]:
    """Gross profit, and spending on features and marketing, of these apps month by month."""
    flows: dict[int, tuple[list[float], list[float]]] = {row: ([], []) for row in rows}
    for _ in range(FOLLOWED):
        apps = market.state.apps
        for row, (_, spent) in flows.items():
            spent.append(float(apps["rnd"][row] + apps["marketing"][row]))
        market.step()
        for row, (earned, _) in flows.items():
            earned.append(float(market.state.apps["gross_profit"][row]))
    return flows


def returns(market: Market, what: str, leaders: int = LEADERS) -> list[float]:
    """Return of a further dollar spent on ``what`` (rnd or marketing) by each of the leading apps."""
    state = market.state
    live = np.asarray(state.live)
    rows = [int(row) for row in live[np.argsort(-state.apps["revenue"][live])][:leaders]]
    weights = (1 + float(state.now["discount"][0])) ** -np.arange(FOLLOWED)
    plain = copy.deepcopy(market)
    base = follow(plain, rows)
    found = []
    for row in rows:
        more = 0.2 * float(state.apps[what][row])
        if more < 0.05 or plain.state.apps["alive"][row] == 0:
            continue
        other = copy.deepcopy(market)
        other.state.apps[what][row] += more
        earned, spent = follow(other, [row])[row]
        gain = float(weights @ (np.array(earned) - np.array(base[row][0])))
        found.append(gain / float(weights @ (np.array(spent) - np.array(base[row][1]))))
    return found


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    name = sys.argv[2] if len(sys.argv) > 2 else "free-entry"
    month = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    scenario = textbook(name) if name == "free-entry" else Scenario(name)
    scenario = scenario.set(dict(ast.literal_eval(sys.argv[4])) if len(sys.argv) > 4 else {})
    for what in ("rnd", "marketing"):
        found: list[float] = []
        for seed in range(1, seeds + 1):
            market = Market(scenario, rng=seed)
            market.run(month)
            found += returns(market, what)
        ranked = np.sort(found)
        inside = float(np.mean((ranked >= 0.8) & (ranked <= 1.25)))
        print(f"{name}, month {month}, {what}: median {np.median(ranked):.2f}, between .8 and 1.25 {inside:.2f}")
        print(f"  {np.round(ranked, 2).tolist()}")


if __name__ == "__main__":
    main()
