"""The race for the best model in essay-2023: what it costs and brings in, whether the last dollar pays, who lives how.

python benchmarks/race.py [SEEDS]            yearly figures, returns, the marginal dollar of training
python benchmarks/race.py lives [SEED]       lives of firms, quarter by quarter
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from moatlab import Market, Scenario
from moatlab.market.agents.kinds import Lab

ESSAY = Scenario("essay-2023")
HONEST = {"labs.optimism": 1.0, "labs.learning": 0.0}
YEARS = 10
#: Monthly rate at which paired runs are compared.
RATE = 0.15 / 12.0
RACERS = ("openai", "google", "anthropic", "meta", "microsoft", "amazon")
#: By how much budgets are scaled, up and down.
STEP = 0.3


class Scaled(Lab):
    """A lab that goes for a multiple of what the rule goes for, at the same speed."""

    factor = 1.0

    def _scaled(self, before: float, after: float) -> float:
        speed = float(self.market.state.shared["labs_budget_speed"][0])
        target = (after - (1.0 - speed) * before) / speed
        return max(0.0, (1.0 - speed) * before + speed * self.factor * target)

    def set_training_budget(self) -> float:
        return self._scaled(float(self.rows["training_budget"][self.row]), super().set_training_budget())

    def set_staff(self) -> float:
        return self._scaled(float(self.rows["staff"][self.row]), super().set_staff())


class More(Scaled):
    """Spends more."""

    factor = 1.0 + STEP


class Less(Scaled):
    """Spends less."""

    factor = 1.0 - STEP


class Stops(Scaled):
    """Trains no more."""

    factor = 0.0


def follow(scenario: Scenario, seed: int, months: int = 12 * YEARS) -> dict[str, Any]:
    """Each lab's month: spending, what its models bring in, and its capability; arrays of [months, labs]."""
    market = Market(scenario, rng=seed)
    kept: dict[str, list[Any]] = {"spent": [], "benefit": [], "capability": [], "alive": [], "sales": []}
    for _ in range(months):
        market.step()
        labs = market.state.labs
        spent = labs["training"] + labs["staff"] + labs["given"] - labs["backing"]
        kept["spent"].append(np.where(labs["alive"] == 1, spent, 0.0))
        benefit = labs["gross_profit"] + labs["own_apps"] + labs["won"] + labs["defended"]
        kept["benefit"].append(np.where(labs["alive"] == 1, benefit, 0.0))
        kept["capability"].append(labs["capability"].copy())
        kept["alive"].append(labs["alive"].copy())
        kept["sales"].append(labs["revenue"] + np.maximum(labs["own_apps"], 0.0))
    return {name: np.array(rows) for name, rows in kept.items()}


def worth(flow: Any) -> Any:
    """Present value of a monthly flow [months, ...]."""
    at = np.arange(len(flow))
    return np.tensordot(np.exp(-RATE * at), flow, axes=1)


def yearly() -> None:
    slugs = ESSAY.slugs("labs")
    runs = [follow(ESSAY, seed) for seed in SEEDS]
    print(f"essay-2023, {len(runs)} seeds, G$ a year, medians")
    for label, name in (("spent by all labs", "spent"), ("profit, won, defended", "benefit")):
        table = [run[name].sum(axis=1).reshape(YEARS, 12).sum(axis=1) / 1e3 for run in runs]
        print(f"  {label:26s}" + "".join(f"{x:7.1f}" for x in np.median(table, axis=0)))
    print("return over ten years: present value of what models bring in over what they cost")
    for index, slug in enumerate(slugs):
        ratio = [worth(run["benefit"][:, index]) / max(worth(run["spent"][:, index]), 1e-9) for run in runs]
        closed = [run["alive"][-1, index] == 0 for run in runs]
        print(f"  {slug:16s}{np.median(ratio):6.2f}   closed in {sum(closed)} of {len(runs)}")
    total = [worth(run["benefit"].sum(axis=1)) / worth(run["spent"].sum(axis=1)) for run in runs]
    print(f"  {'all':16s}{np.median(total):6.2f}")
    print("rank correlations over labs, months 36, 60, 84, 119")
    for label, one, two in (
        ("spending and capability", "spent", "capability"), ("capability and sales", "capability", "sales"),
    ):  # fmt: skip
        found = [[_rank(run, month, one, two) for month in (36, 60, 84, 119)] for run in runs]
        print(f"  {label:26s}" + "".join(f"{x:7.2f}" for x in np.nanmean(found, axis=0)))


def _rank(run: dict[str, Any], month: int, one: str, two: str) -> float:
    from scipy.stats import spearmanr

    year = slice(month - 11, month + 1)
    sells = (run["alive"][month] == 1) & (run["sales"][year].sum(axis=0) > 0.0)
    chosen = sells if "sales" in (one, two) else run["alive"][month] == 1
    return float(spearmanr(run[one][year].mean(axis=0)[chosen], run[two][year].mean(axis=0)[chosen]).statistic)


def marginal() -> None:
    """The last dollar of training: budgets of one lab some per cent up and down, beliefs honest, rivals react."""
    honest = ESSAY.set(HONEST)
    print(f"what the marginal dollar of training returns (budgets x {1 + STEP:g} and {1 - STEP:g}, beliefs honest)")
    for slug in RACERS:
        index = ESSAY.slugs("labs").index(slug)
        found = []
        stopped = []
        for seed in SEEDS:
            base = follow(honest, seed)
            sides = [follow(honest.replace(f"labs.{slug}", kind), seed) for kind in (More, Less, Stops)]
            gain, cost = ([worth(side[name][:, index]) for side in (*sides, base)] for name in ("benefit", "spent"))
            found.append((gain[0] - gain[1]) / (cost[0] - cost[1]))
            stopped.append((gain[3] - gain[2]) / (cost[3] - cost[2]))
        error = np.std(found, ddof=1) / np.sqrt(len(found)) if len(found) > 1 else np.nan
        print(f"  {slug:12s}{np.mean(found):6.2f} (standard error {error:.2f});  who stops loses "
              f"{np.mean(stopped):.2f} of a dollar saved")  # fmt: skip


def lives(seed: int) -> None:
    """What firms decide and get, a line a quarter."""
    market = Market(ESSAY, rng=seed)
    names = {kind: ESSAY.slugs(kind) for kind in ("labs", "clouds", "chipmakers")}
    shown = {
        "labs": (RACERS, ("capability", "training_budget", "belief", "revenue", "own_apps", "won", "lost", "kept",
                          "flow", "claim", "pledge")),
        "clouds": (("aws", "azure", "coreweave"), ("fleet_now", "rent", "full_cost", "order", "revenue", "capex",
                                                   "cash_flow", "depreciation")),
        "chipmakers": (("nvidia", "amd", "google-tpu"), ("price", "cost", "share", "lead_time", "backlog",
                                                         "delivered", "revenue")),
    }  # fmt: skip
    lines: dict[tuple[str, str], list[str]] = {}
    for month in range(12 * YEARS):
        market.step()
        if month % 3:
            continue
        for kind, (slugs, fields) in shown.items():
            for slug in slugs:
                row = getattr(market.state, kind)[names[kind].index(slug)]
                if row["alive"]:
                    line = f"{month:5d}" + "".join(f"{row[field]:16.2f}" for field in fields)
                    lines.setdefault((kind, slug), []).append(line)
    for (kind, slug), rows in lines.items():
        print(f"\n{kind}.{slug}, seed {seed}\nmonth" + "".join(f"{field:>16s}" for field in shown[kind][1]))
        print("\n".join(rows))


if sys.argv[1:2] == ["lives"]:
    lives(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
else:
    SEEDS = range(1, 1 + (int(sys.argv[1]) if len(sys.argv) > 1 else 4))
    yearly()
    marginal()
