"""Arms that share a past: what is shared, the same bytes as whole runs, failures, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moatlab import App, Experiment, Scenario
from moatlab.experiments import runner, work
from moatlab.experiments.branches import MOST, Start, together, tree
from moatlab.experiments.models import FunctionModel, MarketModel
from moatlab.market.market import Market
from moatlab.scenario.events import Event

from .test_runner import contents

LASTS = "months 5-20: maintain labs.closed algorithmic 0.3"
ARMS: dict[str, Any] = {
    "control": {},
    "late": {"events": ["month 16: scale foundry.fab.capacity 3"]},
    "early": {"events": [LASTS]},
    "cheaper": {"set": {"apps.entry_rate": 0.4}},
    "both": {"events": [LASTS, "month 12: cut apps.writer labs.closed"]},
    "again": {"set": {"apps.entry_rate": 0.4}, "events": ["month 9: set investors.hype 0.5"]},
    "apart": {"luck": "own", "events": ["month 12: set investors.hype 0.5"]},
}
TINY: dict[str, Any] = {
    "name": "branches", "scenario": "tiny", "replications": 2, "arms": ARMS,
    "uncertainties": {"users.crowding": [0.1, 0.9]}, "design": {"kind": "latin", "samples": 2},
    "outcomes": {"rent": {"metric": "market.rent", "months": [12, 23]},
                 "share": {"metric": "apps.writer.share", "reduce": "last"}},
    "paths": ["labs.revenue", "users.copy.churn"],
}  # fmt: skip


def events(*months: int) -> tuple[Event, ...]:
    return tuple(Event(month, "scale", value=2.0) for month in months)


def test_every_month_of_the_tree_is_simulated_once() -> None:
    arms = [events(), events(8), events(3), events(3, 8), events(3, 9), events(8)]
    starts = tree(arms, 12)
    assert starts == [Start(), Start(0, 8), Start(0, 3), Start(2, 8), Start(2, 9), Start(1, 11)]
    # The number of different pasts, counted month by month; whatever the order.
    pasts = {(month, tuple(e for e in arm if e.month <= month)) for arm in set(arms) for month in range(12)}
    for order in (arms[:5], arms[4::-1]):
        assert sum(12 - start.month for start in tree(order, 12)) == len(pasts)


def test_neighbours_of_one_family_are_sent_together() -> None:
    assert together([1, 1, 2, 1, 3, 3], lambda n: n) == [[1, 1], [2], [1], [3, 3]]
    assert [len(part) for part in together([0] * (MOST + 3), lambda n: n)] == [MOST, 3]


class Own(App):
    def set_price(self) -> float:
        return 5.0


def test_arms_of_a_family_differ_in_events_only() -> None:
    base = Scenario("tiny")
    other = base.set({"users.crowding": 0.5})
    worlds = [base, other, base.with_events("month 3: set investors.hype 1"), base.replace("apps.writer", Own),
              other.set({"users.crowding": 0.5}), base.replace("apps.writer", Own)]  # fmt: skip
    assert MarketModel(base).families(worlds) == [0, 1, 0, 3, 1, 5]
    assert FunctionModel(lambda *_: {}, {}, ()).families([{}, {}]) == [0, 1]


@pytest.fixture(scope="module")
def whole() -> tuple[bytes, bytes]:
    """The batch with every run done by itself."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(work.Job, "family", lambda job, task: task.key)
        return contents(Experiment.from_dict(TINY).run(engine="serial"))


def test_branches_give_the_bytes_of_whole_runs(whole: tuple[bytes, bytes], tmp_path: Path) -> None:
    steps = {"market": 0}
    counts: list[runner.Counts] = []
    experiment = Experiment.from_dict(TINY)
    with pytest.MonkeyPatch.context() as patched:
        step = Market.step

        def counted(market: Market) -> None:
            steps["market"] += market.seed != 0  # the seed of the warm-up
            step(market)

        patched.setattr(Market, "step", counted)
        batch = experiment.run(engine="serial", out=tmp_path / "out", progress=counts.append)
    assert contents(batch) == whole
    # late shares 16 months with control, early 5, both 12 with early; again 9 with cheaper; apart has its own draws.
    shared = 4 * (16 + 5 + 12 + 9)
    assert counts[-1].months == 4 * 7 * 24 and counts[-1].shared == shared
    assert experiment.months_shared(experiment.plan.rows()) == shared
    assert steps["market"] == counts[-1].months - shared


def test_branches_in_worker_processes(whole: tuple[bytes, bytes], tmp_path: Path) -> None:
    counts: list[runner.Counts] = []
    batch = Experiment.from_dict(TINY).run(engine="local", workers=2, out=tmp_path / "out", progress=counts.append)
    assert contents(batch) == whole and counts[-1].shared > 0


def test_what_is_stored_is_not_run_again_and_the_rest_shares_what_is_left(
    whole: tuple[bytes, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    counts: list[runner.Counts] = []
    Experiment.from_dict(TINY).run(engine="serial", out=out, only="control")
    batch = Experiment.from_dict(TINY).run(engine="serial", out=out, progress=counts.append)
    assert contents(batch) == whole and counts[-1].stored == 4
    # Without control late and early have 5 months in common.
    assert counts[-1].shared == 4 * (5 + 12 + 9)


def test_keys_are_those_of_whole_runs() -> None:
    """Order and families change no key: the plan of one arm has the keys that it has beside the others."""
    plan = Experiment.from_dict(TINY).plan
    alone = Experiment.from_dict({**TINY, "arms": {"late": ARMS["late"]}}).plan
    assert alone.keys == [plan.keys[row] for row in plan.rows("late")]
    assert sorted(plan.rows()) == list(range(28)) and len({plan.family(row) for row in plan.rows()}) == 12


def test_a_run_that_fails_takes_no_other_with_it(whole: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the first run of a family fails, before others have begun from it, those are done by themselves."""
    step = Market.step

    def fails(market: Market) -> None:
        if market.month == 7 and not market.initial_scenario.events:
            raise RuntimeError("it broke")
        step(market)

    monkeypatch.setattr(Market, "step", fails)
    batch = Experiment.from_dict(TINY).run(engine="serial")
    runs = batch.runs()
    assert set(runs[runs["status"] == "failed"]["arm"]) == {"control", "cheaper"}
    assert set(runs[runs["status"] == "done"]["arm"]) == {"late", "early", "both", "again", "apart"}
    monkeypatch.undo()
    alone = Experiment.from_dict({**TINY, "arms": {n: ARMS[n] for n in ("late", "early", "both")}}).run(engine="serial")
    mine = batch.outcomes().query("arm in ['late', 'early', 'both']").sort_values(["key", "outcome"])
    assert list(mine["value"]) == list(alone.outcomes().sort_values(["key", "outcome"])["value"])


def test_a_chunk_takes_a_family_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    real = work.work

    def watched(name: str, packed: bytes | None, tasks: Any) -> Any:
        sizes.append([task.arm for task in tasks])
        return real(name, packed, tasks)

    monkeypatch.setattr(runner, "work", watched)
    monkeypatch.setattr(runner, "CHUNK_RUNS", 1)
    Experiment.from_dict(TINY).run(engine="serial")
    # Control with late, early and both; cheaper with again; apart by itself.
    assert [chunk for chunk in sizes if chunk] == 4 * [[0, 1, 2, 4], [6], [3, 5]]
