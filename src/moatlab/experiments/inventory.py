"""What is in a folder of results: batches, how far they are, how large, and what of them can go."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from moatlab.errors import InputError
from moatlab.experiments.batch import Batch
from moatlab.experiments.ownership import BATCH
from moatlab.experiments.store import LEFT_OVER, MANIFEST, DamagedError, Store
from moatlab.experiments.tags import read_tags
from moatlab.experiments.work import DONE

#: How deep batches are looked for below a folder.
DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """A batch in a folder of results: runs planned and done, bytes in all and of the monthly paths."""

    folder: Path
    name: str
    made: str
    planned: int
    done: int
    size: int
    paths: int
    tags: tuple[str, ...]


def batches(root: Path, tag: str | None = None) -> list[Entry]:
    """The batches in a folder and below it, in the order of their folders; with ``tag`` those that have it.

    Raises `InputError` for a folder that is not there.
    """
    if not root.is_dir():
        raise InputError(f"there is no folder {root}")
    found = [_entry(folder, about) for folder, about in _folders(root, 0)]
    return [entry for entry in found if tag is None or tag in entry.tags]


def _folders(folder: Path, depth: int) -> Iterator[tuple[Path, dict[str, object]]]:
    """Folders that hold a batch, with their manifests; what lies below a batch is its own."""
    about: object = None
    with contextlib.suppress(OSError, ValueError, RecursionError):
        about = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if isinstance(about, dict) and about.get("kind", BATCH) == BATCH and (folder / "runs").is_dir():
        yield folder, about
        return
    if depth < DEEPEST:
        with contextlib.suppress(OSError):
            for below in sorted(folder.iterdir()):
                if below.is_dir() and not below.is_symlink() and not below.name.startswith("."):
                    yield from _folders(below, depth + 1)


def _entry(folder: Path, about: dict[str, object]) -> Entry:
    store = Store(folder)
    planned = 0
    with contextlib.suppress(InputError, OSError):
        planned = store.read_plan().num_rows
    done = len(store.scan(verify=False).keys(DONE))
    return Entry(folder, str(about.get("name", folder.name)), str(about.get("made", "")), planned, done,
                 size_of(folder), size_of(folder / "metrics"), read_tags(folder))  # fmt: skip


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder and below it; 0 where it is not there."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


@dataclass(frozen=True, slots=True)
class Waste:
    """A file that a batch does not need, why, and its bytes."""

    path: Path
    why: str
    size: int


def waste(batch: Batch, *, unplanned: bool = False) -> list[Waste]:
    """Files in a batch's folder that nothing reads any more.

    Parts of which no run counts (they were done again with more metrics, twice, or never committed), damaged parts that
    have been replaced, and files that killed processes left; with ``unplanned`` parts whose runs are all outside the
    plan.  Raises `InputError` while another process is at work in the folder.
    """
    store, index = Store(batch.folder), batch.index
    claims = store.session()
    claims.refresh()
    if not claims.alone:
        raise InputError(f"another process is at work in {batch.folder}: wait until it has ended")
    planned = set(batch.plan["key"])
    counting = {key: ended for key, ended in index.runs.items() if not unplanned or key in planned}
    runs = {name for _, name, _ in counting.values()}
    metrics = {part for status, _, part in counting.values() if status == DONE}
    found = []
    for folder, kept, why in (
        (store.runs, runs, "no run in it counts"),
        (store.metrics, metrics, "no run in it counts"),
    ):
        for path in sorted(folder.glob("part-*.parquet")):
            # What is damaged and not yet done again is for `moatlab run` to put in order.
            if path.name not in kept and path.name not in index.broken and path.name not in index.lost:
                found.append(Waste(path, why, path.stat().st_size))
    for path in sorted((batch.folder / "damaged").glob("*")):
        found.append(Waste(path, "damaged, and done again", path.stat().st_size))
    for folder in (batch.folder, store.runs, store.metrics):
        for path in store.temporary(folder):
            if store.host.age(path) > LEFT_OVER:
                found.append(Waste(path, "left by a process that was killed", path.stat().st_size))
    for path in sorted(store.claims.glob("*")):
        found.append(Waste(path, "claim of a process that has ended", path.stat().st_size))
    return found


def prune(batch: Batch, *, unplanned: bool = False) -> list[Waste]:
    """Remove what `waste` finds; returns what was removed.

    Parts of runs go before those of metrics, so that no committed run is ever without its paths.  Raises `InputError`
    for a batch whose describing files are damaged, and as `waste` does.
    """
    try:
        found = waste(batch, unplanned=unplanned)
    except DamagedError as problem:
        raise InputError(f"nothing was removed: {problem}") from None
    removed = []
    for each in found:
        with contextlib.suppress(OSError):
            each.path.unlink()
            removed.append(each)
    with contextlib.suppress(OSError):
        (batch.folder / "damaged").rmdir()
    return removed
