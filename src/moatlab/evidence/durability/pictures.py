"""The pictures of a study of durability, with titles that say what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moatlab.evidence.durability.accounts import MEASURE
from moatlab.evidence.durability.plan import ARMS
from moatlab.evidence.inference import Mean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from moatlab.evidence.durability.table import Durability, Shown


def forest(found: Durability) -> Figure:
    """Value per dollar and half-life of every comparable case."""
    from moatlab import show
    from moatlab.show.durability import ForestRow

    rows = []
    for row in found.comparable:
        assert row.value is not None and row.half_life_of_share is not None
        life = row.half_life_of_share
        rows.append(ForestRow(row.case.name, (row.value.estimate, *row.value.interval()),
                              (life.estimate, life.low, life.high), row.verdict))  # fmt: skip
    plan = found.study.plan
    return show.durability(
        rows, title(found), f"A grant worth {plan.worth:g} M$ in month {plan.month}; 95 % intervals over "
        f"{plan.draws} draws of the prior", source(found), MEASURE, float(plan.after + 1),
    )  # fmt: skip


def title(found: Durability) -> str:
    """The finding, as the title of the forest."""
    rows = found.comparable
    faded = sum(row.verdict == "fades" for row in rows)
    word = {"supported": "No moat lasts", "contradicted": f"{len(found.lasts)} advantages last",
            "undecided": "Not all can be told"}[found.verdict]  # fmt: skip
    return f"{word}: {faded} of {len(rows)} advantages are shown to have faded after {found.study.plan.after} months"


def source(found: Durability) -> str:
    """Where the data come from."""
    plan = found.study.plan
    return f"moatlab, {plan.scenario.name}, {plan.draws} draws x {plan.seeds} seeds, from seed {plan.seed} on"


def curves(found: Durability) -> Figure:
    """Responses of the leader's share, a panel a moat and layer."""
    from moatlab import show
    from moatlab.show.durability import Curves

    study, panels = found.study, []
    leaders = [row for row in found.comparable if row.case.holder == "leader"] or found.comparable
    for row in leaders:
        case = row.case
        arms = {arm: study.responses(case, arm, "share").mean(axis=0) for arm in ARMS if arm in case.arms}
        free = study.responses(case, "free", "share")
        ends = np.array([Mean(month).interval() for month in free.T])
        panels.append(Curves(f"{case.moat}, {case.kind}", arms, ends[:, 0], ends[:, 1]))
    holder = leaders[0].case.holder if leaders else "leader"
    return show.responses(panels, _fed(leaders), f"What a grant worth {study.plan.worth:g} M$ adds to the {holder}'s "
                          "share of its layer (of an app: its category), mean over draws; shaded: 95 % interval of the "
                          "free response", source(found))  # fmt: skip


def _fed(rows: list[Shown]) -> str:
    """What feedbacks do, as a title."""
    known = [row for row in rows if row.amplification is not None]
    fed = [row for row in known if row.amplification is not None and row.amplification.low > 1.0]
    return f"Feedbacks enlarge {len(fed)} of {len(known)} leads for certain"
