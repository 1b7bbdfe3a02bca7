"""What is recorded before the first month, and in a market that records layers only."""

from __future__ import annotations

import pytest

from moatlab import InputError, Market
from moatlab.market.recorder import Recorder

TABLES = ("market", "layers", "categories", "firms", "payments", "ledger")


@pytest.mark.parametrize("detail", ["firm", "layer"])
def test_before_the_first_month_tables_have_columns_and_no_rows(detail: str) -> None:
    before = Market("tiny", rng=1, detail=detail).results  # type: ignore[arg-type]
    after = Market("tiny", rng=1, detail=detail).run(2)  # type: ignore[arg-type]
    for name in TABLES:
        empty, full = getattr(before, name).to_pandas(), getattr(after, name).to_pandas()
        assert len(empty) == 0 and list(empty.columns) == list(full.columns), name
    with pytest.raises(InputError, match="no month has been simulated yet"):
        before.plot()


def test_a_market_of_layers_has_an_empty_ledger() -> None:
    market = Market("tiny", rng=1, detail="layer")
    market.run(2)
    ledger = market.results.ledger.to_pandas()
    assert len(ledger) == 0 and {"month", "kind", "payer", "payee", "amount"} <= set(ledger.columns)
    assert market.graph.number_of_edges() > 0


def test_every_table_has_a_part() -> None:
    recorder = Recorder("firm")
    assert all(len(recorder.parts(name)) == 1 for name in ("market", "layers", "categories", "firms", "payments"))
