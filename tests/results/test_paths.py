"""Paths straight from the records are the bytes of the tables' columns, for every metric and either detail."""

from __future__ import annotations

import numpy as np
import pytest

from moatlab import InputError, Market
from moatlab.results.addresses import find_metric
from moatlab.results.results import Results


@pytest.fixture(scope="module")
def run() -> Results:
    return Market("essay-2023", rng=3).run(140)


def test_every_metric_is_the_column_of_its_table(run: Results) -> None:
    addresses = run.addresses()
    assert len(addresses) > 500
    for address in addresses:
        if not address.endswith(".source"):  # a name in the table, its code in the records
            assert run.path(address).tobytes() == run.series(address).to_numpy(np.float64).tobytes(), address
        assert find_metric(address, run.about["slugs"]) is not None


def test_generated_firms_have_paths(run: Results) -> None:
    firms = run.firms.to_pandas()
    slug = firms.loc[~firms["named"].astype(bool), "slug"].iloc[-1]
    address = f"apps.{slug}.revenue"
    assert run.path(address).tobytes() == run.series(address).to_numpy(np.float64).tobytes()


def test_a_market_that_records_layers_only_says_the_same_of_them(run: Results) -> None:
    layers = Market("essay-2023", rng=3, detail="layer").run(140)
    for address in run.addresses():
        if find_metric(address, run.about["slugs"]).level not in ("firm", "owner"):  # type: ignore[union-attr]
            assert layers.path(address).tobytes() == run.path(address).tobytes(), address
    for address in ("labs.openai.share", "owners.openai.revenue"):
        with pytest.raises(InputError, match="layers alone were recorded"):
            layers.path(address)


@pytest.mark.parametrize(
    "address", ["market.rnt", "labs.share", "labs.nobody.share", "x", "a.b.c.d", "labs.funded_compute"]
)
def test_what_does_not_exist_is_refused(run: Results, address: str) -> None:
    with pytest.raises(InputError, match="no metric"):
        run.path(address)
