"""What holds apps' own models where they are in essay-2023: share of tokens and of apps after ten years, by arm.

Run as `python benchmarks/own_models.py [seeds]`.  Each arm changes one thing; all share their luck.
"""

from __future__ import annotations

import sys

from moatlab import Market, Scenario

ARMS: dict[str, dict[str, object]] = {
    "as it is": {},
    "no negotiated prices": {"labs.negotiation": False},
    "no team, no upkeep": {"apps.team_cost": 0.0, "apps.refresh_cost": 0.0},
    "as efficient as a lab": {"apps.own_overhead": 0.0, "apps.own_idle": 0.0},
    "always up to date": {"apps.review_rate": 1.0},
    "labs alike in all categories": {"labs.specialisation": 0.0},
    "labs at cost": {"labs.*.price_rule": "markup", "labs.*.markup": 0.05},
    "no entry of hosts": {"hosts.entry_speed": 0.0},
    "no open checkpoints": {"labs.stability.open": False, "labs.open-research.open": False},
}


def main(seeds: int = 8) -> None:
    """Print the table: means over seeds of the last year."""
    print(f"{'arm':<30}{'tokens':>10}{'apps':>10}{'API M$':>10}")
    for name, settings in ARMS.items():
        rows = []
        for seed in range(seeds):
            results = Market(Scenario("essay-2023").set(settings), rng=seed).run(120)
            last = [results.series(m).iloc[-12:].mean() for m in ("apps.own_model_share", "apps.own_models")]
            firms = results.series("apps.firms").iloc[-12:].mean()
            rows.append((last[0], last[1] / firms, results.series("labs.api_revenue").iloc[-12:].mean()))
        share, apps, api = (sum(column) / seeds for column in zip(*rows, strict=True))
        print(f"{name:<30}{share:>10.3f}{apps:>10.3f}{api:>10.0f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
