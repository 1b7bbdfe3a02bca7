"""The store of a batch: a folder of parquet parts that stays readable whatever happens to who writes it.

============================  =========================================================================================
``manifest.json``             provenance
``experiment.toml``           the experiment as it was run, and ``scenario.toml``, its base scenario
``plan.parquet``              every planned run: key, arm, point, replication, seed, values of uncertain parameters
``metrics/part-*.parquet``    monthly paths of many runs: key, month, a column per metric
``runs/part-*.parquet``       how those runs ended, their outcomes, and the name of their metrics part
============================  =========================================================================================

A part is written under a temporary name, flushed to disk, and renamed.  The part in ``runs`` comes last and is the
commit record: metrics without it do not count.  The name of a part is the digest of its bytes, so a part that was
damaged is found, and several processes, on several machines, may write into one folder without a lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from moatlab.errors import InputError
from moatlab.experiments.work import DONE, Run

#: Columns of a part of ``runs``; a column ``outcome.NAME`` for each outcome follows.
RUN_COLUMNS = ("key", "status", "seed", "seconds", "error", "traceback", "metrics")
OUTCOME = "outcome."
#: Seconds after which a file under a temporary name is no longer anybody's: writing one takes a moment.
LEFT_OVER = 3600.0


@dataclass
class Index:
    """What the parts of ``runs`` say: for every key the part that counts, and what is damaged."""

    #: Key to (status, part of runs, part of metrics).
    runs: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    #: Parts that are damaged or gone, with what is wrong.
    damaged: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    #: Keys that are in more than one part, as two processes at once may leave them.
    repeated: set[str] = field(default_factory=set)

    def keys(self, status: str = DONE) -> set[str]:
        """Keys of the runs that ended so."""
        return {key for key, (how, _, _) in self.runs.items() if how == status}


class Store:
    """One folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        self.metrics = folder / "metrics"
        self.claims = folder / "claims"

    # Files that describe the batch ----------------------------------------------------------------------------------

    @property
    def exists(self) -> bool:
        """Whether a batch was begun here."""
        return (self.folder / "manifest.json").is_file()

    def create(self) -> None:
        """Make the folders.  Raises `InputError` where none can be made or something else lies there."""
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(f"{self.folder} is a file, not a folder")
        try:
            if self.folder.is_dir() and not self.exists and any(
                p.name not in ("runs", "metrics", "claims", "plan.parquet", "experiment.toml", "scenario.toml")
                and not p.name.startswith(".") for p in self.folder.iterdir()
            ):  # fmt: skip
                raise InputError(f"{self.folder} holds other files: name an empty or a new folder")
            for folder in (self.runs, self.metrics, self.claims):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise InputError(f"{self.folder}: cannot write there: {problem.strerror}") from None

    def read_manifest(self) -> dict[str, Any]:
        """The manifest.  Raises `InputError` for a folder without one."""
        try:
            return dict(json.loads((self.folder / "manifest.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise InputError(f"{self.folder} holds no batch of runs") from None
        except (ValueError, OSError) as problem:
            raise InputError(f"{self.folder / 'manifest.json'} cannot be read: {problem}") from None

    def write_text(self, name: str, text: str) -> None:
        """Write one of the describing files in one move."""
        self._write(self.folder / name, text.encode())

    def write_plan(self, table: pa.Table) -> None:
        """Write the plan in one move."""
        self._write(self.folder / "plan.parquet", encode(table))

    # Parts ----------------------------------------------------------------------------------------------------------

    def commit(self, runs: Sequence[Run], paths: Sequence[str], outcomes: Sequence[str]) -> None:
        """Store runs: their paths first, then the record that makes them count.

        Raises `OSError` if the disk does not take them; what was committed before stays as it is.
        """
        done = [run for run in runs if run.paths is not None]
        part = self.write_part(self.metrics, _metrics_table(done, paths)) if done else ""
        table = {
            "key": [run.key for run in runs],
            "status": [run.status for run in runs],
            "seed": [run.seed for run in runs],
            "seconds": [run.seconds for run in runs],
            "error": [run.error for run in runs],
            "traceback": [run.traceback for run in runs],
            "metrics": [part if run.paths is not None else "" for run in runs],
        }
        for at, name in enumerate(outcomes):
            values = [run.outcomes[at] if run.outcomes else None for run in runs]
            table[OUTCOME + name] = pa.array(values, pa.float64())
        self.write_part(self.runs, pa.table(table))

    def write_part(self, folder: Path, table: pa.Table) -> str:
        """Write a table as a part of ``folder``; returns its name."""
        data = encode(table)
        name = f"part-{_digest(data)}.parquet"
        self._write(folder / name, data)
        return name

    def _write(self, path: Path, data: bytes) -> None:
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            with open(temporary, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as problem:
            temporary.unlink(missing_ok=True)
            raise OSError(problem.errno, problem.strerror, str(path)) from None

    # Reading --------------------------------------------------------------------------------------------------------

    def scan(self, index: Index | None = None, verify: bool = True) -> Index:
        """Read the parts of ``runs`` that ``index`` has not seen yet; with ``verify`` those of metrics too.

        Parts are read in the order of their names, so that the same files give the same index.
        """
        index = Index() if index is None else index
        fine: dict[str, bool] = {}
        for path in sorted(self.runs.glob("part-*.parquet")):
            if path.name in index.seen:
                continue
            index.seen.add(path.name)
            data = _read_part(path)
            if data is None:
                index.damaged[f"runs/{path.name}"] = "is damaged"
                continue
            table = pq.read_table(pa.BufferReader(data), columns=["key", "status", "metrics"])
            columns = (table[name].to_pylist() for name in ("key", "status", "metrics"))
            for key, status, metrics in zip(*columns, strict=True):
                if metrics and metrics not in fine:
                    there = self.metrics / metrics
                    fine[metrics] = there.is_file() if not verify else _read_part(there) is not None
                    if not fine[metrics]:
                        what = "is damaged" if there.is_file() else "is gone"
                        index.damaged[f"metrics/{metrics}"] = what
                if metrics and not fine[metrics]:
                    continue
                known = index.runs.get(key)
                if known is not None and known[0] == DONE:
                    if status == DONE:
                        index.repeated.add(key)
                    continue
                index.runs[key] = (status, path.name, metrics)
        return index

    def columns(self, parts: Iterable[str], wanted: Sequence[str]) -> pa.Table:
        """Columns of parts of ``runs`` one below the other, with the name of the part as ``part``."""
        tables = []
        for name in parts:
            table = pq.read_table(self.runs / name)
            keep = [c for c in table.column_names if c in wanted]
            tables.append(table.select(keep).append_column("part", pa.array([name] * len(table))))
        if not tables:
            return pa.table({"key": pa.array([], pa.string()), "part": pa.array([], pa.string())})
        return pa.concat_tables(tables, promote_options="default")

    # Claims: who works on what, so that two processes on one folder do not do the same -----------------------------

    def claim(self, keys: Iterable[str]) -> Path:
        """Say that this process is about to do some runs; only the order of others' work depends on it."""
        path = self.claims / f"{uuid.uuid4().hex}.txt"
        path.write_text("\n".join(keys), encoding="utf-8")
        return path

    def claimed(self) -> set[str]:
        """Keys that some process says it is doing; one that was killed may have left its claims."""
        return {key for _, keys in self._claims() for key in keys}

    def _claims(self) -> Iterator[tuple[Path, list[str]]]:
        for path in self.claims.glob("*.txt"):
            with contextlib.suppress(OSError):
                yield path, path.read_text(encoding="utf-8").split()

    def tidy(self, index: Index) -> None:
        """Remove what killed processes left: claims of runs that are stored, and files half-written long ago."""
        for path, keys in self._claims():
            if all(key in index.runs for key in keys):
                path.unlink(missing_ok=True)
        for folder in (self.folder, self.runs, self.metrics):
            for path in folder.glob(".*.parquet.*"):
                with contextlib.suppress(OSError):
                    if time.time() - path.stat().st_mtime > LEFT_OVER:
                        path.unlink()


def encode(table: pa.Table) -> bytes:
    """A table as the bytes of a parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=1, write_page_checksum=True)
    return bytes(sink.getvalue().to_pybytes())


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _read_part(path: Path) -> bytes | None:
    """The bytes of a part, if they are those that were written."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return data if path.name == f"part-{_digest(data)}.parquet" else None


def _metrics_table(runs: Sequence[Run], paths: Sequence[str]) -> pa.Table:
    stacked = np.concatenate([run.paths for run in runs if run.paths is not None])
    months = [len(run.paths) for run in runs if run.paths is not None]
    keys = pa.DictionaryArray.from_arrays(
        pa.array(np.repeat(np.arange(len(runs), dtype=np.int32), months)), pa.array([run.key for run in runs])
    )
    columns: dict[str, Any] = {
        "key": keys,
        "month": pa.array(np.concatenate([np.arange(m, dtype=np.int16) for m in months])),
    }
    for at, name in enumerate(paths):
        columns[name] = pa.array(np.ascontiguousarray(stacked[:, at]))
    return pa.table(columns)


def describe(difference: Mapping[str, tuple[Any, Any]]) -> str:
    """Changes in words: name, before, after."""
    told = [f"{name} {_short(before)} -> {_short(after)}" for name, (before, after) in difference.items()]
    return "; ".join(told[:4]) + (f"; and {len(told) - 4} more" if len(told) > 4 else "")


def _short(value: Any) -> str:
    text = "(none)" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
