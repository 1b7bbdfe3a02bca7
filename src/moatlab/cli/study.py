"""What the studies have in common: what is asked of them, a folder that is theirs, what it will cost, progress, and
what they write.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moatlab.cli.chosen import ALL_PICTURES, Pictures
from moatlab.cli.folder import MANIFEST, check_folder, files_of, replacing
from moatlab.errors import InputError, StoppedError
from moatlab.results.text.numbers import significant

if TYPE_CHECKING:
    import pandas as pd

#: Seconds that a run of 120 months of a study takes on an idle processor, walked month by month and held to a path;
#: of a plain one.
WATCHED, PLAIN = 0.065, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asked for, of every study."""

    scenario: str = "essay-2023"
    changes: tuple[str, ...] = ()
    quick: bool = False
    seed: int = 1
    workers: int | None = None
    out: Path | None = None
    pictures: Pictures = ALL_PICTURES
    json: bool = False


def begin(request: Request, kind: str, name: str) -> Path:
    """Take a folder for a study of a ``kind`` of the scenario ``name``, by default results/KIND-NAME.

    Raises `InputError` where it cannot be written or is another's.
    """
    from moatlab.experiments.ownership import refuse_others

    out = request.out or Path("results") / f"{kind}-{name}{'-quick' if request.quick else ''}"
    check_folder(out)
    refuse_others(out, kind)
    out.mkdir(parents=True, exist_ok=True)
    manifest = out / MANIFEST
    if not manifest.exists():
        # What is stopped half-way goes on in the same folder.
        manifest.write_text(json.dumps({"kind": kind, "name": name, "files": []}) + "\n", encoding="utf-8")
    return out


def write(
    out: Path, kind: str, name: str, chosen: Pictures, data: Mapping[str, Any], tables: Mapping[str, pd.DataFrame],
    pictures: Mapping[str, Callable[[], Any]],
) -> None:  # fmt: skip
    """Put tables (CSV; those with rows), data (JSON), the pictures that are wanted and a manifest into the folder."""
    from moatlab import show

    with replacing(out) as parts:
        for table, rows in tables.items():
            if len(rows):
                significant(rows).to_csv(parts / f"{table}.csv", index=False)
        (parts / f"{kind}.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
        (parts / "pictures").mkdir()
        for picture, draw in pictures.items():
            if chosen.wants(picture):
                show.write(draw(), parts / "pictures" / f"{picture}.png", chosen.formats)
        manifest = {"kind": kind, "name": name, "files": [*files_of(parts), MANIFEST]}
        (parts / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def answer(request: Request, out: Path, data: Mapping[str, Any], text: Callable[[], str]) -> str:
    """What the command prints: the data as JSON if asked for, else the text, and where the rest is."""
    if request.json:
        return json.dumps({**data, "folder": str(out)}, indent=2)
    return f"{text()}\ntables and pictures: {out}\n"


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
