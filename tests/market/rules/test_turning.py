"""Who has moved to an own model, or has given it up, does not turn back for some months."""

from __future__ import annotations

import numpy as np

from moatlab import Market, Scenario

ESSAY = Scenario("essay-2023")


def turns(months: float) -> list[tuple[int, int]]:
    """(app, month) of every turn between own model and bought tokens over some seeds."""
    found = []
    for seed in range(1, 4):
        scenario = ESSAY.set({"apps.turning_months": months, "apps.review_rate": 0.5, "apps.team_cost": 0.3})
        market = Market(scenario, rng=seed)
        before = np.zeros(0, np.int64)
        for month in range(96):
            market.step()
            now = market.state.apps["own_model"].astype(np.int64)
            shared = min(len(before), len(now))
            alive = market.state.apps["alive"][:shared] == 1
            found += [
                (seed * 1_000_000 + int(r), month) for r in np.flatnonzero((before[:shared] != now[:shared]) & alive)
            ]
            before = now.copy()
    return found


def gaps(found: list[tuple[int, int]]) -> list[int]:
    """Months between one turn of an app and its next."""
    last: dict[int, int] = {}
    between = []
    for app, month in sorted(found, key=lambda turn: turn[1]):
        if app in last:
            between.append(month - last[app])
        last[app] = month
    return between


def test_who_has_turned_does_not_turn_back_for_a_while() -> None:
    assert min(gaps(turns(0.0)), default=99) < 24
    bound = turns(24.0)
    assert len(bound) > 5 and min(gaps(bound), default=99) >= 24
