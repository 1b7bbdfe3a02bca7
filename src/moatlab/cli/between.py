"""`moatlab whatif BATCH --against BATCH`: what differs between two batches, in the runs that both have."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from moatlab.cli.chosen import Pictures
from moatlab.cli.run import refuse_no_batch
from moatlab.errors import InputError
from moatlab.results.text.numbers import aligned, p_text, records
from moatlab.results.text.units import amount, said

if TYPE_CHECKING:
    from moatlab.evidence.verdicts import Verdict
    from moatlab.experiments import Batch


@dataclass(frozen=True, slots=True)
class Between:
    """What the command line asked for."""

    first: Path
    second: Path
    arm: str | None
    out: Path | None
    pictures: Pictures


def tell(request: Between, *, as_json: bool = False) -> str:
    """Compare as asked, write ``out`` if one is named, and return a sentence and a table."""
    from moatlab.evidence.between import between
    from moatlab.evidence.verdicts import verdicts_table
    from moatlab.experiments import open_batch

    for folder in (request.first, request.second):
        refuse_no_batch(folder)
    if request.first.resolve() == request.second.resolve():
        raise InputError(f"{request.first} is not compared with itself")
    request.pictures.check(["effects"])
    first, second = open_batch(request.first), open_batch(request.second)
    found = between(first, second, request.arm)
    units = {v.effect.outcome: _unit(first, v.effect.outcome) for v in found.verdicts}
    said_ = _sentence(found.verdicts, units, request)
    table = verdicts_table(found.verdicts).rename(columns={"contrast": "arm"})
    if request.out is not None:
        _write(request, found.verdicts, request.out)
        table.to_csv(request.out / "effects.csv", index=False)
    if as_json:
        folders = {"first": str(request.first), "second": str(request.second)}
        about = {"sentence": said_, "pairs": found.pairs, "notes": found.notes, "effects": records(table)}
        return json.dumps({**folders, **about}, indent=2)
    rows = []
    for v in found.verdicts:
        how = said(units[v.effect.outcome], max(abs(v.effect.baseline), abs(v.estimate)))
        low, high = (how.level(end) for end in v.interval)
        rows.append([v.effect.outcome, v.effect.label, how.label, how.level(v.effect.baseline), how.change(v.estimate),
                     f"[{low}, {high}]", p_text(v.p_verdict), v.verdict])  # fmt: skip
    head = ["outcome", "arm", "unit", "first", "second less first", "95 % interval", "P of the verdict", ""]
    pairs = ", ".join(f"{count} of {arm}" for arm, count in found.pairs.items())
    lines = [
        f"first: {request.first}; second: {request.second}; pairs of runs with the same draws: {pairs}",
        "",
        said_,
        "",
    ]
    lines += aligned("Paired differences", head, rows, left=(0, 1, 2))
    lines += [f"  {note}" for note in found.notes]
    if request.out is not None:
        lines.append(f"tables and pictures: {request.out}")
    return "\n".join(lines)


def _unit(batch: Batch, outcome: str) -> str:
    from moatlab.results.addresses import find_metric

    known = find_metric(batch.experiment.outcomes[outcome].metric, batch.experiment.slugs)
    return known.unit if known is not None else ""


def _sentence(verdicts: list[Verdict], units: dict[str, str], request: Between) -> str:
    """What differs, largest first, and what does not."""
    if all(v.finding == "same" for v in verdicts):
        return "The two batches are the same in every outcome and run compared."
    moved = [v for v in verdicts if v.finding in ("above", "below")]
    moved.sort(key=lambda v: -abs(v.effect.relative) if v.effect.baseline else 0.0)
    several = len({v.effect.label for v in verdicts}) > 1
    parts = [
        f"{v.effect.outcome}{f' of {v.effect.label}' * several} is "
        f"{amount(abs(v.estimate), units[v.effect.outcome], difference=True)} "
        f"{'higher' if v.estimate > 0 else 'lower'}" for v in moved[:3]
    ]  # fmt: skip
    rest = len(verdicts) - len(moved)
    told = f"In {request.second}, {'; '.join(parts)}" if parts else f"In {request.second}, no difference is established"
    return f"{told}. Of {len(verdicts)} outcomes, {len(moved)} differ{'s' * (len(moved) == 1)} and {rest} " + (
        "are small, the same or undecided."
    )


def _write(request: Between, verdicts: list[Verdict], out: Path) -> None:
    from moatlab import show
    from moatlab.cli.folder import check_folder

    check_folder(out)
    (out / "pictures").mkdir(parents=True, exist_ok=True)
    if request.pictures.wants("effects"):
        title = f"{request.second} less {request.first}"
        figure = show.effects(verdicts, title, "Paired differences, same parameters and seed", str(request.second))
        show.write(figure, out / "pictures" / "effects.png", request.pictures.formats)
