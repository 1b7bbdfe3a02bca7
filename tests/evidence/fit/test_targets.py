"""Targets: each reads a metric that exists, at a tolerance that can be missed, from facts of its tag."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from moatlab import Market
from moatlab.errors import InputError
from moatlab.evidence.fit.targets import Target, read_targets, targets_of
from moatlab.results.results import Results
from moatlab.scenario.facts import cited, fact


@pytest.fixture(scope="module")
def run() -> Results:
    return Market("essay-2023", rng=1).run(24)


@pytest.mark.parametrize("target", targets_of("essay-2023"), ids=lambda target: target.name)
def test_every_target_is_measured_and_rests_on_facts_of_its_tag(target: Target, run: Results) -> None:
    assert math.isfinite(target.measure(run))
    for identifier in cited(target.source):
        # What was known then may be a target; what was learned later must say so.  M193 and M194 are forecasts of 2022.
        assert target.tag == "hindsight" or fact(identifier).known_by() or identifier in ("M193", "M194")
    assert target.source.startswith(("essay", "fact"))


def test_statistics_against_arithmetic_on_the_tables(run: Results) -> None:
    rent = run.series("market.rent").to_numpy()
    base = {"name": "x", "says": "x", "metric": "market.rent", "unit": "$", "tag": "known", "source": "essay"}

    def value(statistic: str, months: tuple[int, int], **more: object) -> float:
        return Target(**base, statistic=statistic, months=months, low=0.0, **more).measure(run)  # type: ignore[arg-type]

    assert value("mean", (2, 5)) == pytest.approx(rent[2:6].mean(), rel=1e-14)
    assert value("sum", (2, 5)) == pytest.approx(rent[2:6].sum(), rel=1e-14)
    assert value("largest", (2, 5)) == rent[2:6].max()
    assert value("ratio_to_first", (2, 20)) == pytest.approx(rent[2:21].max() / rent[2], rel=1e-14)
    assert value("last_to_first", (2, 20)) == pytest.approx(rent[20] / rent[2], rel=1e-14)
    assert value("change", (6, 9), base=(0, 1)) == pytest.approx(rent[6:10].mean() / rent[:2].mean(), rel=1e-14)


def test_infrastructure_is_counted_by_the_generative_share_of_hours(run: Results) -> None:
    (target,) = (t for t in targets_of("essay-2023") if t.name == "infrastructure-majority")
    layers = run.layers.to_pandas().query("month < 12").pivot(
        index="month", columns="layer", values="gross_profit_after_depreciation"
    )  # fmt: skip
    share = run.series("market.generative_share").to_numpy()[:12]
    infrastructure = ["clouds", "chipmakers", "foundry"]
    sums = layers.mul(np.where(layers.columns.isin(infrastructure), share[:, None], 1.0)).sum().clip(lower=0.0)
    assert target.measure(run) == pytest.approx(sums[infrastructure].sum() / sums.sum(), rel=1e-12)
    # The plausible mistake, all of infrastructure's dollars, is another number.
    assert target.measure(run) < layers.sum().clip(lower=0.0)[infrastructure].sum() / layers.sum().clip(lower=0.0).sum()


def test_chips_alone_are_the_chipmakers_and_the_foundry(run: Results) -> None:
    by_name = {t.name: t for t in targets_of("essay-2023")}
    whole, chips = by_name["infrastructure-early-2024"], by_name["chips-early-2024"]
    layers = run.layers.to_pandas()
    mine = layers[layers["month"].between(12, 18)].merge(run.market.to_pandas()[["month", "generative_share"]])
    infrastructure = mine["layer"].isin(["clouds", "chipmakers", "foundry"])
    dollars = mine["gross_profit_after_depreciation"] * np.where(infrastructure, mine["generative_share"], 1.0)
    sums = dollars.groupby(mine["layer"]).sum().clip(lower=0.0)
    assert chips.measure(run) == pytest.approx(sums[["chipmakers", "foundry"]].sum() / sums.sum(), rel=1e-12)
    assert whole.measure(run) == pytest.approx(chips.measure(run) + sums["clouds"] / sums.sum(), rel=1e-12)


def test_openai_counts_with_chatgpt_and_without_what_it_pays_itself(run: Results) -> None:
    by_name = {t.name: t for t in targets_of("essay-2023")}
    ledger = run.ledger.to_pandas().query("month < 12")
    paid = ledger[ledger["payee"].isin(["labs.openai", "apps.chatgpt"]) & ~ledger["payer"].isin(["apps.chatgpt"])]
    kinds = ["subscription", "api", "licence", "enterprise agreement", "income won"]
    wanted = paid[paid["kind"].isin(kinds)]["amount"].sum()
    for name in ("openai-forecast-for-2023", "openai-2023"):
        assert by_name[name].measure(run) == pytest.approx(wanted, rel=1e-9)


BROKEN = {
    "[x]\nsays = 1": "says",
    "[x]\nmetric = = 3": "line 2",
    '[x]\nsays="a"\nmetric="m"\nstatistic="men"\nmonths=[0,1]\nlow=0\nunit="u"\ntag="known"\nsource="s"': "mean",
    '[x]\nsays="a"\nmetric="m"\nstatistic="mean"\nmonths=[5,1]\nlow=0\nunit="u"\ntag="known"\nsource="s"': "no span",
    '[x]\nsays="a"\nmetric="m"\nstatistic="mean"\nmonths=[0,1]\nunit="u"\ntag="known"\nsource="s"': "everything",
    '[x]\nsays="a"\nmetric="m"\nstatistic="change"\nmonths=[0,1]\nlow=0\nunit="u"\ntag="known"\nsource="s"': "base",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_gets_one_clear_line(text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_targets(text, "targets of x")
    assert re.search(BROKEN[text], str(caught.value)) and "\n" not in str(caught.value)


def test_a_scenario_without_targets_is_refused_with_those_that_have_some() -> None:
    with pytest.raises(InputError, match="essay-2023"):
        targets_of("essay-2032")
