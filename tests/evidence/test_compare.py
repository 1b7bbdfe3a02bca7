"""One change, same luck: the user story, exact zeros, windows, firms that leave, and every mistake in one line."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest

from moatlab import Lab, Market, Scenario
from moatlab.errors import InputError
from moatlab.evidence.compare import HEADLINE, Comparison, compare

TINY = Scenario("tiny")
MORE = {"events": ["month 6: scale foundry.fab.capacity 3"]}


class LossLeader(Lab):
    """Sells below cost."""

    def set_price(self) -> float:
        return 0.5 * float(self.marginal_cost)


@pytest.fixture(scope="module")
def more() -> Comparison:
    return TINY.compare(on=MORE, seeds=6, months=18)


def test_effects_are_those_of_runs_done_by_hand(more: Comparison) -> None:
    treated = TINY.with_events(*MORE["events"])
    gaps = []
    for seed in range(1, 7):
        runs = [Market(world, rng=seed).run(18).series("market.lead_time").to_numpy() for world in (TINY, treated)]
        gaps.append(np.nanmean(runs[1][8:15]) - np.nanmean(runs[0][8:15]))
    effect = more.effect("market.lead_time", months=(8, 14))
    assert effect.estimate == pytest.approx(np.mean(gaps)) and effect.verdict == "falls"
    assert effect.effect.units == pytest.approx(gaps)
    low, high = effect.interval
    assert low < effect.estimate < high < 0.0


def test_nothing_happens_before_the_change(more: Comparison) -> None:
    without, treated = more.paths("market.lead_time")
    assert more.since == 6
    assert (without[:, :6] == treated[:, :6]).all() and (without[:, 10:] != treated[:, 10:]).any()
    assert more.effect("market.rent", month=5).interval == (0.0, 0.0)
    assert more.effect("market.rent", month=5).verdict == "the same"
    assert not more.same and not more.why_the_same


def test_a_firm_a_layer_a_category(more: Comparison) -> None:
    share = more.effect("share", firm="apps.writer", month=12)
    assert share.effect.outcome == "apps.writer.share, 2024-01"
    paths = more.paths("apps.writer.share")
    assert share.effect.baseline == pytest.approx(paths[0][:, 12].mean())
    assert more.effect("revenue", layer="labs").effect.outcome == "labs.revenue, 2023-07 to 2024-06"
    assert more.effect("churn", category="copy").effect.outcome == "users.copy.churn, 2023-07 to 2024-06"
    assert more.effect("rent").effect.outcome.startswith("market.rent")
    total = more.effect("revenue", layer="labs", reduce="sum", months=(0, 17))
    assert total.effect.baseline == pytest.approx(more.paths("labs.revenue")[0].sum(axis=1).mean())


def test_the_sum_of_surpluses(more: Comparison) -> None:
    layers = ("apps", "labs", "hosts", "clouds", "chipmakers", "foundry")
    surpluses = [more.paths(f"market.{name}_surplus") for name in ("consumer", "outside")]
    parts = [*surpluses, *(more.paths(f"{layer}.operating_profit") for layer in layers)]
    assert more.paths("market.surplus") == pytest.approx(sum(parts))


def test_a_firm_that_is_gone_has_no_share_and_no_price() -> None:
    """An app without customers or cash leaves in one arm only: its share falls to 0, and its price has no effect."""
    doomed = {"set": {"apps.writer.cash": -50.0, "apps.writer.customers": 0.0}}
    e = TINY.compare(on=doomed, seeds=3, months=20)
    gone = np.isnan(e.paths("apps.writer.share")[1][:, 15:]).all(axis=1)
    assert gone.all() and not np.isnan(e.paths("apps.writer.share")[0]).any()
    share = e.effect("share", firm="apps.writer", months=(15, 19))
    assert share.estimate == pytest.approx(-share.effect.baseline)
    with pytest.raises(InputError, match="no value"):
        e.effect("price", firm="apps.writer", months=(15, 19))
    assert e.since == 0


def test_the_table_is_one_family(more: Comparison) -> None:
    verdicts = more.table()
    assert [v.effect.outcome for v in verdicts] == list(HEADLINE)
    moved = [v for v in verdicts if v.finding != "same"]  # the one host's concentration is 1 either way
    assert {v.family for v in verdicts} == {len(moved)} and len(moved) >= len(HEADLINE) - 1
    assert any(v.p_holm > v.p for v in moved)
    alone = more.table(["market.lead_time"], months=(8, 14), smallest={"market.lead_time": 1e6})[0]
    assert alone.verdict == "no effect" and alone.family == 1
    table = more.to_pandas()
    assert len(table) == len(HEADLINE) and {"estimate", "low", "high", "verdict"} <= set(table.columns)


def test_paths_as_a_table(more: Comparison) -> None:
    table = more.to_pandas("market.rent", "apps.writer.share")
    assert len(table) == 2 * 6 * 18
    row = table[(table["metric"] == "market.rent") & (table["seed"] == 3) & (table["month"] == 12)].iloc[0]
    assert row["without"] == more.paths("market.rent")[0][2, 12]
    assert row["difference"] == row["with"] - row["without"]


def test_any_executor_gives_the_same_bytes(more: Comparison) -> None:
    with ThreadPoolExecutor(2) as executor:
        again = compare(TINY, MORE, [4, 2], 18, executor)
    assert again.seeds == (4, 2)
    for place, seed in enumerate(again.seeds):
        assert (again.paths("market.rent")[:, place] == more.paths("market.rent")[:, seed - 1]).all()


def test_agents_of_ones_own_are_a_change() -> None:
    e = TINY.compare(on={"replace": {"labs.closed": LossLeader}}, seeds=3, months=12)
    assert e.effect("price", firm="labs.closed", months=(3, 11)).verdict == "falls"
    assert "labs.closed as LossLeader" in repr(e)
    changed = TINY.compare(on=TINY.set({"labs.closed.price": 5.0}), seeds=2, months=6)
    assert "labs.closed.price = 5.0" in changed.what


def test_pictures(more: Comparison) -> None:
    assert len(more.plot("market.rent").axes) == 2
    assert len(more.plot("share", firm="apps.writer").axes) == 2
    assert len(more.plot().axes) == 1


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"on": {"event": ["month 1: set users.crowding 0.1"]}}, "did you mean events"),
    ({"on": {}}, "changes nothing"),
    ({"on": {"set": {"users.crowding": 0.3}}}, "changes nothing"),
    ({"on": {"set": {"users.crowdng": 0.5}}}, "crowding"),
    ({"on": MORE, "months": 5}, "beyond the run"),
    ({"on": MORE, "months": 0}, "months"),
    ({"on": MORE, "seeds": 0}, "seeds"),
    ({"on": MORE, "seeds": [1, 1]}, "different"),
    ({"on": MORE, "seeds": "many"}, "seeds"),
    ({"on": MORE, "engine": "cloud"}, "no engine"),
]


@pytest.mark.parametrize(("arguments", "clue"), MISTAKES)
def test_mistakes_are_named(arguments: dict[str, Any], clue: str) -> None:
    with pytest.raises(InputError, match=clue) as told:
        TINY.compare(**{"seeds": 2, **arguments})
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("metric", "arguments", "clue"),
    [("market.rnt", {}, "market.rent"), ("share", {"firm": "apps.writter"}, "apps.writer.share"),
     ("rent", {"month": 18}, "0-17"), ("rent", {"months": (9, 3)}, "0-17"), ("rent", {"month": 3, "months": (1, 2)},
     "not both"), ("share", {"firm": "apps.writer", "layer": "apps"}, "one of")],
)  # fmt: skip
def test_mistakes_about_effects_are_named(more: Comparison, metric: str, arguments: dict[str, Any], clue: str) -> None:
    with pytest.raises(InputError, match=clue):
        more.effect(metric, **arguments)


def test_the_answer_reads_well(more: Comparison) -> None:
    told = str(more.effect("market.lead_time", months=(8, 14)))
    assert told.startswith("market.lead_time, 2023-09 to 2024-03: -") and told.endswith(": falls") and "%" in told
    assert isinstance(more.to_pandas(), pd.DataFrame)
