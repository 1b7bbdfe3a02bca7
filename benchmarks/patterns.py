"""Patterns by rival rules: which decision rules and parameters of essay-2023 show what such a market should show.

Run as `python benchmarks/patterns.py [seeds]`.  A row changes one rule or parameter, a column is a pattern, a cell the
share of seeds in which ten years of the market show it.  All rows share their luck.  A row is marked `rejected` where a
pattern that most seeds of the base show is lost in most of its own (Grimm et al. 2005, pattern-oriented modelling).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from moatlab import Market, Results, Scenario

MONTHS = 120
FIRST_SEED = 2000

RIVALS: dict[str, dict[str, object]] = {
    "base": {},
    "apps' prices frozen": {"apps.*.price_rule": "frozen"},
    "apps' prices by markup 1": {"apps.*.price_rule": "markup"},
    "apps price a month ahead": {"apps.planning_horizon": 1.0},
    "labs' prices frozen": {"labs.*.price_rule": "frozen"},
    "labs' prices by markup 1": {"labs.*.price_rule": "markup", "labs.*.markup": 1.0},
    "list prices for all": {"labs.negotiation": False},
    "clouds' reserves frozen": {"clouds.*.price_rule": "frozen"},
    "orders gross of pipeline": {"clouds.pipeline_weight": 0.0},
    "fleets stand still": {"clouds.capacity_rule": "fixed"},
    "graduation off": {"apps.graduation": "off"},
    "graduation forced": {"apps.graduation": "forced"},
    "routing without inertia": {"apps.routing_inertia": 0.0, "apps.routing_speed": 1.0},
    "routing to the best alone": {
        "apps.routing_inertia": 0.0,
        "apps.routing_speed": 1.0,
        "apps.routing_sharpness": 100.0,
    },
    "leak half-life times 3": {"labs.leak_half_life": 30.0},
    "leads never leak": {"labs.leak_half_life": 1e6},
    "models alike everywhere": {"labs.specialisation": 0.0},
    "no hype feedback": {"investors.hype_feedback": 0.0},
    "entry off": {"apps.entry_rate": 0.0},
    "features never outdate": {"apps.obsolescence": 0.0, "apps.imitation": 0.0},
    "no tourists": {"users.*.tourist_share": 0.0},
    "strong network effects": {"users.*.network_taste": 6.0},
    "no ecosystem of chips": {
        "chipmakers.ecosystem_taste": 0.0,
        "chipmakers.software_gain": 0.0,
        "chipmakers.*.software": 0.0,
    },
    "ecosystem of chips x 2": {"chipmakers.ecosystem_taste": 1.0, "chipmakers.software_gain": 1.4},
}


@dataclass(frozen=True)
class Run:
    """What the patterns look at, of one run."""

    results: Results

    def path(self, metric: str) -> np.ndarray:
        """The metric by month."""
        return self.results.series(metric).to_numpy(float)

    def year(self, metric: str, year: int) -> float:
        """Mean of the metric over a year, from 1 on."""
        return float(self.path(metric)[12 * (year - 1) : 12 * year].mean())

    def leaders(self, month: int) -> dict[str, str]:
        """The app with the largest revenue of each category in a month."""
        firms = self.results.firms.to_pandas()
        apps = firms[(firms["kind"] == "apps") & (firms["month"] == month)].sort_values("revenue")
        return dict(zip(apps["category"].astype(str), apps["slug"].astype(str), strict=True))


def rent_peaks(run: Run) -> bool:
    """The rent rises by a fifth within two years and falls to half of its peak within five after it."""
    rent = run.path("market.rent")
    peak = int(rent[:24].argmax())
    return bool(rent[peak] > 1.2 * rent[0] and rent[peak : peak + 60].min() < 0.5 * rent[peak])


def churn_falls(run: Run) -> bool:
    """Churn of the fifth year is below 0.8 of the first one's."""
    return run.year("apps.churn", 5) < 0.8 * run.year("apps.churn", 1)


def margins_start(run: Run) -> bool:
    """The median app's gross margin of the first year lies between 0.5 and 0.68."""
    return 0.5 < run.year("apps.margin_median", 1) < 0.68


def labs_spend_half(run: Run) -> bool:
    """Labs' inference spending of the first year is between 0.4 and 0.6 of their revenue from tokens."""
    return 0.4 < run.year("labs.inference_ratio", 1) < 0.6


def margins_rise(run: Run) -> bool:
    """Apps' median gross margin is higher in the tenth year than in the first, tokens having become cheaper."""
    cheaper = run.year("market.unit_token_price", 10) < 0.5 * run.year("market.unit_token_price", 1)
    return cheaper and run.year("apps.margin_median", 10) > run.year("apps.margin_median", 1) + 0.02


def customers_are_skewed(run: Run) -> bool:
    """Five apps are the majority of the first year's API revenue, and more than a tenth of the tenth's."""
    return run.year("labs.top5_customers", 1) > 0.5 and run.year("labs.top5_customers", 10) > 0.1


def leaders_change(run: Run) -> bool:
    """In at least three categories another app leads at the end than after the first year."""
    early, late = run.leaders(11), run.leaders(MONTHS - 1)
    return sum(late.get(category) != slug for category, slug in early.items()) >= 3


def lab_leads_pass(run: Run) -> bool:
    """The lab with the best model changes at least twice in ten years, looked at once a year."""
    firms = run.results.firms.to_pandas()
    labs = firms[firms["kind"] == "labs"]
    best = [str(labs[labs["month"] == m].sort_values("capability")["slug"].iloc[-1]) for m in range(11, MONTHS, 12)]
    return sum(a != b for a, b in pairwise(best)) >= 2


def shares_glide(run: Run) -> bool:
    """In a usual month less than five per cent of labs' revenue changes hands; in ten months at most over a fifth."""
    firms = run.results.firms.to_pandas()
    shares = firms[firms["kind"] == "labs"].pivot_table(index="month", columns="slug", values="share").fillna(0.0)
    moved = 0.5 * np.abs(np.diff(shares.to_numpy(), axis=0)).sum(axis=1)
    return bool(np.median(moved) < 0.05 and (moved > 0.2).sum() <= 10)


def no_monopoly(run: Run) -> bool:
    """No category of apps and no layer but the foundry ends with a firm that has 0.8 of its revenue."""
    categories = run.results.categories.to_pandas()
    worst = [float(categories.loc[categories["month"] == MONTHS - 1, "top1"].max())]
    worst += [run.path(f"{layer}.top1")[-1] for layer in ("labs", "hosts", "clouds", "chipmakers")]
    return max(worst) < 0.8


def chip_lead_erodes(run: Run) -> bool:
    """The leader's share falls from the first year to the fifth and on to the tenth, but in no year by over 0.12."""
    share = [run.year("chipmakers.nvidia.share", year) for year in range(1, 11)]
    return share[0] > share[4] > share[9] > 0.2 and max(a - b for a, b in pairwise(share)) < 0.12


def own_models_are_some(run: Run) -> bool:
    """Own models carry between 0.05 and 0.5 of the tokens of the tenth year."""
    return 0.05 < run.year("apps.own_model_share", 10) < 0.5


def chips_never_stop(run: Run) -> bool:
    """A quarter's deliveries are never below a tenth of the best quarter before."""
    quarters = np.convolve(run.path("market.deliveries"), np.ones(3), "valid")
    return bool((quarters >= 0.1 * np.maximum.accumulate(quarters)).all())


def boom_without_bust(run: Run) -> bool:
    """Chipmakers' revenue of twelve months is never below half of the best twelve months before."""
    years = np.convolve(run.path("chipmakers.revenue"), np.ones(12), "valid")
    return bool((years >= 0.5 * np.maximum.accumulate(years)).all())


def firms_come_and_go(run: Run) -> bool:
    """Apps enter and leave in every year from the third on."""
    flows = [run.path(f"apps.{flow}")[24:].reshape(-1, 12).sum(axis=1) for flow in ("entries", "exits")]
    return bool(min(flow.min() for flow in flows) > 0)


PATTERNS: dict[str, Callable[[Run], bool]] = {
    "rent": rent_peaks,
    "churn": churn_falls,
    "margin": margins_start,
    "labcost": labs_spend_half,
    "rising": margins_rise,
    "skew": customers_are_skewed,
    "leaders": leaders_change,
    "labs": lab_leads_pass,
    "glide": shares_glide,
    "monopoly": no_monopoly,
    "chips": chip_lead_erodes,
    "own": own_models_are_some,
    "deliver": chips_never_stop,
    "bust": boom_without_bust,
    "flows": firms_come_and_go,
}


def main(seeds: int = 16) -> None:
    """Print what each pattern is, the table, and which rows are rejected by which pattern."""
    for name, test in PATTERNS.items():
        print(f"{name:<9} {(test.__doc__ or '').strip()}")
    print("\n" + " " * 26 + "".join(f"{name:>9}" for name in PATTERNS))
    table: dict[str, np.ndarray] = {}
    for rival, settings in RIVALS.items():
        scenario = Scenario("essay-2023").set(settings)
        runs = (Run(Market(scenario, rng=FIRST_SEED + seed).run(MONTHS)) for seed in range(seeds))
        table[rival] = np.mean([[test(run) for test in PATTERNS.values()] for run in runs], axis=0)
        print(f"{rival:<26}" + "".join(f"{cell:>9.2f}" for cell in table[rival]), flush=True)
    print()
    for rival, cells in table.items():
        lost = [name for name, cell, base in zip(PATTERNS, cells, table["base"], strict=True) if cell < 0.5 <= base]
        print(f"{rival:<26} " + (f"rejected by {', '.join(lost)}" if lost else "not rejected"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 16)
