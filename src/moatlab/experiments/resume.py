"""Going on in a folder: is it the same experiment, the same version of the model, and what can be taken from others?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from moatlab.errors import InputError
from moatlab.experiments import provenance
from moatlab.experiments.experiment import Experiment, as_mapping
from moatlab.experiments.models import MarketModel
from moatlab.experiments.record import Record
from moatlab.experiments.spec import read_spec, read_toml
from moatlab.experiments.store import Store, describe
from moatlab.experiments.work import DONE
from moatlab.scenario.scenario import Scenario

if TYPE_CHECKING:
    from moatlab.experiments.spec import Spec

#: Entries that may change in a folder without a word: they decide no result.
_FREE = ("time_limit", "scenario")


def prepare(store: Store, experiment: Experiment, extend: bool = False, other_version: bool = False) -> None:
    """Make a folder ready: new, or begun by the same experiment with the same version of the model.

    Raises `InputError` that names what differs.
    """
    fresh = not store.exists
    version = dict(experiment.model.version())
    if not fresh:
        _compare_versions(store, version, other_version)
        changed = difference(store, experiment)
        if changed and not extend:
            raise InputError(
                f"{store.folder} was made by an experiment that has changed since: {describe(changed)}; "
                "add --extend to go on there, or name another folder with --out"
            )
        if not changed and not other_version and _plan_stands(store, experiment):
            return
    store.create()
    market = isinstance(experiment.model, MarketModel)
    if isinstance(experiment.model, MarketModel):
        store.write_text("scenario.toml", experiment.model.scenario.to_toml())
    store.write_text("experiment.toml", to_toml(experiment.spec, "scenario.toml" if market else None))
    store.write_plan(experiment.plan.table())
    about = provenance.manifest(version, experiment.spec.seed)
    about["model_kind"] = "market" if market else "function"
    if isinstance(experiment.model, MarketModel):
        about["scenario"] = experiment.model.scenario.name
        about["scenario_digest"] = experiment.model.scenario.digest()
    about["own_agents"] = {
        name: sorted(world.overrides) for name, world in zip(experiment.arms, experiment.worlds, strict=True)
        if market and world.overrides
    }  # fmt: skip
    # The manifest comes last: a folder with one is complete.
    store.write_text("manifest.json", json.dumps(about, indent=2) + "\n")


def _plan_stands(store: Store, experiment: Experiment) -> bool:
    """Whether the folder's plan is this experiment's; whoever extended it may have been killed in between."""
    try:
        keys = pq.read_table(store.folder / "plan.parquet", columns=["key"])["key"].to_pylist()
    except (OSError, pa.ArrowInvalid):
        return False
    return bool(keys == experiment.plan.keys)


def _compare_versions(store: Store, version: Mapping[str, str], accepted: bool) -> None:
    theirs = store.read_manifest().get("model", {})
    if theirs != dict(version) and not accepted:
        names = [name for name in {**theirs, **version} if theirs.get(name) != version.get(name)]
        told = "; ".join(f"{name} {theirs.get(name)} there, {version.get(name)} here" for name in names)
        raise InputError(
            f"{store.folder} was made by another version of the model ({told}): name another folder with --out, or add "
            "--other-version to do its runs again with this one"
        )


def difference(store: Store, experiment: Experiment) -> dict[str, tuple[Any, Any]]:
    """What a folder's experiment and this one do not have in common: name to (there, here)."""
    theirs = _flat(as_mapping(stored_spec(store)))
    ours = _flat(as_mapping(experiment.spec))
    path = store.folder / "scenario.toml"
    if isinstance(experiment.model, MarketModel) and path.is_file():
        there, here = Scenario(path), experiment.model.scenario
        if there.digest() != here.digest():
            before, after = _flat(there.resolved(), "scenario"), _flat(here.resolved(), "scenario")
            theirs |= {k: v for k, v in before.items() if after.get(k) != v}
            ours |= {k: v for k, v in after.items() if before.get(k) != v}
    names = [name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)]
    return {name: (theirs.get(name), ours.get(name)) for name in names if name not in _FREE}


def stored_spec(store: Store) -> Spec:
    """The experiment as a folder has it."""
    path = store.folder / "experiment.toml"
    return read_spec(read_toml(path), str(path))


def _flat(tables: Any, above: str = "") -> dict[str, Any]:
    """Nested tables as one, with dotted names."""
    if isinstance(tables, Mapping):
        found: dict[str, Any] = {} if tables or not above else {above: "(there)"}
        for name, value in tables.items():
            found |= _flat(value, f"{above}.{name}" if above else str(name))
        return found
    return {above: list(tables) if isinstance(tables, tuple) else tables}


def to_toml(spec: Spec, scenario: str | None) -> str:
    """The experiment as a file that reads back the same; agents of one's own are left out."""
    import tomlkit

    tables = as_mapping(spec)
    tables.pop("scenario", None)
    if scenario is not None:
        tables = {"name": tables.pop("name"), "scenario": scenario, **tables}
    for arm in tables.get("arms", {}).values():
        arm.pop("replace", None)
    return tomlkit.dumps(_plain(tables))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def borrow(store: Store, source: Store, keys: Iterable[str], record: Record) -> int:
    """Copy the runs with these keys that ``source`` has and ``store`` lacks; returns how many.

    Raises `InputError` for a folder that holds no batch.
    """
    source.read_manifest()
    theirs = source.scan()
    wanted = (theirs.keys() & set(keys)) - store.scan().keys()
    by_part: dict[str, set[str]] = {}
    for key in wanted:
        by_part.setdefault(theirs.runs[key][1], set()).add(key)
    for part, mine in sorted(by_part.items()):
        runs = pq.read_table(source.runs / part)
        runs = runs.filter(pc.and_(pc.is_in(runs["key"], _set(mine)),
                                   pc.equal(runs["status"], DONE)))  # fmt: skip
        for metrics in sorted(set(runs["metrics"].to_pylist())):
            here = runs.filter(pc.equal(runs["metrics"], metrics))
            paths = pq.read_table(source.metrics / metrics)
            paths = paths.filter(pc.is_in(paths["key"].cast("string"), _set(here["key"].to_pylist())))
            name = store.write_part(store.metrics, paths)
            at = here.column_names.index("metrics")
            store.write_part(store.runs, here.set_column(at, "metrics", [[name] * len(here)]))
    return len(wanted)


def _set(keys: Iterable[str]) -> Any:
    return pa.array(sorted(keys), pa.string())
