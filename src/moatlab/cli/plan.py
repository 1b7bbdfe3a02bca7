"""`moatlab plan`: how many seeds or draws would settle a batch's undecided verdicts."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from moatlab.cli.run import refuse_no_batch
from moatlab.errors import InputError

if TYPE_CHECKING:
    from moatlab.evidence.planning import Needed
    from moatlab.evidence.verdicts import Verdict
    from moatlab.experiments import Batch


def plan(folder: Path, power: float) -> str:
    """The table of units needed, at the level that looks and family leave; a look at the batch like any other."""
    refuse_no_batch(folder)
    if not 0.0 < power < 1.0:
        raise InputError(f"--power is a number between 0 and 1, not {power:g}")
    from moatlab.evidence import planning, report
    from moatlab.evidence.looks import fresh_share, tell_looks
    from moatlab.experiments import open_batch
    from moatlab.results.text.numbers import aligned, short

    batch = open_batch(folder)
    verdicts = report.judged(batch)
    if not verdicts:
        raise InputError(f"{folder} has no pair of runs to plan from")
    head = ["outcome", "contrast", "now", "verdict", "smallest", "as estimated", "to tell s from 0", "to show none"]
    rows, needed, afresh = [], [], []
    share = fresh_share(folder)
    for v in verdicts:
        s, now = v.prediction.smallest, f"{v.effect.units.size:,} {v.effect.unit}s"
        cells = ["", "", ""]
        if v.finding == "undecided" and v.effect.units.size > 1:
            found = planning.to_decide(v.effect, s, v.next_alpha, power)
            needed.append(found)
            afresh.append(planning.to_decide(v.effect, s, partial(_fixed, v.alpha * share / v.open), power))
            cells = ["never" if found is None else str(found), "", ""]
            if s > 0.0:
                cautious = planning.plan(v.effect, s, power=power, alpha=v.next_alpha)
                cells[1:] = [_count(cautious.detect, v), _count(cautious.equivalence, v)]
        name = [v.effect.outcome, v.effect.name]
        rows.append([*name, now, v.verdict, f"±{short(s)}" if s else "none", *cells])
    title = f"{batch.experiment.name}: units needed for a verdict with a probability of {power:g}"
    lines = aligned(title, head, rows)
    lines += [f"  {line}" for line in tell_looks(folder, verdicts)]
    lines.append("  as estimated: if the estimate and its spread were exact; the others use the upper bound of the "
                 "spread (80 %)")  # fmt: skip
    return "\n".join([*lines, *_advice(batch, folder, needed, afresh)])


def _fixed(level: float, more: float) -> float:
    """The level of a first look, however many runs there are."""
    return level


def _count(count: int | None, verdict: Verdict) -> str:
    return "never" if count is None else f"{count:,} {verdict.effect.unit}s"


def _advice(batch: Batch, folder: Path, needed: list[Needed | None], afresh: list[Needed | None]) -> list[str]:
    """The commands that decide all that can be decided: on all runs, or on fresh ones alone."""
    if not needed:
        return ["", "nothing is undecided"]
    lines = [""]
    for told, found, option in (("on all runs", needed, "--extend"), ("on fresh runs alone", afresh, "--fresh")):
        counts = {unit: max((n.count for n in found if n is not None and n.unit == unit), default=0)
                  for unit in ("draw", "seed")}  # fmt: skip
        if not any(counts.values()):
            lines.append(f"{told}: no number of runs would settle what is undecided if the estimate were exact")
            continue
        draws = counts["draw"]
        if draws and batch.experiment.design.kind == "sobol":
            draws = 1 << (draws - 1).bit_length()
        where = f"with samples = {draws} under [design]: " if draws else ""
        seeds = f" --replications {counts['seed']}" if counts["seed"] else ""
        lines.append(f"{told}: {where}moatlab run FILE --out {folder}{seeds} {option}")
    return lines
