"""What a batch says of itself, and gives away: verdicts, pictures, CSV, xarray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from moatlab import App, Batch, Experiment, InputError, Market, Scenario


@pytest.fixture(scope="module")
def batch() -> Batch:
    return Experiment.from_dict({
        "name": "small", "question": "Does <capacity> matter?", "scenario": "tiny", "months": 4, "replications": 3,
        "arms": {"control": {}, "more": {"events": ["2023-02: scale foundry.fab.capacity 3"]}},
        "uncertainties": {"apps.entry_rate": {"values": [0.2, 0.4]}}, "design": {"kind": "grid"},
        "outcomes": {"lead": {"metric": "market.lead_time", "predicted": "lower", "smallest_effect": 0.01}},
    }).run("serial")  # fmt: skip


def test_verdicts_as_a_list_a_table_and_html(batch: Batch) -> None:
    found = batch.verdicts()
    assert len(found) == 1 and found[0].effect.outcome == "lead"
    assert list(found.to_pandas()["outcome"]) == ["lead"] and repr(found).startswith("lead: ")
    for shown in (found._repr_html_(), found[0]._repr_html_()):
        assert shown.count("<tr>") == 2 and found[0].verdict in shown


def test_pictures_by_name(batch: Batch) -> None:
    assert batch.plot("effects").axes and batch.plot("verdicts").axes and batch.plot().axes
    with pytest.raises(InputError, match="did you mean effects"):
        batch.plot("effect")


def test_a_row_a_run(batch: Batch, tmp_path: Path) -> None:
    table = pd.read_csv(batch.to_csv(tmp_path / "runs.csv"))
    assert len(table) == 12 and (table["status"] == "done").all() and set(table["apps.entry_rate"]) == {0.2, 0.4}
    outcomes: Any = batch.outcomes().set_index(["arm", "point", "replication"])["value"]
    for _, row in table.iterrows():
        assert row["lead"] == pytest.approx(outcomes[row["arm"], row["point"], row["replication"]])


def test_an_array_with_dimensions(batch: Batch) -> None:
    pytest.importorskip("xarray")
    data = batch.to_xarray()
    assert dict(data.sizes) == {"arm": 2, "point": 2, "replication": 3, "month": 4}
    assert np.array_equal(data["market.lead_time"].to_numpy(), batch.cube("market.lead_time"))
    assert data["apps.entry_rate"].to_numpy().tolist() == [0.2, 0.4]
    outcomes: Any = batch.outcomes().set_index(["arm", "point", "replication"])["value"]
    assert float(data["lead"].sel(arm="more", point=1, replication=2)) == outcomes["more", 1, 2]


def test_xarray_that_is_not_there_is_one_line(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(InputError, match=r"moatlab\[analysis\]"):
        batch.to_xarray()


def test_representations(batch: Batch) -> None:
    assert "12 runs planned; arms control, more" in repr(batch)
    assert "12 of 12 runs done" in batch._repr_html_() and "&lt;capacity&gt;" in batch._repr_html_()
    scenario = Scenario("tiny").set({"labs.*.markup": 0.3}).with_events("2023-02: set users.crowding 0.1")
    assert repr(scenario) == "Scenario('tiny', changed: labs.*.markup = 0.3; 2023-02: set users.crowding 0.1)"
    assert "<li>labs.*.markup = 0.3</li>" in scenario._repr_html_() and repr(Scenario("tiny")) == "Scenario('tiny')"
    market = Market(scenario, rng=3)
    assert repr(market) == "<Market tiny, seed 3, before month 0, 2023-01>" and "<li>" in market._repr_html_()
    run = market.run(2)
    assert "before month 2, 2023-03" in repr(market) and "chipmakers" in market._repr_html_()
    assert repr(run) == "<Results of tiny, seed 3, 2 months (2023-01 to 2023-02)>" and "<table" in run._repr_html_()
    assert repr(run.layers).startswith("<Table layers: 12 rows; month, layer, ")
    assert "and 6 more rows" in run.layers._repr_html_()
    app = next(iter(market.agents_by_type[App]))
    assert repr(app).startswith("<App apps.writer: ") and repr(app).endswith(" M$>") and "price" in app._repr_html_()
    comparison = Scenario("tiny").compare({"set": {"users.crowding": 0.1}}, seeds=2, months=2)
    assert "users.crowding = 0.1" in comparison._repr_html_()
