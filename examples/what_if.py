"""What if the foundry's capacity halved in month 3?  Pairs of runs that share their random draws.

python examples/what_if.py
"""

from __future__ import annotations

from moatlab import Scenario


def main() -> None:
    """Print the effect on rents and profits in the second year, with intervals and verdicts."""
    scenario = Scenario("essay-2023")
    effects = scenario.compare(
        on={"events": ["month 3: scale foundry.tsmc.capacity 0.5"]},
        seeds=8,
        months=24,
    )
    for metric, smallest in (
        ("market.rent", 0.1),
        ("chipmakers.gross_profit", 25.0),
        ("clouds.gross_profit", 25.0),
    ):
        print(effects.effect(metric, months=(12, 23), smallest=smallest))
        print()


if __name__ == "__main__":
    main()
