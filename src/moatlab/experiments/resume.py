"""Going on in a folder: is it the same experiment, the same version of the model, and what can be taken from others?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from moatlab.errors import InputError
from moatlab.experiments import provenance
from moatlab.experiments.experiment import Experiment, as_mapping
from moatlab.experiments.models import MarketModel
from moatlab.experiments.ownership import BATCH, refuse_others
from moatlab.experiments.spec import read_spec, toml_of
from moatlab.experiments.store import EXPERIMENT, PLAN, SCENARIO, DamagedError, Store, describe, encode
from moatlab.experiments.work import DONE
from moatlab.scenario.scenario import Scenario

if TYPE_CHECKING:
    from moatlab.experiments.spec import Spec

#: Entries that may change in a folder without a word: they decide no result.
_FREE = ("time_limit", "scenario")


def known_keys(store: Store, experiment: Experiment) -> list[str] | None:
    """The keys of the plan that a folder has, if it was laid out for the same declarations; else None."""
    try:
        if not store.exists or store.read_manifest().get("declared") != experiment.declared():
            return None
        keys: list[str] = store.read_plan()["key"].to_pylist()
        return keys
    except (InputError, OSError, pa.ArrowException):
        return None  # what is wrong with the folder is said when it is made ready


def prepare(store: Store, experiment: Experiment, extend: bool = False, other_version: bool = False) -> None:
    """Make a folder ready: new, or begun by the same experiment with the same version of the model.

    Files of it that are damaged are written again.  Raises `InputError` that names what differs.
    """
    refuse_others(store.folder, BATCH, store.host)
    if store.exists:
        try:
            whole = _compare(store, experiment, extend, other_version)
        except DamagedError as problem:
            whole = False
            if not extend and not other_version:
                _recognise(store, experiment, problem)
        if whole:
            store.create()
            return
    store.create()
    version = dict(experiment.model.version())
    market = experiment.model if isinstance(experiment.model, MarketModel) else None
    files = {} if market is None else {SCENARIO: market.scenario.to_toml().encode()}
    for name, arm in experiment.arms.items():
        if arm.scenario is not None:
            files[f"arms/{name}.toml"] = experiment.base_of(name).to_toml().encode()
    files[EXPERIMENT] = to_toml(experiment.spec, SCENARIO if market is not None else None).encode()
    files[PLAN] = encode(experiment.plan.table())
    about: dict[str, Any] = {"name": experiment.name, "command": f"moatlab run {experiment.name}.toml"}
    about |= provenance.manifest(version, experiment.spec.seed)
    about["model_kind"] = "function" if market is None else "market"
    about["declared"] = experiment.declared()
    if market is not None:
        about["scenario"] = market.scenario.name
        about["scenario_digest"] = market.scenario.digest()
    about["own_agents"] = {
        name: sorted(world.overrides) for name, world in zip(experiment.arms, experiment.worlds, strict=True)
        if market is not None and world.overrides
    }  # fmt: skip
    about["own_rules"] = _own_rules(experiment)
    store.describe(files, about)


def _compare(store: Store, experiment: Experiment, extend: bool, other_version: bool) -> bool:
    """Whether a folder describes this experiment whole, so that nothing of it has to be written.

    Raises `InputError` if it is another's, `DamagedError` if that cannot be known.
    """
    about = store.read_manifest()
    if about.get("schema") != provenance.SCHEMA:
        raise InputError(
            f"{store.folder} was made by another version of moatlab, {about.get('moatlab')}, which stored batches in "
            "another way: name another folder with --out"
        )
    _compare_versions(store, about.get("model", {}), dict(experiment.model.version()), other_version)
    changed = difference(store, experiment)
    if changed and not extend:
        raise InputError(
            f"{store.folder} was made by an experiment that has changed since: {describe(changed)}; "
            "add --extend to go on there, or name another folder with --out"
        )
    if changed or other_version:
        return False
    for name in about["digests"]:
        store.read_file(name)
    return bool(store.read_plan()["key"].to_pylist() == experiment.plan.keys)


def _recognise(store: Store, experiment: Experiment, problem: DamagedError) -> None:
    """Whether what is left of a damaged folder shows that it is this experiment's.  Raises `InputError` if not."""
    with contextlib.suppress(OSError, pa.ArrowException, KeyError):
        plan = pq.read_table(pa.BufferReader(store.host.read(store.folder / PLAN)), columns=["key"])
        if plan["key"].to_pylist() == experiment.plan.keys:
            return
    with contextlib.suppress(InputError, OSError):
        there = parse_spec(store.host.read(store.folder / EXPERIMENT), str(store.folder / EXPERIMENT))
        if not _changes(_flat(as_mapping(there)), _flat(as_mapping(experiment.spec))):
            return
    what = str(problem).partition(";")[0]
    raise InputError(
        f"{what}, and what is left does not show that the folder is this experiment's; "
        "add --extend to go on there, or name another folder with --out"
    )


def _compare_versions(store: Store, theirs: Mapping[str, str], version: Mapping[str, str], accepted: bool) -> None:
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
    pairs = [(SCENARIO, "scenario", experiment.scenario)] if experiment.scenario is not None else []
    pairs += [(f"arms/{name}.toml", f"arms.{name}.scenario", experiment.base_of(name))
              for name, arm in experiment.arms.items() if arm.scenario is not None]  # fmt: skip
    for file, name, here in pairs:
        if not store.host.exists(store.folder / file):
            continue
        there = Scenario.from_dict(toml_of(store.read_file(file), file), file, store.folder)
        before, after = ({k: v for k, v in world.resolved().items() if k not in ("overrides", "rules")}
                         for world in (there, here))  # fmt: skip
        if before != after:
            # Agents of one's own cannot be written down; that they are the same is in the keys.
            before, after = _flat(before, name), _flat(after, name)
            theirs |= {k: v for k, v in before.items() if after.get(k) != v}
            ours |= {k: v for k, v in after.items() if before.get(k) != v}
    rules = store.read_manifest().get("own_rules", {}), _own_rules(experiment)
    if rules[0] != rules[1]:
        # A rule from outside is in no file either, but its values are.
        theirs |= _flat(rules[0], "rules")
        ours |= _flat(rules[1], "rules")
    return _changes(theirs, ours)


def _own_rules(experiment: Experiment) -> dict[str, Any]:
    """The rules from outside by arm, with their values."""
    if not isinstance(experiment.model, MarketModel):
        return {}
    worlds = zip(experiment.arms, experiment.worlds, strict=True)
    return {name: {rule.name: rule.resolved() for rule in world.rules} for name, world in worlds if world.rules}


def _changes(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    def free(name: str) -> bool:
        """A scenario is compared by what it says, not by its name."""
        return name in _FREE or (name.startswith("arms.") and name.endswith(".scenario"))

    names = [name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)]
    return {name: (theirs.get(name), ours.get(name)) for name in names if not free(name)}


def stored_spec(store: Store) -> Spec:
    """The experiment as a folder has it.  Raises `DamagedError` if it is not what was written."""
    return parse_spec(store.read_file(EXPERIMENT), str(store.folder / EXPERIMENT))


def parse_spec(data: bytes, where: str) -> Spec:
    """The experiment in the bytes of a file."""
    return read_spec(toml_of(data, where), where)


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
    for name, arm in tables.get("arms", {}).items():
        arm.pop("replace", None)
        if arm.get("scenario") is not None:
            arm["scenario"] = f"arms/{name}.toml"
    return tomlkit.dumps(_plain(tables))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def borrow(store: Store, source: Store, keys: Iterable[str], paths: Iterable[str]) -> int:
    """Copy the runs with these keys and at least these paths that ``source`` has and ``store`` lacks; returns how many.

    Raises `InputError` for a folder that holds no batch.
    """
    source.read_manifest()
    theirs = source.scan(wanted=paths)
    wanted = (theirs.keys() & set(keys)) - store.scan(wanted=paths).keys()
    by_part: dict[str, set[str]] = {}
    for key in wanted:
        by_part.setdefault(theirs.runs[key][1], set()).add(key)
    for part, mine in sorted(by_part.items()):
        runs = source.table(source.runs / part)
        runs = runs.filter(pc.and_(pc.is_in(runs["key"], _set(mine)),
                                   pc.equal(runs["status"], DONE)))  # fmt: skip
        for metrics in sorted(set(runs["metrics"].to_pylist())):
            here = runs.filter(pc.equal(runs["metrics"], metrics))
            recorded = source.table(source.metrics / metrics)
            recorded = recorded.filter(pc.is_in(recorded["key"].cast("string"), _set(here["key"].to_pylist())))
            name = store.write_part(store.metrics, recorded)
            at = here.column_names.index("metrics")
            store.write_part(store.runs, here.set_column(at, "metrics", [[name] * len(here)]))
    return len(wanted)


def _set(keys: Iterable[str]) -> Any:
    return pa.array(sorted(keys), pa.string())
