"""Tipping: whether direct network effects make one app win its category, from which strength on, and from which side.

In a month in which categories have customers, all customers of a category are shared out anew: evenly among its apps,
or most of them to one.  From there the market runs on.  Below a first strength both starts come to the same leader's
share; beyond a second the even one tips as well; between the two what the market comes to depends on where it began
(hysteresis; Arthur 1989).  Within one start, seeds that part into tipped and even ones show as a bimodality.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from moatlab.evidence.inference import Array
from moatlab.market.market import Market
from moatlab.scenario.scenario import Scenario

#: Starts, the share of a category's customers that a dominant app begins with, and the share that says "tipped".
EVEN, DOMINANT = "even", "dominant"
STARTS = (EVEN, DOMINANT)
GIVEN, TIPPED = 0.9, 0.5
#: Address of the strength, and strengths that are tried by default, utils.
STRENGTH = "users.*.network_taste"
STRENGTHS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0)
#: Months at the end whose mean is the outcome; bimodality coefficient of a uniform distribution (Sarle).
YEAR, UNIFORM = 12, 5.0 / 9.0


@dataclass(frozen=True)
class Plan:
    """A study: customers are shared out anew in ``month``, and ``after`` months later it is seen what came of it."""

    scenario: Scenario
    strengths: tuple[float, ...] = STRENGTHS
    month: int = 24
    after: int = 84
    seeds: int = 16
    seed: int = 1

    @property
    def runs(self) -> int:
        """All runs."""
        return len(self.strengths) * len(STARTS) * self.seeds


def run_seed(plan: Plan, seed: int) -> Array:
    """Leaders' shares of customers [strengths, starts, categories, 2] and whether the app that was given most leads.

    The last axis holds the mean share of the largest app over the last year, and 1 where the app that began as the
    largest has it, else 0; not-a-number for a category with fewer than two apps.
    """
    slugs = plan.scenario.slugs("users")
    found = np.full((len(plan.strengths), len(STARTS), len(slugs), 2), np.nan)
    for i, strength in enumerate(plan.strengths):
        scenario = plan.scenario.set({STRENGTH: strength})
        for j, how in enumerate(STARTS):
            market = Market(scenario, rng=seed, detail="layer")
            if plan.month:
                market.run(plan.month)
            first = share_out(market, how)
            shares = np.zeros(len(slugs))
            for month in range(plan.after):
                market.step()
                if month >= plan.after - YEAR:
                    shares += np.array([_leader(market, k)[1] for k in range(len(slugs))]) / min(YEAR, plan.after)
            for k, identity in enumerate(first):
                if identity is not None:
                    found[i, j, k] = shares[k], float(_leader(market, k)[0] == identity)
    return found


def share_out(market: Market, how: str) -> list[int | None]:
    """Share the customers of every category out anew, in the proportion of tourists and committed that each has.

    Returns the identity of each category's largest app, which gets most of them where ``how`` is "dominant"; None for
    a category with fewer than two apps.
    """
    state, found = market.state, list[int | None]()
    for k in range(len(state.users)):
        rows = _apps_of(market, k)
        if len(rows) < 2:
            found.append(None)
            continue
        held = state.apps["tourists"][rows] + state.apps["committed"][rows]
        largest = int(np.argmax(held))
        part = np.full(len(rows), 1.0 / len(rows))
        if how == DOMINANT:
            part[:] = (1.0 - GIVEN) / (len(rows) - 1)
            part[largest] = GIVEN
        for name in ("tourists", "committed"):
            state.apps[name][rows] = part * float(state.apps[name][rows].sum())
        found.append(int(state.apps["identity"][rows[largest]]))
    return found


def _apps_of(market: Market, category: int) -> np.ndarray:
    live = np.asarray(market.state.live)
    return np.asarray(live[market.state.apps["category"][live] == category])


def _leader(market: Market, category: int) -> tuple[int, float]:
    """Identity and share of customers of the largest app of a category; a share of 0 where it has none."""
    apps, rows = market.state.apps, _apps_of(market, category)
    held = apps["tourists"][rows] + apps["committed"][rows]
    total = float(held.sum()) if len(rows) else 0.0
    if total <= 0.0:
        return -1, 0.0
    best = int(np.argmax(held))
    return int(apps["identity"][rows[best]]), float(held[best]) / total


def bimodality(values: Array) -> float:
    """Sarle's coefficient, (skewness^2 + 1) / kurtosis with the correction for few values.

    5/9 for a uniform distribution and more for two humps, 1 for two points; not-a-number for fewer than four values
    or values that are all equal.
    """
    known = values[np.isfinite(values)]
    count = len(known)
    if count < 4 or np.ptp(known) < 1e-12:
        return float("nan")
    skew = float(stats.skew(known, bias=False))
    excess = float(stats.kurtosis(known, bias=False))
    return (skew**2 + 1.0) / (excess + 3.0 * (count - 1) ** 2 / ((count - 2) * (count - 3)))


@dataclass(frozen=True)
class Tipping:
    """What all seeds gave: ``shares`` [seeds, strengths, starts, categories, 2] as in `run_seed`."""

    plan: Plan
    shares: Array

    def table(self) -> pd.DataFrame:
        """A row a category, strength and start: the leader's share over seeds, seeds tipped, and bimodality."""
        rows = []
        for k, category in enumerate(self.plan.scenario.slugs("users")):
            for i, strength in enumerate(self.plan.strengths):
                for j, start in enumerate(STARTS):
                    share = self.shares[:, i, j, k, 0]
                    known = share[np.isfinite(share)]
                    if not len(known):
                        continue
                    low, middle, high = np.quantile(known, (0.05, 0.5, 0.95))
                    rows.append({
                        "category": category, "strength": strength, "start": start, "share": middle, "low": low,
                        "high": high, "tipped": float((known > TIPPED).mean()), "bimodality": bimodality(known),
                        "first_leads": float(np.nanmean(self.shares[:, i, j, k, 1])), "seeds": len(known),
                    })  # fmt: skip
        return pd.DataFrame(rows)

    def thresholds(self) -> pd.DataFrame:
        """By category: the strength from which most seeds end tipped, from either start, and what lies between.

        Infinite where no strength that was tried does it.
        """
        table, rows = self.table(), []
        for category, mine in table.groupby("category", sort=False):
            first = {}
            for start in STARTS:
                by = mine[mine["start"] == start].sort_values("strength")
                beyond = by[by["tipped"] > 0.5]["strength"]
                first[start] = float(beyond.iloc[0]) if len(beyond) else float("inf")
            most = mine["bimodality"].max()
            rows.append({"category": category, "from_above": first[DOMINANT], "from_below": first[EVEN],
                         "hysteresis": first[EVEN] > first[DOMINANT], "most_bimodal": most})  # fmt: skip
        return pd.DataFrame(rows)

    def sentence(self) -> str:
        """The finding."""
        table = self.thresholds()
        tips = table[np.isfinite(table["from_below"])]
        kept = table[table["hysteresis"]]
        last = max(self.plan.strengths)
        told = (f"Of {len(table)} categories {len(tips)} tip from an even start at a strength of up to {last:g}"
                + (f" (the first at {tips['from_below'].min():g})" if len(tips) else ""))  # fmt: skip
        base = self.plan.scenario.value("users", self.plan.scenario.slugs("users")[0], "network_taste")
        return (f"{told}; in {len(kept)} a leader keeps, over some range of strengths, what it would not win "
                f"(hysteresis). The scenario has {float(base):g}.")  # fmt: skip
