"""The store of a batch: a folder of parquet parts that stays readable whatever happens to who writes it.

============================  =========================================================================================
``manifest.json``             provenance, and the digests of the other files that describe the batch
``experiment.toml``           the experiment as it was run, and ``scenario.toml``, its base scenario
``plan.parquet``              every planned run: key, arm, point, replication, seed, values of uncertain parameters
``metrics/part-*.parquet``    monthly paths of many runs: key, month, a column per metric
``runs/part-*.parquet``       how those runs ended, and the name of their metrics part
``claims/``                   which process is at which runs
``damaged/``                  parts that were damaged and whose runs have been done again
============================  =========================================================================================

A part is written under a temporary name, flushed to disk, and renamed.  The part in ``runs`` comes last and is the
commit record: metrics without it do not count.  The name of a part is the digest of its bytes, so a part that was
damaged is found, and several processes, on several machines, may write into one folder without a lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from moatlab.errors import InputError
from moatlab.experiments import host as machine
from moatlab.experiments.claims import Claims
from moatlab.experiments.host import Host, in_one_move, quietly
from moatlab.experiments.ownership import BATCH, refuse_others
from moatlab.experiments.work import DONE, Run

#: Columns of a part of ``runs``.
RUN_COLUMNS = ("key", "status", "seed", "seconds", "error", "traceback", "metrics")
#: Key of a part of ``runs`` under which its metadata list the metrics whose paths were recorded.
_PATHS = b"moatlab.paths"
#: Seconds after which a file under a temporary name is no longer anybody's: writing one takes a moment.
LEFT_OVER = 3600.0
MANIFEST, PLAN, EXPERIMENT, SCENARIO = "manifest.json", "plan.parquet", "experiment.toml", "scenario.toml"

Ended = tuple[str, str, str]


class DamagedError(InputError):
    """A file that describes the batch is not what was written."""


@dataclass
class Index:
    """What the parts of ``runs`` say: for every key the part that counts, and what is damaged."""

    #: Paths that a successful run must have recorded to count.
    wanted: frozenset[str] = frozenset()
    #: Key to (status, part of runs, part of metrics).
    runs: dict[str, Ended] = field(default_factory=dict)
    #: Parts of runs that are damaged, with what is wrong.
    broken: dict[str, str] = field(default_factory=dict)
    #: Parts of metrics that are damaged or gone, with what is wrong and the keys of their runs.
    lost: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    #: Keys that are in more than one part, as two processes at once may leave them.
    repeated: set[str] = field(default_factory=set)

    def keys(self, status: str = DONE) -> set[str]:
        """Keys of the runs that ended so."""
        return {key for key, (how, _, _) in self.runs.items() if how == status}

    @property
    def damaged(self) -> dict[str, str]:
        """Parts whose runs have not all been done again, with what is wrong."""
        told = {f"runs/{name}": what for name, what in self.broken.items()}
        for name, (what, keys) in self.lost.items():
            if any(self.runs.get(key, ("",))[0] != DONE for key in keys):
                told[f"metrics/{name}"] = what
        return told

    def committed(self, runs: Sequence[Run], name: str, part: str) -> None:
        """Enter runs that were stored in these parts of runs and of metrics."""
        self.seen.add(name)
        for run in runs:
            self.add(run.key, (run.status, name, part if run.status == DONE else ""))

    def add(self, key: str, ended: Ended) -> None:
        """Count a run, unless a success of the same key counts already."""
        known = self.runs.get(key)
        if known is not None and known[0] == DONE:
            if ended[0] == DONE:
                self.repeated.add(key)
            return
        self.runs[key] = ended


class Store:
    """One folder."""

    def __init__(self, folder: Path, host: Host | None = None) -> None:
        self.folder = folder
        self.host = machine.HOST if host is None else host
        self.runs = folder / "runs"
        self.metrics = folder / "metrics"
        self.claims = folder / "claims"

    # Files that describe the batch ----------------------------------------------------------------------------------

    @property
    def exists(self) -> bool:
        """Whether a batch was begun here."""
        return any(self.host.exists(self.folder / name) for name in (MANIFEST, EXPERIMENT, PLAN))

    def create(self) -> None:
        """Make the folders.  Raises `InputError` where none can be made or something else lies there."""
        refuse_others(self.folder, BATCH, self.host)
        try:
            for folder in (self.runs, self.metrics, self.claims):
                self.host.make(folder)
        except OSError as problem:
            raise InputError(f"{self.folder}: cannot write there: {problem.strerror}") from None

    def read_manifest(self) -> dict[str, Any]:
        """The manifest.  Raises `InputError` for a folder without one, `DamagedError` for one that is not whole."""
        path = self.folder / MANIFEST
        try:
            data = self.host.read(path)
            about = dict(json.loads(data))
        except FileNotFoundError:
            if self.exists:
                raise DamagedError(f"{path} is gone; {_HEAL}") from None
            raise InputError(f"{self.folder} holds no batch of runs") from None
        except OSError as problem:
            raise OSError(problem.errno, problem.strerror, str(path)) from None
        except (ValueError, TypeError, RecursionError):
            raise DamagedError(f"{path} is damaged; {_HEAL}") from None
        if about.get("kind", BATCH) != BATCH:
            raise InputError(f"{self.folder} holds no batch of runs, but what `{about.get('command')}` wrote")
        seal = about.pop("digest", None)
        # To the byte: what only looks the same was not written here either.
        if seal != _seal(about) or data != _json(about | {"digest": seal}):
            raise DamagedError(f"{path} is damaged; {_HEAL}")
        return about

    def describe(self, files: Mapping[str, bytes], about: Mapping[str, Any]) -> None:
        """Write the files that describe the batch, and last the manifest, which vouches for them."""
        for name, data in files.items():
            self.host.make((self.folder / name).parent)
            in_one_move(self.host, self.folder / name, data)
        whole = {"kind": BATCH, **about, "digests": {name: _digest(data) for name, data in files.items()}}
        in_one_move(self.host, self.folder / MANIFEST, _json(whole | {"digest": _seal(whole)}))

    def read_file(self, name: str) -> bytes:
        """One of the describing files.  Raises `DamagedError` if it is not what was written."""
        path = self.folder / name
        wanted = self.read_manifest().get("digests", {}).get(name)
        try:
            data = self.host.read(path)
        except FileNotFoundError:
            raise DamagedError(f"{path} is gone; {_HEAL}") from None
        except OSError as problem:
            raise OSError(problem.errno, problem.strerror, str(path)) from None
        if _digest(data) != wanted:
            raise DamagedError(f"{path} is not what was written; {_HEAL}")
        return data

    def read_plan(self) -> pa.Table:
        """The plan.  Raises `DamagedError` if it is not what was written."""
        return _table(self.read_file(PLAN))

    # Parts ----------------------------------------------------------------------------------------------------------

    def commit(
        self, runs: Sequence[Run], recorded: Sequence[NDArray[np.float64]], paths: Sequence[str]
    ) -> tuple[str, str]:
        """Store runs: their paths first, then the record that makes them count; returns the names of the two parts.

        ``recorded`` are the paths of the successful ones, in arrays (paths, runs, months).  Raises `OSError` if the
        disk does not take them; what was committed before stays as it is.
        """
        done = [run.key for run in runs if run.status == DONE]
        part = self.write_part(self.metrics, _metrics_table(done, recorded, paths)) if done else ""
        table = pa.table({
            "key": [run.key for run in runs],
            "status": [run.status for run in runs],
            "seed": [run.seed for run in runs],
            "seconds": [run.seconds for run in runs],
            "error": [run.error for run in runs],
            "traceback": [run.traceback for run in runs],
            "metrics": [part if run.status == DONE else "" for run in runs],
        }).replace_schema_metadata({_PATHS: json.dumps(list(paths))})  # fmt: skip
        return self.write_part(self.runs, table), part

    def write_part(self, folder: Path, table: pa.Table) -> str:
        """Write a table as a part of ``folder``; returns its name."""
        data = encode(table)
        name = f"part-{_digest(data)}.parquet"
        in_one_move(self.host, folder / name, data)
        return name

    # Reading --------------------------------------------------------------------------------------------------------

    def scan(self, index: Index | None = None, verify: bool = True, wanted: Iterable[str] = ()) -> Index:
        """Read the parts of ``runs`` that ``index`` has not seen yet; with ``verify`` those of metrics too.

        A success counts if it recorded the paths of ``wanted``, and more as the case may be.  Parts are read in the
        order of their names, so that the same files give the same index.
        """
        index = Index(frozenset(wanted)) if index is None else index
        for name in self.host.names(self.runs):
            if name in index.seen or not (name.startswith("part-") and name.endswith(".parquet")):
                continue
            index.seen.add(name)
            data = self.part(self.runs / name)
            if data is None:
                index.broken[name] = "is damaged"
                continue
            table = _table(data, ["key", "status", "metrics"])
            recorded = json.loads((table.schema.metadata or {}).get(_PATHS, b"[]"))
            columns = (table[column].to_pylist() for column in ("key", "status", "metrics"))
            self._enter(index, name, list(zip(*columns, strict=True)), index.wanted.issubset(recorded), verify)
        return index

    def _enter(self, index: Index, name: str, rows: list[Ended], enough: bool, verify: bool) -> None:
        """The rows (key, status, part of metrics) of one part of runs into the index."""
        fine: dict[str, bool] = {"": True}
        alike: dict[tuple[str, str], Ended] = {}
        for key, status, metrics in rows:
            if metrics not in fine:
                there = self.metrics / metrics
                fine[metrics] = self.host.exists(there) if not verify else self.part(there) is not None
                if not fine[metrics]:
                    what = "is damaged" if self.host.exists(there) else "is gone"
                    index.lost[metrics] = what, [k for k, _, m in rows if m == metrics]
            if fine[metrics] and (enough or status != DONE):
                index.add(key, alike.setdefault((status, metrics), (status, name, metrics)))

    def part(self, path: Path) -> bytes | None:
        """The bytes of a part; None if it is gone or they are not those that were written."""
        try:
            data = self.host.read(path)
        except OSError:
            return None
        return data if path.name == f"part-{_digest(data)}.parquet" else None

    def table(self, path: Path, columns: Sequence[str] | None = None, verified: bool = False) -> pa.Table:
        """A part as a table, whole or some columns of it; ``verified`` if its digest was looked at before.

        Raises `InputError` if it is damaged or gone.
        """
        try:
            data = self.host.read(path) if verified else self.part(path)
        except OSError:
            data = None
        if data is None:
            raise InputError(f"{path} is damaged or gone; {_HEAL}")
        return _table(data, columns)

    def columns(self, part: str) -> list[str]:
        """The columns of a part of metrics.  Raises `InputError` if it is gone."""
        try:
            return list(pq.read_schema(pa.BufferReader(self.host.read(self.metrics / part))).names)
        except (OSError, pa.ArrowInvalid):
            raise InputError(f"{self.metrics / part} is damaged or gone; {_HEAL}") from None

    # Order in the folder --------------------------------------------------------------------------------------------

    def session(self) -> Claims:
        """Claims of this process."""
        return Claims(self.host, self.claims)

    def retire(self, index: Index) -> None:
        """Put damaged parts aside: all that was planned has been done again."""
        folder = self.folder / "damaged"
        wrecks = [self.runs / name for name in index.broken] + [self.metrics / name for name in index.lost]
        with contextlib.suppress(OSError):
            for path in wrecks:
                if self.host.exists(path) and self.part(path) is None:
                    self.host.make(folder)
                    self.host.rename(path, folder / f"{path.parent.name}-{path.name}")

    def tidy(self) -> None:
        """Remove the files that killed processes left half-written long ago."""
        for folder in (self.folder, self.runs, self.metrics):
            for path in self.temporary(folder):
                with contextlib.suppress(OSError):
                    if self.host.age(path) > LEFT_OVER:
                        quietly(self.host.remove, path)

    def temporary(self, folder: Path) -> Iterator[Path]:
        """The files in a folder that have the temporary name of a part."""
        with contextlib.suppress(OSError):
            for name in self.host.names(folder):
                if name.startswith(".") and len(name.rpartition(".")[2]) == len(self.host.unique()):
                    yield folder / name


_HEAL = "`moatlab run` with the same experiment and --out puts the folder in order"


def encode(table: pa.Table) -> bytes:
    """A table as the bytes of a parquet file."""
    sink = pa.BufferOutputStream()
    # Measured values hardly repeat: a dictionary of them takes six times as long to write and more room.
    repeat = [column.name for column in table.schema if not pa.types.is_floating(column.type)]
    pq.write_table(
        table, sink, compression="zstd", compression_level=1, write_page_checksum=True, use_dictionary=repeat
    )  # fmt: skip
    return bytes(memoryview(sink.getvalue()))


def _table(data: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """Columns of the bytes of a parquet file; a small one is read faster without threads."""
    wanted = None if columns is None else list(columns)
    return pq.read_table(pa.BufferReader(data), columns=wanted, use_threads=len(data) > 1 << 20, pre_buffer=False)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _json(about: Mapping[str, Any]) -> bytes:
    return (json.dumps(about, indent=2) + "\n").encode()


def _seal(about: Mapping[str, Any]) -> str:
    return _digest(json.dumps(about, sort_keys=True).encode())


def _metrics_table(keys: Sequence[str], recorded: Sequence[NDArray[np.float64]], paths: Sequence[str]) -> pa.Table:
    months = recorded[0].shape[2]
    columns: dict[str, Any] = {
        "key": pa.DictionaryArray.from_arrays(
            pa.array(np.repeat(np.arange(len(keys), dtype=np.int32), months)), pa.array(keys, pa.string())
        ),
        "month": pa.array(np.tile(np.arange(months, dtype=np.int16), len(keys))),
    }
    for at, name in enumerate(paths):
        columns[name] = pa.chunked_array([pa.array(array[at].ravel()) for array in recorded])
    return pa.table(columns)


def describe(difference: Mapping[str, tuple[Any, Any]]) -> str:
    """Changes in words: name, before, after."""
    told = [f"{name} {_short(before)} -> {_short(after)}" for name, (before, after) in difference.items()]
    return "; ".join(told[:4]) + (f"; and {len(told) - 4} more" if len(told) > 4 else "")


def _short(value: Any) -> str:
    text = "(none)" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
