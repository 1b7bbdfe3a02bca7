"""Reading a batch: tables for pandas, and all of it for DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from moatlab.errors import InputError
from moatlab.experiments.record import needed, reduce
from moatlab.experiments.store import EXPERIMENT, PLAN, Index, Store
from moatlab.experiments.work import DONE
from moatlab.results.text.html import frame, page

if TYPE_CHECKING:
    from moatlab.experiments.experiment import Experiment

_MISSING = "missing"
_ID = ["key", "arm", "point", "replication"]


class Batch:
    """The runs of an experiment in a folder.  Pairs of runs that share a seed have the same (point, replication)."""

    def __init__(self, folder: Path, experiment: Experiment, kept: Any = None) -> None:
        """``kept`` is held on to: a temporary folder that goes when the batch does."""
        self.folder = folder
        self.experiment = experiment
        self._kept = kept
        self._store = Store(folder)

    def keeping(self, other: Batch) -> Batch:
        """This batch, which lives in the temporary folder of another one."""
        self._kept = other._kept
        return self

    def __repr__(self) -> str:
        arms = ", ".join(self.experiment.arms)
        return f"<Batch of {self.experiment.name} in {self.folder}: {len(self.plan)} runs planned; arms {arms}>"

    def _repr_html_(self) -> str:
        runs = self.runs()
        done = int((runs["status"] == DONE).sum())
        values = self.outcomes().groupby(["outcome", "arm"], sort=False)["value"]
        table = frame(values.agg(["count", "mean", "min", "max"]).reset_index()) if done else ""
        return page(f"{self.experiment.name}: {self.experiment.question or 'a batch'}",
                    f"<p>{done} of {len(runs)} runs done</p>", table)  # fmt: skip

    def verdicts(self) -> Any:
        """The verdicts on the batch, as one family: a list with ``to_pandas``.

        Looking is on record in the folder, and a later look at more runs has less of the error rate left.
        """
        from moatlab.evidence.of_batch import verdicts

        return verdicts(self)

    def plot(self, name: str = "arms") -> Any:
        """A picture as a matplotlib figure: ``arms``, ``differences``, ``effects``, ``verdicts``, ``shares-LAYER``, ...

        Raises `InputError` for other names.
        """
        from moatlab.evidence.of_batch import plot

        return plot(self, name)

    def to_csv(self, path: str | Path) -> Path:
        """Write a row a run: arm, point, replication, seed, status, the point's values, and a column an outcome."""
        table = self.runs().drop(columns=["error"])
        done = self._reduced.reindex(table["key"])
        for name in self.experiment.outcomes:
            table[name] = done[name].to_numpy(np.float64)
        table.to_csv(path, index=False)
        return Path(path)

    def to_xarray(self) -> Any:
        """All recorded metrics and the outcomes as an ``xarray.Dataset``.

        Metrics have the dimensions arm, point, replication, month, outcomes all but the month, and parameters the
        point; outcomes and parameters that are called like a metric have ``outcome:`` or ``at:`` before their names.
        Raises `InputError` where xarray is not installed.
        """
        try:
            import xarray
        except ImportError:
            raise InputError("to_xarray needs xarray: pip install 'moatlab[analysis]'") from None
        plan, arms = self.plan, list(self.experiment.arms)
        data: dict[str, Any] = {m: (("arm", "point", "replication", "month"), self.cube(m)) for m in self.metrics}
        shape = len(arms), int(plan["point"].max()) + 1, int(plan["replication"].max()) + 1
        place = plan["arm"].map({name: at for at, name in enumerate(arms)})
        at = tuple(column.to_numpy(dtype=int) for column in (place, plan["point"], plan["replication"]))
        for name in self.experiment.outcomes:
            values = np.full(shape, np.nan)
            values[at] = self._reduced[name].reindex(plan["key"]).to_numpy(np.float64)
            data[name if name not in data else f"outcome:{name}"] = (("arm", "point", "replication"), values)
        for name in self._uncertain:
            values_at = plan.drop_duplicates("point").sort_values("point")[name].to_numpy()
            data[name if name not in data else f"at:{name}"] = (("point",), values_at)
        coordinates = {"arm": arms, "month": np.arange(self.experiment.months)}
        return xarray.Dataset(data, coordinates, {"experiment": self.experiment.name})

    @cached_property
    def index(self) -> Index:
        """What is stored, and which parts are damaged."""
        return self._store.scan(wanted=self.experiment.paths)

    @cached_property
    def plan(self) -> pd.DataFrame:
        """Every planned run: key, arm, point, replication, seed, and a column for each uncertain parameter."""
        plan: pd.DataFrame = self._store.read_plan().to_pandas()
        return plan

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Provenance: versions, commit, machine, seed."""
        return self._store.read_manifest()

    @cached_property
    def _ended(self) -> pd.DataFrame:
        """How the runs ended, one row a key: status, seconds, error, traceback."""
        wanted = ["key", "status", "seconds", "error", "traceback"]
        tables = []
        for name in sorted({part for _, part, _ in self.index.runs.values()}):
            table = self._store.table(self._store.runs / name, wanted)
            ends = zip(*(table[column].to_pylist() for column in ("key", "status")), strict=True)
            counts = [self.index.runs.get(key, ("", "", ""))[:2] == (status, name) for key, status in ends]
            tables.append(table.filter(pa.array(counts)))
        if not tables:
            frame = pd.DataFrame({name: pd.Series([], dtype="float64" if name == "seconds" else "str")
                                  for name in wanted})  # fmt: skip
        else:
            frame = pa.concat_tables(tables).to_pandas()
        return frame.drop_duplicates("key").set_index("key")

    @cached_property
    def _reduced(self) -> pd.DataFrame:
        """The outcomes of the successful runs, one row a key, a column an outcome; read part by part."""
        outcomes = self.experiment.outcomes
        slugs = self.experiment.slugs
        columns = sorted({metric for outcome in outcomes.values() for metric in needed(outcome, slugs)})
        keys: list[str] = []
        values: dict[str, list[float]] = {name: [] for name in outcomes}
        for part in self._parts:
            for key, paths in self._paths_of(part, columns):
                keys.append(key)
                for name, outcome in outcomes.items():
                    values[name].append(reduce(outcome, paths, slugs))
        return pd.DataFrame(values, index=pd.Index(keys, dtype="str"), dtype=np.float64)

    def _paths_of(self, part: str, metrics: Sequence[str]) -> Iterator[tuple[str, dict[str, NDArray[np.float64]]]]:
        """The runs of a part of metrics that count, each with the paths of some metrics."""
        table = self._store.table(self._store.metrics / part, ["key", *metrics], verified=True)
        keys = table["key"].unify_dictionaries().combine_chunks()
        codes, names = keys.indices.to_numpy(), keys.dictionary.to_pylist()
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        columns = {metric: table[metric].to_numpy() for metric in metrics}
        for first, last in zip(starts, [*starts[1:], len(codes)], strict=True):
            key = names[codes[first]]
            if self.index.runs.get(key, ("", "", ""))[2] == part:
                yield key, {metric: column[first:last] for metric, column in columns.items()}

    def cube(self, metric: str) -> NDArray[np.float64]:
        """A recorded metric by month: (arms, points, replications, months), not-a-number where a run is missing.

        Raises `InputError` for a metric that was not recorded.
        """
        self.quoted(metric)
        plan = self.plan
        shape = [len(self.experiment.arms), int(plan["point"].max()) + 1, int(plan["replication"].max()) + 1]
        place = {name: at for at, name in enumerate(self.experiment.arms)}
        rows: dict[str, list[tuple[int, int, int]]] = {}
        for key, arm, point, replication in zip(*(plan[c] for c in _ID), strict=True):
            rows.setdefault(key, []).append((place[arm], point, replication))
        found: NDArray[np.float64] | None = None
        for part in self._parts:
            for key, paths in self._paths_of(part, [metric]):
                if found is None:
                    found = np.full((*shape, len(paths[metric])), np.nan)
                for at in rows.get(key, ()):
                    found[at] = paths[metric]
        return np.full((*shape, 0), np.nan) if found is None else found

    def runs(self) -> pd.DataFrame:
        """A row a planned run: key, arm, point, replication, seed, status, seconds, error, and the point's values.

        ``status`` is done, failed, timeout, died, or missing for a run that is not stored.
        """
        told = self.plan[[*_ID, "seed"]].copy()
        ended = self._ended.reindex(told["key"])
        told["status"] = ended["status"].fillna(_MISSING).to_numpy()
        told["seconds"] = ended["seconds"].to_numpy(np.float64)
        told["error"] = ended["error"].fillna("").to_numpy()
        for name in self._uncertain:
            told[name] = self.plan[name]
        return told

    def outcomes(self) -> pd.DataFrame:
        """A row a successful run and outcome: key, arm, point, replication, outcome, value."""
        plan = self.plan[_ID]
        done = self._reduced
        mine = plan[plan["key"].isin(done.index)]
        parts = []
        for name in self.experiment.outcomes:
            part = mine.copy()
            part["outcome"] = name
            part["value"] = done[name].reindex(part["key"]).to_numpy(np.float64)
            parts.append(part)
        return pd.concat(parts, ignore_index=True).sort_values(
            ["outcome", "replication", "point", "arm"], kind="stable", ignore_index=True
        )

    def paths(self, *metrics: str) -> pd.DataFrame:
        """A row a successful run, month and metric: key, arm, point, replication, month, metric, value.

        All recorded metrics, or those named.  Raises `InputError` for one that was not recorded.
        """
        wanted = metrics or self.metrics
        parts = []
        for metric in wanted:
            name = self.quoted(metric)
            part = self.sql(
                f"select key, arm, point, replication, month, {name} as value from monthly "
                "order by replication, point, arm, month"
            )
            part.insert(5, "metric", metric)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def select(
        self, metrics: Sequence[str] = (), arms: Sequence[str] = (), months: tuple[int, int] | None = None
    ) -> pd.DataFrame:  # fmt: skip
        """The rows of `paths` of some metrics, arms, and months (first and last); all of what is not named.

        Raises `InputError` for metrics that were not recorded, and for arms and months that there are not.
        """
        for arm in arms:
            self.experiment.check_arm(arm)
        found = self.paths(*metrics)
        if arms:
            found = found[found["arm"].isin(arms)]
        if months is not None:
            first, last = months
            if not 0 <= first <= last < self.experiment.months:
                raise InputError(f"months {first}-{last} do not lie within the run of {self.experiment.months}")
            found = found[(found["month"] >= first) & (found["month"] <= last)]
        return found.reset_index(drop=True)

    def bands(self, metric: str, width: float = 0.9) -> pd.DataFrame:
        """By arm and month over all its runs: arm, month, mean, median, low, high, runs; the band holds ``width``."""
        name, tail = self.quoted(metric), (1.0 - width) / 2.0
        return self.sql(
            "select arm, month, mean, q[2] as median, q[1] as low, q[3] as high, runs from ("
            f"select arm, month, avg({name}) as mean, count({name}) as runs, "
            f"quantile_cont({name}, [{tail}, 0.5, {1.0 - tail}]) as q from monthly "
            f"where not isnan({name}) group by arm, month) order by arm, month"
        )

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics whose monthly paths were recorded."""
        found = [n for n in self._columns if n not in ("key", "month")]
        return tuple(found)

    def quoted(self, metric: str) -> str:
        """The column of a recorded metric for a query.  Raises `InputError` for others."""
        if metric not in self.metrics:
            from moatlab.scenario.addresses import nearest

            raise InputError(f"the paths of {metric!r} were not recorded; {nearest(metric, self.metrics)}")
        return f'"{metric}"'

    def missing(self) -> pd.DataFrame:
        """The planned runs without a committed success, as in `runs`."""
        runs = self.runs()
        return runs[runs["status"] != DONE].reset_index(drop=True)

    def failures(self) -> pd.DataFrame:
        """The runs that failed, with their tracebacks."""
        runs = self.runs()
        failed = runs[~runs["status"].isin([DONE, _MISSING])].reset_index(drop=True)
        failed["traceback"] = self._ended["traceback"].reindex(failed["key"]).to_numpy()
        return failed

    # DuckDB ---------------------------------------------------------------------------------------------------------

    def sql(self, query: str) -> pd.DataFrame:
        """Ask DuckDB.  Views: ``plan``, ``runs``, ``outcomes`` (as the methods of those names) and ``monthly``.

        ``monthly`` has a row a successful run and month: the columns of ``plan``, ``month``, and one for each metric.
        Raises `InputError` for a query that DuckDB does not understand.
        """
        import duckdb

        try:
            answer: pd.DataFrame = self._connection.execute(query).df()
            return answer
        except duckdb.Error as problem:
            raise InputError(f"query: {problem}") from None

    @property
    def _uncertain(self) -> list[str]:
        return [c for c in self.plan.columns if c not in (*_ID, "seed")]

    @cached_property
    def _parts(self) -> list[str]:
        """Parts of metrics that hold a run that counts."""
        return sorted({metrics for status, _, metrics in self.index.runs.values() if status == DONE})

    @cached_property
    def _columns(self) -> list[str]:
        # A part may hold more than another: what counts was recorded in all of them.
        held = [self._store.columns(part) for part in self._parts]
        return [n for n in held[0] if all(n in other for other in held)] if held else [
            "key", "month", *self.experiment.paths
        ]  # fmt: skip

    @cached_property
    def _connection(self) -> Any:
        import duckdb

        connection = duckdb.connect()
        connection.register("plan", pa.Table.from_pandas(self.plan, preserve_index=False))
        connection.register("runs", pa.Table.from_pandas(self.runs(), preserve_index=False))
        connection.register("outcomes", pa.Table.from_pandas(self.outcomes(), preserve_index=False))
        if not self._parts:
            columns = {n: pa.array([], pa.string() if n == "key" else pa.float64()) for n in self._columns}
            connection.register("recorded", pa.table(columns))
        else:
            files = ", ".join("'" + str(self._store.metrics / p).replace("'", "''") + "'" for p in self._parts)
            connection.execute(
                f"create view stored as select * from read_parquet([{files}], union_by_name=true, filename=true)"
            )
            join = ""
            if self.index.repeated:
                # Runs that two processes did at once are in two parts, one of which counts.
                counts = [(k, str(self._store.metrics / m)) for k, (s, _, m) in self.index.runs.items() if s == DONE]
                keys, paths = zip(*counts, strict=True)
                connection.register("counting", pa.table({"key": list(keys), "filename": list(paths)}))
                join = "join counting using (key, filename)"
            connection.execute(f"create view recorded as select * exclude (filename) from stored {join}")
        connection.execute("create view monthly as select * from plan join recorded using (key)")
        return connection


def open_batch(folder: str | Path) -> Batch:
    """The batch in a folder.  Raises `InputError` for a folder that holds none."""
    from moatlab.experiments.experiment import Experiment
    from moatlab.experiments.resume import stored_spec

    path = Path(folder)
    store = Store(path)
    about = store.read_manifest()
    spec = stored_spec(store)
    if about.get("model_kind") == "function":
        return Batch(path, Experiment(spec, None, str(path)))
    for name in about["digests"]:
        if name != PLAN:
            store.read_file(name)
    return Batch(path, Experiment.load(path / EXPERIMENT))
