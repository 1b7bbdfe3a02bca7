"""Tipping: whether direct network effects make one app win its category, from which strength on, and from which side.

In a month in which categories have customers, all customers of a category are shared out again: evenly among its apps,
or most of them to one.  From there the market runs on.  Below a first strength both starts come to the same leader's
share; beyond a second the even one tips as well; between the two what the market comes to depends on where it began
(hysteresis; Arthur 1989).  Within one start, seeds that part into tipped and even ones show as a bimodality.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from moatlab.evidence.inference import Array, Mean
from moatlab.market.market import Market
from moatlab.scenario.scenario import Scenario

#: Starts, and the share of a category's customers that a dominant app begins with.
EVEN, DOMINANT = "even", "dominant"
STARTS = (EVEN, DOMINANT)
GIVEN = 0.9
#: A category has tipped where its leader has more than this part of what it lacks at the smallest strength.
TIPPED = 0.5
#: Difference between the starts in the leader's share from which on it matters where the market began.
APART = 0.05
#: Address of the strength, and strengths that are tried by default, utils.
STRENGTH = "users.*.network_taste"
STRENGTHS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0)
#: Months at the end whose mean is the outcome; bimodality coefficient of a uniform distribution (Sarle).
YEAR, UNIFORM = 12, 5.0 / 9.0


@dataclass(frozen=True)
class Plan:
    """A study: customers are shared out again in ``month``, and ``after`` months later it is seen what came of it."""

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
    """Share the customers of every category out again, in the proportion of tourists and committed that each has.

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

    def _share(self, strength: int, start: str, category: int) -> Array:
        """The leader's share by seed."""
        return np.asarray(self.shares[:, strength, STARTS.index(start), category, 0])

    def tipped(self, strength: int, start: str, category: int) -> float:
        """Share of seeds that end with a leader beyond half-way between its share without network effects and one."""
        base = float(np.nanmedian(self._share(0, EVEN, category)))
        return float((self._share(strength, start, category) > base + TIPPED * (1.0 - base)).mean())

    def apart(self, strength: int, category: int) -> Mean:
        """The leader's share from a dominant start less that from an even one, pairs of the same seed."""
        return Mean(self._share(strength, DOMINANT, category) - self._share(strength, EVEN, category))

    @property
    def categories(self) -> list[tuple[int, str]]:
        """Place and name of the categories that have two apps or more in every seed."""
        slugs = self.plan.scenario.slugs("users")
        return [(k, slug) for k, slug in enumerate(slugs) if np.isfinite(self.shares[:, :, :, k]).all()]

    def table(self) -> pd.DataFrame:
        """A row a category, strength and start: the leader's share over seeds, seeds tipped, and bimodality.

        ``first_leads`` is the share of seeds in which the app that was the largest still is.
        """
        rows = []
        for k, category in self.categories:
            for i, strength in enumerate(self.plan.strengths):
                for j, start in enumerate(STARTS):
                    share = self._share(i, start, k)
                    low, middle, high = np.quantile(share, (0.05, 0.5, 0.95))
                    rows.append({
                        "category": category, "strength": strength, "start": start, "share": middle, "low": low,
                        "high": high, "tipped": self.tipped(i, start, k), "bimodality": bimodality(share),
                        "first_leads": float(self.shares[:, i, j, k, 1].mean()), "seeds": len(share),
                    })  # fmt: skip
        return pd.DataFrame(rows)

    def thresholds(self) -> pd.DataFrame:
        """By category: the strength from which most seeds end tipped from either start, and where the starts differ.

        ``apart_from`` and ``apart_to`` are the first and last strength at which the 95 % interval of the difference
        between the starts lies above `APART`.  Infinite and not-a-number where no strength that was tried does it.
        """
        rows = []
        for k, category in self.categories:
            first = {}
            for start in STARTS:
                beyond = [s for i, s in enumerate(self.plan.strengths) if self.tipped(i, start, k) > 0.5]
                first[start] = beyond[0] if beyond else float("inf")
            apart = [s for i, s in enumerate(self.plan.strengths) if self.apart(i, k).interval()[0] > APART]
            humps = [bimodality(self._share(i, start, k)) for i in range(len(self.plan.strengths)) for start in STARTS]
            rows.append({
                "category": category, "from_above": first[DOMINANT], "from_below": first[EVEN],
                "hysteresis": bool(apart), "apart_from": min(apart, default=float("nan")),
                "apart_to": max(apart, default=float("nan")),
                **{f"first_leads_{start}": float(self.shares[:, -1, j, k, 1].mean()) for j, start in enumerate(STARTS)},
                "most_bimodal": float(np.nanmax(humps)) if np.isfinite(humps).any() else float("nan"),
            })  # fmt: skip
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
                f"(hysteresis). The scenario's strength is {float(base):g}.")  # fmt: skip
