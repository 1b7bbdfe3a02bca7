"""What a study found beside its rows, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from moatlab.evidence.durability.breakdown import Breakdown
from moatlab.evidence.durability.concentration import Arising


def concentration_table(arising: Sequence[Arising]) -> pd.DataFrame:
    """Mean over worlds, a row a stock, layer and month."""
    rows = [asdict(one) for world in arising for one in world.concentrations]
    if not rows:
        return pd.DataFrame()
    return pd.DataFrame(rows).groupby(["layer", "moat", "month"], sort=False).mean(numeric_only=True).reset_index()


def excess_table(arising: Sequence[Arising]) -> pd.DataFrame:
    """A row a world, layer and stock."""
    return pd.DataFrame([
        {"world": place, "layer": one.layer, "firm": one.firm, "moat": moat, "part": part, "leader_excess": one.total}
        for place, world in enumerate(arising) for one in world.excess for moat, part in one.parts.items()
    ])  # fmt: skip


def breakdown_table(broken: Sequence[Breakdown]) -> pd.DataFrame:
    """A row a question."""
    return pd.DataFrame([
        {"moat": b.question.case.moat, "layer": b.question.case.kind, "what": b.question.what,
         "parameter": b.question.address, "factor": b.factor, "said": b.said, "return_at_1": b.returns[0],
         "return_there": b.returns[1]}
        for b in broken
    ])  # fmt: skip
