"""What `moatlab durability` prints: sentences and tables."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from moatlab.evidence.durability.accounts import MEASURE
from moatlab.evidence.durability.frames import concentration_table, excess_table
from moatlab.results.text.numbers import aligned, short
from moatlab.scenario.months import month_name

if TYPE_CHECKING:
    from moatlab.evidence.durability.breakdown import Breakdown
    from moatlab.evidence.durability.concentration import Arising
    from moatlab.evidence.durability.response import Ratio
    from moatlab.evidence.durability.table import Durability, Shown

NOTES = (
    "half-life in months, of profit and of the share of revenue, with '>' where no decay is seen within the horizon, "
    "'-' where there is no response that could be told from nothing; A: area of the response over the area with all "
    "feedbacks off; 1/(1-g): what the layer's loop gain makes of a lead that is kept up; erosion: area with rivals' "
    "answers over the area without, '?' where the area that divides may be nothing; exits: share of worlds in which "
    "the holder is gone, with the grant and without; * prior-driven: undecided, or an interval that spans more than "
    "its estimate."
)


def tell_all(found: Durability, arising: Sequence[Arising], broken: Sequence[Breakdown]) -> str:
    """Sentences and tables."""
    plan = found.study.plan
    when = month_name(plan.month, plan.scenario.start)
    lines = [*wrap(found.sentence(), 118), ""]
    seeds = f"{plan.seeds} seed{'s' if plan.seeds > 1 else ''}"
    what = (f"{plan.scenario.title}; grants worth {plan.worth:g} M$ in {when}, spent over {plan.over} months; "
            f"{plan.draws} draws of the prior x {seeds}; unit: draw")  # fmt: skip
    lines += [*wrap(what, 118), ""]
    head = ["moat, layer, holder", "firm", "$ per $", "95 % interval", "half-life", "of share", "A", "1/(1-g)",
            "erosion", "$ a year at end", "exits", "verdict"]  # fmt: skip
    lines += aligned(f"Durability (value: present value of {MEASURE} won per dollar)", head,
                     [_line(row) for row in found.comparable], (0, 1))  # fmt: skip
    lines += wrap(NOTES, 118)
    lines.append("")
    lines += _feeding(found)
    lines += _not_comparable(found)
    lines += _breakdowns(broken)
    lines += _arising(arising)
    return "\n".join(lines)


def _line(row: Shown) -> list[str]:
    assert row.value is not None and row.lasting is not None and row.half_life is not None
    assert row.half_life_of_share is not None
    low, high = row.value.interval()
    wide = row.verdict == "undecided" or high - low > 2.0 * abs(row.value.estimate)
    lives = [_months(life.estimate, life.horizon) for life in (row.half_life, row.half_life_of_share)]
    predicted = "inf" if np.isinf(row.predicted) else f"{row.predicted:.2f}"
    return [
        row.case.name, row.firm, short(row.value.estimate), f"[{short(low)}, {short(high)}]", *lives,
        _ratio(row.amplification), predicted,
        _ratio(row.erosion), short(row.lasting.estimate),
        f"{100 * row.exits[0]:.0f}/{100 * row.exits[1]:.0f} %", row.verdict + ("*" if wide else ""),
    ]  # fmt: skip


def _ratio(ratio: Ratio | None) -> str:
    """An area over another; "?" where the area below it may be nothing."""
    if ratio is None or np.isnan(ratio.estimate):
        return "-"
    return short(ratio.estimate) if np.isfinite(ratio.low) else "?"


def _months(estimate: float, horizon: float) -> str:
    if np.isnan(estimate):
        return "-"
    return f"> {horizon:.0f}" if estimate >= horizon else f"{estimate:.0f}"


def _feeding(found: Durability) -> list[str]:
    if not found.study.plan.whole:
        return []
    rows = []
    for row in found.comparable:
        if not (row.fed_by[0] or row.eroded_by[0]):
            continue
        fed, eroded = (
            [name, f"{100 * part:+.0f} %"] if name else ["-", ""] for name, part in (row.fed_by, row.eroded_by)
        )
        kept = _ratio(row.maintained)
        rows.append([row.case.name, *fed, eroded[0], eroded[1].replace("+", "-"), kept])
    if not rows:
        return []
    head = ["moat, layer, holder", "fed by", "of the area", "eroded by rivals'", "of the area", "A, kept up"]
    return aligned("What feeds an advantage and what erodes it: the area that goes with one feedback switched off, and "
                   "that comes back with one answer frozen", head, rows, (0, 1, 3))  # fmt: skip


def _not_comparable(found: Durability) -> list[str]:
    rows = [[row.case.name, row.reason] for row in found.rows if row.lasting is None]
    return aligned("Not comparable", ["moat, layer, holder", "why"], rows, (0, 1)) if rows else []


def _breakdowns(broken: Sequence[Breakdown]) -> list[str]:
    if not broken:
        return []
    rows = [
        [b.question.case.name, b.question.what, b.question.address, b.said, short(b.returns[0]), short(b.returns[1])]
        for b in broken
    ]
    head = ["moat, layer, holder", "what", "parameter", "lasts at", "$ a year at x 1", "and there"]
    return aligned("Breakdown values, a few draws: by how much one parameter has to change for the "
                   "advantage to last", head, rows, (0, 1, 2))  # fmt: skip


def _arising(arising: Sequence[Arising]) -> list[str]:
    table, parts = concentration_table(arising), excess_table(arising)
    lines: list[str] = []
    if len(table):
        months = sorted(table["month"].unique())
        rows = []
        for (layer, moat), mine in table.groupby(["layer", "moat"], sort=False):
            by = mine.set_index("month")
            pairs = [[short(by[name].get(m, np.nan), 2) for name in ("gini", "leader")] for m in months]
            rows.append([f"{moat}, {layer}", *(" ".join(pair) for pair in pairs)])
        head = ["stock", *(f"month {m}" for m in months)]
        lines += aligned("Moats that arise without a grant: Gini coefficient of each stock over firms, and the share "
                         f"of the largest firm in it (mean of {len(arising)} worlds)", head, rows)  # fmt: skip
    if len(parts):
        rows = [[str(layer), str(moat), short(mine["part"].mean()), short(mine["leader_excess"].mean())]
                for (layer, moat), mine in parts.groupby(["layer", "moat"], sort=False)]  # fmt: skip
        head = ["layer", "stock", "M$", "of a total of"]
        lines += aligned("What the leader earns in two years more than with its peers' stocks, by stock (Shapley "
                         "values, mean)", head, rows, (0, 1))  # fmt: skip
    return lines
