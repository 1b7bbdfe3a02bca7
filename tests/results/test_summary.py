"""The summary: figures that another sum confirms, in one screen, for runs of any length and number of seeds."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.results.frames import Frames
from moatlab.results.payments import INFRASTRUCTURE
from moatlab.results.results import frames
from moatlab.results.text.captured import GLOSS, lead_sentence
from moatlab.results.text.numbers import cents, count, number, percent
from moatlab.results.text.summary import summarise
from moatlab.results.text.windows import Paths, cell, periods


def tables(scenario: Scenario | str, months: int, seeds: int = 1) -> Frames:
    return frames([Market(scenario, rng=seed).run(months) for seed in range(1, seeds + 1)], money=True)


@pytest.fixture(scope="module")
def decade() -> Frames:
    return tables("essay-2023", 40)


@pytest.fixture(scope="module")
def seeds_of_tiny() -> Frames:
    return tables("tiny", 26, seeds=3)


def block(text: str, head: str) -> dict[str, list[str]]:
    """The rows of the table whose first line starts with ``head``: columns are two spaces apart."""
    lines = text.splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith(head + "  "))
    rows = {}
    for line in lines[first + 1 :]:
        if not line.strip():
            break
        cells = re.split(r"\s{2,}", line.strip())
        rows[cells[0]] = cells[1:]
    return rows


def test_who_captured_what_is_the_sum_of_the_layers_tables(decade: Frames) -> None:
    rows = block(summarise(decade), "2023")
    layers, market = decade.layers, decade.market.set_index("month")
    year = layers[layers["month"] < 12]
    profit = {str(layer): sums for layer, sums in year.groupby("layer")["economic_profit"].sum().items()}
    generative = dict(profit)
    for layer in INFRASTRUCTURE:
        mine = year[year["layer"] == layer].set_index("month")["economic_profit"]
        generative[layer] = (mine * market["generative_share"]).sum()
    attributed = sum(max(v, 0.0) for v in generative.values())
    for name, of_layer in year.groupby("layer"):
        layer = str(name)
        revenue, added, gross, operating, economic, part, share = rows[layer][:7]
        assert revenue == number(of_layer["revenue"].sum() / 1000)
        assert added == number(of_layer["value_added"].sum() / 1000)
        assert gross == number(of_layer["gross_profit_after_depreciation"].sum() / 1000)
        assert operating == number(of_layer["operating_profit"].sum() / 1000)
        assert economic == number(profit[layer] / 1000)
        assert part == number(generative[layer] / 1000)
        assert share == percent(max(generative[layer], 0.0) / attributed)
    assert rows["foundry"][-1] == "TSMC 100 %" and rows["foundry"][-2] == "1.0"


def test_since_when_a_layer_leads_is_seen_in_sums_of_twelve_months(decade: Frames) -> None:
    """Clouds earn 10 a month throughout, apps 29 from the third year on: ahead from the fifth of these months on."""
    planted = decade.layers.assign(generative_profit=0.0)
    late = planted["month"] >= 24
    planted.loc[planted["layer"] == "clouds", "generative_profit"] = 10.0
    planted.loc[(planted["layer"] == "apps") & late, "generative_profit"] = 29.0
    said = lead_sentence(Paths(replace(decade, layers=planted)))
    # Sums of twelve months: 29 n against 120, ahead for n above 4.
    assert said == "Over twelve months apps have earned most since 2025-05, before that clouds."
    planted.loc[planted["layer"] == "apps", "generative_profit"] = 0.0
    assert lead_sentence(Paths(replace(decade, layers=planted))) == "Over any twelve months clouds earned most."
    assert lead_sentence(Paths(decade)) in summarise(decade).replace("\n", " ")


def test_seeds_that_end_with_another_leader_are_counted(seeds_of_tiny: Frames) -> None:
    planted = seeds_of_tiny.layers.assign(generative_profit=0.0)
    for seed, layer in zip(seeds_of_tiny.seeds, ("apps", "apps", "labs"), strict=True):
        planted.loc[(planted["seed"] == seed) & (planted["layer"] == layer), "generative_profit"] = 1.0
    said = lead_sentence(Paths(replace(seeds_of_tiny, layers=planted)))
    assert said == "Over any twelve months apps earned most in 2 of 3 seeds."


def test_the_first_lines_name_those_who_captured_most(decade: Frames) -> None:
    text = summarise(decade)
    rows = block(text, "2023")
    first = max(rows, key=lambda layer: float(rows[layer][6].removesuffix(" %")))
    flat = " ".join(text.split())
    assert f"2023: {first} earned {rows[first][6]} of the economic profit on generative AI ({GLOSS})" in flat
    assert f"losses, $ bn: labs {rows['labs'][5].removeprefix('-')}" in flat and rows["labs"][5].startswith("-")
    # The definition is said once.
    assert flat.count(GLOSS) == 1
    assert text.startswith(decade.title)


def test_measures_that_order_the_layers_otherwise_are_named(decade: Frames) -> None:
    text = " ".join(summarise(decade).split())
    layers, market = decade.layers, decade.market.set_index("month")
    year = layers[layers["month"] >= layers["month"].max() - 11]

    def order(column: str) -> tuple[list[str], str]:
        profit = {}
        for name, mine in year.groupby("layer"):
            dollars = mine.set_index("month")[column]
            profit[str(name)] = float((dollars * (market["generative_share"] if name in INFRASTRUCTURE else 1.0)).sum())
        ranked = sorted(profit, key=lambda layer: -profit[layer])
        return ranked, ", ".join(f"{layer} {number(profit[layer] / 1000)}" for layer in ranked[:3])

    own, _ = order("economic_profit")
    others = (("operating profit", "operating_profit"), ("gross profit", "gross_profit_after_depreciation"),
              ("value added", "value_added"))  # fmt: skip
    differ = [f"{name} ({order(column)[1]})" for name, column in others if order(column)[0] != own]
    assert differ and "other measures would order the layers otherwise" in text
    assert all(told in text for told in differ)


def test_no_other_order_is_said_where_there_is_none(seeds_of_tiny: Frames) -> None:
    same = seeds_of_tiny.layers.copy()
    infrastructure = same["layer"].isin(INFRASTRUCTURE)
    for column in ("operating_profit", "gross_profit_after_depreciation", "value_added"):
        # What is attributed of it is what economic profit is.
        share = same.merge(seeds_of_tiny.market[["seed", "month", "generative_share"]])["generative_share"].to_numpy()
        same[column] = np.where(infrastructure, same["generative_profit"] / share, same["generative_profit"])
    text = " ".join(summarise(replace(seeds_of_tiny, layers=same)).split())
    assert "operating profit, gross profit and value added would order the layers as economic profit does." in text


def test_owners_who_earn_and_lose_most_are_named(decade: Frames) -> None:
    text = " ".join(summarise(decade).split())
    assert decade.owners is not None
    year = decade.owners[decade.owners["month"] >= 28]
    profit = (year.groupby("name")["generative_profit"].sum() / 1000).sort_values()
    best = ", ".join(f"{name} {number(profit[name])}" for name in profit.index[::-1][:4])
    worst = ", ".join(f"{name} {number(-profit[name])}" for name in profit.index[:4])
    assert f"by owner, $ bn: {best}; losses: {worst}." in text
    lost, kept = (number(decade.market[f"labs.{n}"].iloc[-12:].sum() / 1000) for n in ("lost", "defended"))
    assert f"lost to others' models, {lost}; what their labs' models kept of these for them, {kept}, is in" in text
    assert "by owner" not in summarise(replace(decade, owners=None))


def test_it_fits_a_screen(decade: Frames, seeds_of_tiny: Frames) -> None:
    for of in (decade, seeds_of_tiny):
        lines = summarise(of).splitlines()
        assert len(lines) <= 78 and max(map(len, lines)) <= 145


def test_several_seeds_show_the_median_and_the_band(seeds_of_tiny: Frames) -> None:
    text = summarise(seeds_of_tiny)
    assert "(3 seeds from 1; medians, with the 5-95 % range of shares and prices)" in text
    told = block(text, "Monthly means, and totals of the period")["rent of a GPU-hour, $"][0]
    rents = seeds_of_tiny.market[seeds_of_tiny.market["month"] < 12].groupby("seed")["rent"].mean()
    low, high = (number(float(rents.quantile(q))) for q in (0.05, 0.95))
    assert told == f"{number(float(rents.median()))} ({low}-{high})"
    assert "Closed Lab (in 3 of 3)" in block(text, "2023")["labs"][-1]


def test_sources_of_income_are_those_of_the_table_of_money(decade: Frames) -> None:
    """The last twelve months, or the year asked for; income and its parts against sums of the table of money."""
    assert decade.money is not None
    for told, first in ((summarise(decade), 28), (summarise(decade, 2024), 12)):
        name = "2024" if first == 12 else "2025-05 to 2026-04"
        rows = block(told, f"Sources of income, {name}")
        year = decade.money[decade.money["month"].between(first, first + 11)]
        for layer, mine in year.groupby("layer"):
            by_pool = mine.groupby("pool")["received"].sum()
            income, *parts = rows[str(layer)][:5]
            assert income == number(by_pool.sum() / 1000)
            assert parts == [percent(by_pool[p] / by_pool.sum()) for p in ("users", "outside", "funding", "owners")]
        for column in (5, 6, 7):
            assert sum(float(row[column]) for row in rows.values()) == pytest.approx(1.0, abs=0.031)


def test_events_are_named(seeds_of_tiny: Frames) -> None:
    event = "month 3: scale foundry.fab.capacity 2"
    assert f"\nEvents: {event}\n\n" in summarise(replace(seeds_of_tiny, events=((3, event),)))
    assert "Events" not in summarise(seeds_of_tiny)


def test_without_money_there_is_no_table_of_it(seeds_of_tiny: Frames) -> None:
    assert "Sources of income" in summarise(seeds_of_tiny)
    assert "Sources of income" not in summarise(replace(seeds_of_tiny, money=None))


def test_retention_is_that_of_the_customers_who_joined(decade: Frames) -> None:
    told = block(summarise(decade), "Monthly means, and totals of the period")["12-month retention"]
    assert told[0] == "-"
    came = decade.categories.set_index(["category", "month"])["joined"]
    curves = decade.retention[decade.retention["age"] == 12].set_index(["category", "joined"])["retention"]
    cohorts = [(category, month) for category in came.index.unique(0) for month in (25, 26, 27)]
    stayed = sum(curves[at] * came[at] for at in cohorts if came[at] > 0)
    assert told[1] == percent(stayed / sum(came[at] for at in cohorts))


@pytest.mark.parametrize(
    ("months", "names"),
    [
        (1, ["2023-01"]),
        (7, ["2023-01 to 2023-07"]),
        (12, ["2023"]),
        (13, ["2023", "2023-02 to 2024-01"]),
        (24, ["2023", "2024"]),
        (30, ["2023", "2024-07 to 2025-06"]),
    ],
)
def test_runs_of_any_length_have_periods(months: int, names: list[str]) -> None:
    of = tables("tiny", months, 2)
    assert [period.name for period in periods(of)] == names
    text = summarise(of)
    for name in names:
        assert set(block(text, name)) == {"apps", "labs", "hosts", "clouds", "chipmakers", "foundry"}


def test_a_run_that_starts_in_summer() -> None:
    of = tables("tiny", 24)
    shifted = Frames(of.market, of.layers, of.categories, of.firms, of.payments, of.retention, "summer", "2024-07")
    assert [period.name for period in periods(shifted)] == ["2024-07 to 2025-06", "2025-07 to 2026-06"]


def test_a_market_without_apps_sells_nothing_above_the_clouds() -> None:
    base = Scenario("tiny")
    idle = {f"apps.{slug}.customers": 0.0 for slug in base.slugs("apps")}
    of = tables(base.set(idle | {"apps.startups": 0, "users.*.adoption_p": 0.0, "users.*.adoption_q": 0.0}), 2)
    rows = block(summarise(of), "2023-01 to 2023-02")
    assert rows["apps"][0] == "0" and rows["apps"][-1] == "-" and rows["clouds"][0] != "0"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (0.00004, "4e-05"), (0.00615, "0.00615"), (0.5, "0.500"), (9.996, "10.00"), (12.34, "12.3"),
        (99.96, "100"), (-1.347, "-1.35"), (123456.0, "123,456"),
    ],
)  # fmt: skip
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


def test_shares_counts_and_bands() -> None:
    assert [percent(v) for v in (0.0, 0.0123, 0.0996, 0.5, -0.2)] == ["0 %", "1.2 %", "10 %", "50 %", "-20 %"]
    assert [cents(v) for v in (0.254, -0.08, -0.004)] == ["0.25", "-0.08", "0.00"]
    assert [count(v) for v in (3.0, 2.5, 1200.0)] == ["3", "2.5", "1,200"]
    assert cell(np.array([0.25]), percent) == "25 %"
    assert cell(np.array([np.nan, 0.1, 0.2, 0.3]), percent) == "20 % (11-29)"
    assert cell(np.array([-3.0, -2.0, -1.0]), number) == "-2.00 (-2.90 to -1.10)"
    assert cell(np.array([np.nan, np.nan]), number) == "-"
