"""A firm of one's own: a cloud that orders half as many chips again as the compiled rule would.

python examples/own_firm.py
"""

from __future__ import annotations

from moatlab import Cloud, Market, Scenario


class Builder(Cloud):
    """Orders more than the rule says, as long as it orders at all."""

    def set_order(self) -> float:
        """Accelerators ordered this month, kGPU; ``super()`` returns the compiled rule's choice."""
        order = super().set_order()
        return 1.5 * order if order > 0.0 else order


def main() -> None:
    """Compare the cloud with and without the strategy, under the same random draws."""
    scenario = Scenario("essay-2023")
    for name, chosen in (("by the rule", scenario), ("builder", scenario.replace("clouds.coreweave", Builder))):
        market = Market(chosen, rng=1)
        run = market.run(60)
        share, profit = run.series("clouds.coreweave.share"), run.series("clouds.coreweave.gross_profit")
        print(
            f"{name:12s} CoreWeave's share of clouds' revenue in month 12, 36, 60: "
            f"{share.iloc[11]:.3f}  {share.iloc[35]:.3f}  {share.iloc[59]:.3f}; "
            f"gross profit of five years {profit.sum():,.0f} M$; rent at the end {run.path('market.rent')[-1]:.2f} $"
        )


if __name__ == "__main__":
    main()
