"""What the studies have in common: a folder that is theirs, what it will cost, progress, and how they stop."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from moatlab.cli.folder import MANIFEST, check_folder
from moatlab.errors import InputError, StoppedError

#: Seconds that a run of 120 months of a study takes on an idle processor, walked month by month and held to a path;
#: of a plain one.
WATCHED, PLAIN = 0.065, 0.05


def begin(out: Path, kind: str, name: str) -> None:
    """Take a folder for a study of a ``kind``; `InputError` where it cannot be written or is another's."""
    from moatlab.experiments.ownership import refuse_others

    check_folder(out)
    refuse_others(out, kind)
    out.mkdir(parents=True, exist_ok=True)
    manifest = out / MANIFEST
    if not manifest.exists():
        # What is stopped half-way goes on in the same folder.
        manifest.write_text(json.dumps({"kind": kind, "name": name, "files": []}) + "\n", encoding="utf-8")


def workers_of(asked: int | None) -> int:
    """Worker processes: as asked, by default one a processor."""
    from moatlab.experiments.engines import check_engine, workers_here

    check_engine("local", asked, None)
    return workers_here() if asked is None else asked


def cost(runs: int, months: int, workers: int, each: float) -> str:
    """What a study will take, in a sentence."""
    seconds = runs * each * months / 120.0 / max(workers, 1)
    told = f"{max(seconds, 2.0):.0f} seconds" if seconds < 100 else f"{seconds / 60:.0f} minutes"
    many = f"{workers} idle processor{'s' if workers > 1 else ''}"
    return f"{runs:,} runs of {months} months: about {told} on {many}"


def whole_from(name: str, value: int, low: int) -> None:
    """Refuse a whole number that is too small."""
    if value < low:
        raise InputError(f"{name} is a whole number from {low}, not {value}")


@contextmanager
def progress(what: str, out: Path | None) -> Iterator[Callable[[int, int], None]]:
    """A bar that is told of units done and of all; Ctrl-C says how to go on, where ``out`` keeps what is done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), disable=not sys.stderr.isatty(),
    )  # fmt: skip
    done = 0

    def tell(count: int, total: int) -> None:
        nonlocal done
        done = count
        bar.update(task, completed=count, total=total)

    try:
        with bar:
            task = bar.add_task(what, total=None)
            yield tell
    except KeyboardInterrupt:
        kept = f"{done} {what} are stored in {out}, and the same command continues from there"
        raise StoppedError(f"stopped; {kept if out is not None else 'nothing is kept'}") from None
