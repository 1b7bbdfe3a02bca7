"""A field's row says its type: quantities are numbers, and only what counts or names something is a whole number."""

from __future__ import annotations

import numpy as np
import pytest

from moatlab import Market
from moatlab.market.state.fields import BUYERS, NOW, OFFERS, STATE_FIELDS, Field, dtype_of

#: Units of what is counted or named.
WHOLE = {"code", "flag", "row", "rows", "month", "index", "firms"}
FIELDS = [field for fields in (*STATE_FIELDS.values(), NOW, OFFERS, BUYERS) for field in fields]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_only_what_counts_or_names_is_a_whole_number(field: Field) -> None:
    if field.dtype is np.int64:
        assert field.unit in WHOLE


def test_a_smoothed_quantity_keeps_its_fractions() -> None:
    assert dtype_of("chipmakers")["supply"] == np.float64
    market = Market("essay-2023", rng=1)
    market.run(6)
    supply = market.state.chipmakers["supply"]
    assert (supply % 1.0 != 0.0).any()
