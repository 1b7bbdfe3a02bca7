"""A first run and its tables: which layer earns what, and how the rent of a GPU-hour is made up.

python examples/first_run.py
"""

from __future__ import annotations

from moatlab import Market, Scenario


def main() -> None:
    """Simulate three years and print from the tables of layers, the market and firms."""
    run = Market(Scenario("essay-2023"), rng=1).run(36)

    layers = run.layers.to_pandas()
    last_year = layers[layers["month"] >= 24].groupby("layer", sort=False)
    print("Third year, M$:")
    print(last_year[["revenue", "value_added", "gross_profit_after_depreciation"]].sum().round(1))

    market = run.market.to_pandas()
    parts = market[["month", "rent", "marginal_cost", "markup", "scarcity_rent"]]
    print("\nA GPU-hour, $: rent = running cost + markup + scarcity rent")
    print(parts[parts["month"].isin([0, 12, 24, 35])].round(2).to_string(index=False))

    firms = run.firms.to_pandas()
    labs = firms[(firms["kind"] == "labs") & (firms["month"] == 35)].sort_values("share", ascending=False)
    print("\nLabs in the last month:")
    print(labs[["name", "share", "price", "capability"]].head(3).round(3).to_string(index=False))

    # One metric by its address, as a pandas series; `moatlab explain labs.openai.share` says what it is.
    print(f"\nOpenAI's share of labs' revenue in the last month: {run.series('labs.openai.share').iloc[-1]:.2f}")


if __name__ == "__main__":
    main()
