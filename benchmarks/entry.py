"""What entrants turn out to be worth, by year of founding: realised value over cost, survival, waves.

    python benchmarks/entry.py [SEEDS] [SCENARIO] [CHANGES]

Value is what an app earns after all operating payments, features and marketing included, discounted at founders' rate
to the month of its founding, plus, for those alive at the end, what it is worth as a going concern; cost is what
founding took and the seed money that it spent is counted in what it earned.
"""

from __future__ import annotations

import ast
import sys

import numpy as np
import pandas as pd

from moatlab import Market, Scenario
from moatlab.market.rules.entry import worth_of_flow
from moatlab.results.payments import KINDS_OF_PAYMENT

FINANCE = {kind.code for kind in KINDS_OF_PAYMENT if kind.use in ("finance", "distribution")}
FOUNDING = next(kind.code for kind in KINDS_OF_PAYMENT if kind.name == "app founding")


def entrants(scenario: Scenario, seed: int) -> pd.DataFrame:
    """Each entrant of a run: month of birth and of death, realised value and cost of founding in M$."""
    market = Market(scenario, rng=seed)
    market.run()
    state = market.state
    shared = state.shared[0]
    first, last = state.first_account["apps"], int(state.now["month"][0])
    book = state.book[: int(state.totals[-1])]
    apps = state.apps[: state.count]
    operating = ~np.isin(book["kind"], [*FINANCE, FOUNDING])
    birth = apps["birth"].astype(float)
    value = np.zeros(len(apps))
    died = np.full(len(apps), np.inf)
    for sign, side in ((1.0, "payee"), (-1.0, "payer")):
        mine = operating & (book[side] >= first)
        rows = book[side][mine] - first
        age = book["month"][mine] - birth[rows]
        np.add.at(value, rows, sign * book["amount"][mine] * np.exp(-shared["apps_entry_discount"] / 12 * age))
    posted = book["payer"] >= first
    final = np.zeros(len(apps))
    np.maximum.at(final, book["payer"][posted] - first, book["month"][posted])
    died = np.where(apps["alive"] == 1, np.inf, final)
    rate = float(shared["apps_entry_discount"] / 12 + shared["apps_exit_hazard"])
    bound = float(shared["apps_entry_growth"])
    for row in np.flatnonzero(apps["alive"] == 1):
        # As `moatlab.market.rules.entry.going_concern`, which takes rows of a running market.
        growth = float(np.clip(state.users["growth"][apps["category"][row]], -bound, bound))
        flow = worth_of_flow(rate, growth * (1 - float(shared["apps_entry_pool"])), float(shared["apps_entry_horizon"]))
        kept = (1 - float(shared["apps_entrant_spending"])) * float(apps["gross_profit"][row])
        left = max(0.0, kept * flow - float(shared["apps_overhead"]) / rate)
        value[row] += left * np.exp(-shared["apps_entry_discount"] / 12 * (last - birth[row]))
    table = pd.DataFrame({"birth": birth, "died": died, "value": value, "generated": apps["generated"] == 1,
                          "category": apps["category"]})  # fmt: skip
    table["cost"] = float(shared["apps_entry_cost"])
    table["seed"] = seed
    return table[table["generated"] & (table["birth"] > 0)].assign(last=last)


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    name = sys.argv[2] if len(sys.argv) > 2 else "essay-2023"
    scenario = Scenario(name).set(dict(ast.literal_eval(sys.argv[3])) if len(sys.argv) > 3 else {})
    table = pd.concat([entrants(scenario, seed) for seed in range(1, seeds + 1)])
    table["year"] = (table["birth"] // 12).astype(int)
    old = table[table["last"] - table["birth"] >= 60]
    print(f"{name}, {seeds} seeds; gone within five years {float((old['died'] - old['birth'] < 60).mean()):.2f}")
    print("year  entrants a run (most)  value over cost: mean, median  gone in five years")
    for year in sorted(set(table["year"])):
        cohort = table[table["year"] == year]
        counts = cohort.groupby("seed").size().reindex(range(1, seeds + 1), fill_value=0)
        early = cohort[cohort["last"] - cohort["birth"] >= 60]
        gone = f"{float((early['died'] - early['birth'] < 60).mean()):.2f}" if len(early) else "-"
        over = cohort["value"] / cohort["cost"]
        head = f"{year + 1:4d}  {counts.mean():8.1f} ({counts.max():3d})"
        print(f"{head}  {over.mean():14.2f} {over.median():8.2f}  {gone:>14}")
    worth = [float(run["value"].sum() / run["cost"].sum()) for _, run in table.groupby("seed")]
    print(f"all: {table['value'].sum() / table['cost'].sum():.2f} of cost; by seed {np.round(worth, 2).tolist()}")


if __name__ == "__main__":
    main()
