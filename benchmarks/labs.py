"""Labs' rivalry in essay-2023: shares of revenue, how they move, and whether revenue follows capability.

python benchmarks/labs.py [SEEDS]
"""

from __future__ import annotations

import sys

import numpy as np

from moatlab import Market, Scenario

SEEDS = range(1, 1 + (int(sys.argv[1]) if len(sys.argv) > 1 else 6))
MONTHS, LOOKED_AT = 120, (1, 11, 23, 35, 59, 83, 119)

shares, moves, ranks, largest = [], [], [], []
for seed in SEEDS:
    firms = Market(Scenario("essay-2023"), rng=seed).run(MONTHS).firms.to_pandas()
    labs = firms[firms["kind"] == "labs"]
    sells = [slug for slug in Scenario("essay-2023").slugs("labs") if Scenario("essay-2023").value("labs", slug, "api")]
    labs = labs[labs["slug"].isin(sells)]
    revenue = labs.pivot_table(index="month", columns="slug", values="revenue").fillna(0.0)
    capability = labs.pivot_table(index="month", columns="slug", values="capability")
    share = revenue.div(revenue.sum(axis=1), axis=0)
    shares.append([share.loc[m, "openai"] for m in LOOKED_AT])
    largest.append([share.loc[m].max() for m in LOOKED_AT])
    ranks.append([revenue.loc[m].corr(capability.loc[m], method="spearman") for m in LOOKED_AT])
    # The largest move of any lab's share in a month, from the second year to the eighth.
    moves.append(share.diff().abs().max(axis=1).loc[12:95].quantile([0.5, 0.9, 0.99, 1.0]))
print(f"essay-2023, means of {len(shares)} seeds" + " " * 10 + "".join(f"{m:>8d}" for m in LOOKED_AT) + "  month")
for label, table in (
    ("OpenAI's share of labs' revenue", shares),
    ("the largest lab's share", largest),
    ("rank correlation, capability and revenue", ranks),
):
    print(f"{label:44s}" + "".join(f"{x:8.2f}" for x in np.mean(table, axis=0)))
middle, high, highest, most = 100 * np.mean(moves, axis=0)
print(
    f"largest monthly move of a share, points: median {middle:.1f}, 90 % {high:.1f}, 99 % {highest:.1f}, max {most:.1f}"
)
