"""`moatlab show`: a batch's outcomes by arm and paired differences, as tables and pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from moatlab.cli.chosen import ALL_PICTURES, Pictures, check_excel
from moatlab.cli.run import refuse_no_batch
from moatlab.errors import InputError
from moatlab.results.text.numbers import aligned, records, significant
from moatlab.show import style
from moatlab.show.style import figures

if TYPE_CHECKING:
    from moatlab.evidence.verdicts import Verdict
    from moatlab.experiments import Batch

#: Most points of a design that are printed one by one.
MOST_POINTS = 12


def show(
    folder: Path, out: Path | None, pictures: Pictures = ALL_PICTURES, *, excel: bool = False, as_json: bool = False
) -> str:
    """Write tables and pictures into ``out`` (the batch's own folder, if None); returns what to print."""
    refuse_no_batch(folder)
    if excel:
        check_excel()
    from moatlab.evidence import report
    from moatlab.evidence.verdicts import verdicts_table
    from moatlab.experiments import open_batch, tables

    batch = open_batch(folder)
    if not len(batch.outcomes()):
        raise InputError(f"{folder} has no successful run yet, so there is nothing to show")
    target = out or folder
    if target.exists() and not target.is_dir():
        raise InputError(f"--out {target} is a file, not a folder")
    levels, gaps, verdicts = tables.by_arm(batch), report.differences(batch), report.judged(batch)
    written = {"by-arm": levels, "differences": gaps, "verdicts": verdicts_table(verdicts)}
    points = batch.experiment.plan.points if batch.experiment.design.kind in ("grid", "chosen") else []
    if len(gaps) and 1 < len(points) <= MOST_POINTS:
        written["differences-by-point"] = report.differences_by_point(batch)
    drawn = _draw(batch, gaps, verdicts, target / "pictures", pictures)
    (target / "tables").mkdir(parents=True, exist_ok=True)
    for name, table in written.items():
        significant(table).to_csv(target / "tables" / f"{name}.csv", index=False)
    if excel:
        from moatlab.cli.tables import write_workbook

        write_workbook(target / "tables" / "tables.xlsx", written)
    if as_json:
        told = {"experiment": batch.experiment.name, "question": batch.experiment.question,
                **{name.replace("-", "_"): records(table) for name, table in written.items()}, "folder": str(target),
                "missing": len(batch.missing())}  # fmt: skip
        return json.dumps(told, indent=2)
    lines = [f"{batch.experiment.name}: {batch.experiment.question}".rstrip(": "), ""]
    lines += _table("By arm: mean [5 %, 95 % of the runs]", levels, "runs")
    if len(gaps) and batch.experiment.spec.contrasts:
        width = f"{100 * batch.experiment.test.confidence:g} % interval of the mean"
        lines += _table(f"Paired differences from {batch.experiment.control}: mean [{width}]", gaps, "pairs")
    for at, here in written.get("differences-by-point", gaps.head(0).assign(point=0)).groupby("point"):
        values = ", ".join(f"{name} {value}" for name, value in points[int(str(at))].items())
        lines += _table(f"Where {values}", here, "pairs")
    lines += report.tell(batch, verdicts)
    missing = len(batch.missing())
    if missing:
        lines += [f"{missing} of {len(batch.plan)} planned runs are missing: moatlab status {folder}", ""]
    seen = f"; pictures: {', '.join(path.name for path in drawn)} in {target / 'pictures'}" if drawn else ""
    lines.append(f"tables: {target / 'tables'}{seen}")
    return "\n".join(lines)


def _draw(batch: Batch, gaps: pd.DataFrame, verdicts: list[Verdict], folder: Path, wanted: Pictures) -> list[Path]:
    """The pictures asked for; `InputError` for one that the batch does not give."""
    if wanted.names == ():
        return []
    from moatlab.evidence.of_batch import pictures

    there = pictures(batch, gaps, verdicts)
    wanted.check(there)
    folder.mkdir(parents=True, exist_ok=True)
    return [
        style.write(drawing(), folder / f"{name}.png", wanted.formats)
        for name, drawing in there.items() if wanted.wants(name)
    ]  # fmt: skip


def _table(title: str, table: pd.DataFrame, count: str) -> list[str]:
    head = ["outcome", "arm", count, "mean", "interval"]
    rows = [
        [str(outcome), str(arm), str(int(n)), figures(mean), f"[{figures(low)}, {figures(high)}]"]
        for outcome, arm, n, mean, low, high in table[["outcome", "arm", count, "mean", "low", "high"]].to_numpy()
    ]
    return aligned(title, head, rows, left=(0, 1))
