"""What is in a folder of results: list, sizes, tags, selections, and pruning that takes nothing that counts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moatlab import Experiment, InputError
from moatlab.experiments import open_batch
from moatlab.experiments.inventory import batches, prune, size_of, waste
from moatlab.experiments.packaged import packaged_experiments
from moatlab.experiments.tags import change_tags, read_tags

TABLES = {
    "name": "twice", "scenario": "tiny", "months": 6, "replications": 3,
    "arms": {"control": {}, "twice": {"events": ["month 2: scale foundry.fab.capacity 2"]}},
    "outcomes": {"rent": {"metric": "market.rent"}},
}  # fmt: skip


def run(out: Path, **changes: object) -> None:
    Experiment.from_dict({**TABLES, **changes}).run(engine="serial", out=out, extend=bool(changes))


def test_batches_are_listed_with_runs_sizes_and_tags(tmp_path: Path) -> None:
    run(tmp_path / "one")
    run(tmp_path / "deep" / "er" / "two")
    (tmp_path / "no-batch").mkdir()
    (tmp_path / "no-batch" / "manifest.json").write_text("{")
    change_tags(tmp_path / "one", ["paper", "draft"])
    found = batches(tmp_path)
    assert [entry.folder.name for entry in found] == ["two", "one"]
    one = found[1]
    assert (one.name, one.planned, one.done, one.tags) == ("twice", 6, 6, ("draft", "paper"))
    assert one.size == size_of(tmp_path / "one") > one.paths > 0
    assert batches(tmp_path, "paper") == [one] and batches(tmp_path, "none") == []
    with pytest.raises(InputError, match="no folder"):
        batches(tmp_path / "nowhere")


def test_tags_are_words_that_can_be_taken_back(tmp_path: Path) -> None:
    run(tmp_path / "one")
    out = tmp_path / "one"
    before = open_batch(out).runs()
    assert change_tags(out, ["a", "b"]) == ("a", "b") and change_tags(out, ["a"], ["b"]) == ("a",)
    with pytest.raises(InputError, match="a word of"):
        change_tags(out, ["Not One"])
    with pytest.raises(InputError, match="has no tag 'b'; it has a"):
        change_tags(out, remove=["b"])
    (out / "tags.json").write_text("nonsense")
    assert read_tags(out) == ()
    # Tags are no part of a batch.
    assert open_batch(out).runs().equals(before)


def test_pruning_takes_what_is_superseded_and_nothing_that_counts(tmp_path: Path) -> None:
    out = tmp_path / "one"
    run(out)
    assert waste(open_batch(out)) == []
    # Another metric: all runs are done again, and the parts of before count no more.
    run(out, paths=["market.hype"])
    (out / "metrics" / "part-0123456789abcdef.parquet").write_bytes(b"left by a kill")
    (out / "damaged").mkdir()
    (out / "damaged" / "runs-part-x.parquet").write_bytes(b"damaged")
    old = out / "runs" / ".part-x.parquet.0123456789abcdef0123456789abcdef"
    old.write_bytes(b"half")
    os.utime(old, (1, 1))
    batch = open_batch(out)
    runs, outcomes, size = batch.runs(), batch.outcomes(), size_of(out)
    found = waste(batch)
    assert len({each.path for each in found}) == len(found)
    removed = prune(batch)
    assert removed == found and size - size_of(out) == sum(each.size for each in found)
    reasons = {each.why for each in found}
    assert {"no run in it counts", "damaged, and done again"} <= reasons
    again = open_batch(out)
    assert again.runs().equals(runs) and again.outcomes().equals(outcomes)
    assert again.paths("market.hype")["value"].notna().all() and waste(again) == []
    assert not (out / "damaged").exists()


def test_runs_outside_the_plan_go_only_when_asked(tmp_path: Path) -> None:
    out = tmp_path / "one"
    run(out)
    # Two more replications, in parts of their own, and back to three.
    run(out, replications=5)
    run(out, replications=3)
    batch = open_batch(out)
    assert waste(batch) == [] and len(waste(batch, unplanned=True)) >= 2
    kept = batch.outcomes()
    prune(batch, unplanned=True)
    assert open_batch(out).outcomes().equals(kept) and not len(open_batch(out).missing())


def test_nothing_is_pruned_while_another_process_is_at_work(tmp_path: Path) -> None:
    out = tmp_path / "one"
    run(out)
    (out / "claims" / "elsewhere~1~0.txt").write_text("0123456789ab\n")
    with pytest.raises(InputError, match="at work"):
        prune(open_batch(out))


def test_selections_of_metrics_arms_and_months(tmp_path: Path) -> None:
    run(tmp_path / "one", paths=["market.hype"])
    batch = open_batch(tmp_path / "one")
    found = batch.select(["market.rent"], ["twice"], (2, 4))
    assert set(found["metric"]) == {"market.rent"} and set(found["arm"]) == {"twice"}
    assert sorted(set(found["month"])) == [2, 3, 4] and len(found) == 3 * 3
    assert batch.select().equals(batch.paths())
    for options, clue in (((["market.rnt"], [], None), "not recorded"), (([], ["twicce"], None), "twice"),
                          (([], [], (2, 9)), "do not lie")):  # fmt: skip
        with pytest.raises(InputError, match=clue):
            batch.select(*options)


def test_packaged_experiments_are_known_by_name() -> None:
    names = packaged_experiments()
    assert {"graduation", "network-effects", "end-of-scarcity", "sensitivity"} <= set(names)
    assert Experiment.load("graduation").name == "graduation"
    assert Experiment.load("graduation").spec == Experiment.load(names["graduation"]).spec
