"""`moatlab sensitivity`: run a Morris or Sobol design if need be, and say which parameters move its outcomes."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from moatlab.cli.chosen import ALL_PICTURES, Pictures
from moatlab.errors import InputError
from moatlab.results.text.numbers import aligned, records, short, significant
from moatlab.scenario.addresses import nearest

if TYPE_CHECKING:
    from moatlab.evidence.sensitivity import Sensitivity
    from moatlab.experiments import Batch


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    experiment: Path
    outcomes: tuple[str, ...]
    arm: str | None
    versus: str | None
    engine: str
    workers: int | None
    out: Path | None
    pictures: Pictures = ALL_PICTURES
    json: bool = False


def run(request: Request) -> str:
    """Analyse a batch, after running what its folder lacks; writes a table and a picture and returns what to print."""
    from moatlab.evidence.sensitivity import sensitivity

    batch = _batch(request)
    analyses = [
        sensitivity(batch, outcome, request.arm, request.versus)
        for outcome in request.outcomes or tuple(batch.experiment.outcomes)
    ]
    request.pictures.check(["sensitivity"])
    table, picture = _write(batch, analyses, request.pictures)
    experiment = batch.experiment
    lines = [f"{experiment.name}: {experiment.question}".rstrip(": "), ""]
    for analysis in analyses:
        lines += _tell(analysis)
    if request.json:
        told = {f"{a.outcome}, {a.arm}": records(a.ranked()) for a in analyses}
        return json.dumps({"experiment": experiment.name, "method": analyses[0].method, "analyses": told}, indent=2)
    lines.append(f"table: {table}" + (f"; picture: {picture}" if picture is not None else ""))
    return "\n".join(lines)


def _batch(request: Request) -> Batch:
    """The batch in a folder as it is, or that of a file with all its runs."""
    from moatlab.evidence.sensitivity import ANALYSES
    from moatlab.experiments import Experiment, open_batch
    from moatlab.experiments.engines import check_engine

    if request.experiment.is_dir():
        return open_batch(request.experiment)
    check_engine(request.engine, request.workers, None)
    experiment = Experiment.load(request.experiment)
    if experiment.design.kind not in ANALYSES:
        raise InputError(
            f"sensitivity takes a design of kind {' or '.join(ANALYSES)}, not {experiment.design.kind}",
            str(request.experiment),
        )
    for name in (request.arm, request.versus):
        if name is not None:
            experiment.check_arm(name)
    for name in request.outcomes:
        if name not in experiment.outcomes:
            raise InputError(f"--outcome: there is no outcome {name!r}; {nearest(name, experiment.outcomes)}")
    out = request.out or Path("results") / experiment.name
    print(f"{len(experiment.plan)} runs; running those that {out} does not have ...", file=sys.stderr, flush=True)
    return experiment.run(request.engine, request.workers, out)


def _tell(analysis: Sensitivity) -> list[str]:
    morris = analysis.method == "morris"
    measure, other = ("mu_star", "sigma") if morris else ("total", "first")
    head = ["parameter", "mu*" if morris else "total", "95 % interval", *(["mu", "sigma"] if morris else ["first", ""])]
    rows = []
    for row in analysis.ranked().to_dict("records"):
        middle = [short(row["mu"]), short(row[other])] if morris else [
            short(row[other]), f"[{short(row['first_low'])}, {short(row['first_high'])}]"]  # fmt: skip
        interval = f"[{short(row[f'{measure}_low'])}, {short(row[f'{measure}_high'])}]"
        rows.append([str(row["parameter"]), short(row[measure]), interval, *middle])
    title = f"{analysis.outcome}, {analysis.arm} ({analysis.method}, {analysis.size})"
    return aligned(title, head, rows)


def _write(batch: Batch, analyses: list[Sensitivity], wanted: Pictures) -> tuple[Path, Path | None]:
    import pandas as pd

    table = batch.folder / "tables" / "sensitivity.csv"
    table.parent.mkdir(exist_ok=True)
    stacked = pd.concat([a.table.assign(outcome=a.outcome, arm=a.arm) for a in analyses], ignore_index=True)
    significant(stacked).to_csv(table, index=False)
    if not wanted.wants("sensitivity"):
        return table, None
    from moatlab import show

    picture = batch.folder / "pictures" / "sensitivity.png"
    picture.parent.mkdir(exist_ok=True)
    figure = show.sensitivity(analyses, f"moatlab, {batch.experiment.name}, {analyses[0].size}")
    return table, show.write(figure, picture, wanted.formats)
