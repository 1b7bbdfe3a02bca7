"""Runs that a folder of results describes, done again for what it does not keep: panels, and checks of archives."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moatlab.errors import InputError
from moatlab.evidence import archive
from moatlab.experiments.ownership import SIMULATION

if TYPE_CHECKING:
    import pandas as pd

    from moatlab.results.panel import Layer
    from moatlab.scenario.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Again:
    """A run to do again: its scenario, seed and months, and the columns that name it in a table of several."""

    scenario: Scenario
    seed: int
    months: int
    labels: dict[str, Any]


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest of a batch or a simulation.  Raises `InputError` for a folder with neither."""
    try:
        about = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        about = None
    if not isinstance(about, dict):
        raise InputError(f"{folder} holds no results: `moatlab simulate` and `moatlab run` write such folders")
    return about


def runs_of(folder: Path, arms: tuple[str, ...]) -> Iterator[Again]:
    """The runs of a simulation, or of arms of a batch (by default its control), in the order of their seeds.

    Raises `InputError` for a folder of another version of the model, whose runs would be other ones.
    """
    from moatlab.experiments.fingerprint import model_version
    from moatlab.scenario.scenario import Scenario

    about, here = manifest_of(folder), model_version()
    there = {"model": about["source"]} if about.get("kind") == SIMULATION else about.get("model", {})
    if any(here.get(name) != value for name, value in there.items()):
        raise InputError(f"{folder} was made by another version of the model: {there} there, {here} here")
    if about.get("kind") == SIMULATION:
        if arms:
            raise InputError(f"{folder} is a simulation, which has no arms: leave --arm out")
        scenario = Scenario(folder / "scenario.toml")
        for seed in about["seeds"]:
            yield Again(scenario, seed, about["months"], {"seed": seed})
        return
    from moatlab.experiments import open_batch

    experiment = open_batch(folder).experiment
    for arm in arms:
        experiment.check_arm(arm)
    plan = experiment.plan
    if about.get("own_agents") or about.get("own_rules"):
        raise InputError(f"{folder} has firms or rules of one's own: make its panels from Python")
    for row in plan.rows():
        replication, point, place = plan.place(row)
        name = plan.arms[place]
        if name in (arms or (experiment.control,)):
            world = experiment.model.at(experiment.worlds[place], plan.points[point])
            seed = plan.seeds[replication][place]
            labels = {"arm": name, "point": point, "replication": replication, "seed": seed}
            yield Again(world, seed, experiment.months, labels)


def panel(folder: Path, file: Path, layer: Layer, arms: tuple[str, ...]) -> str:
    """Write the panel of a folder's runs as CSV or parquet; the runs are done again, as a folder keeps no panels."""
    import pandas as pd

    from moatlab.market.market import Market

    parts: list[pd.DataFrame] = []
    for run in runs_of(folder, arms):
        part = Market(run.scenario, rng=run.seed).run(run.months).panel(layer)
        for place, (name, value) in enumerate(run.labels.items()):
            part.insert(place, name, value)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    if len(parts) > 1:
        # A market of one run is not that of another.
        table["market_ids"] = table[list(parts[0].columns[: len(run.labels)])].astype(str).agg("-".join, axis=1) + (
            "-" + table["market_ids"]
        )
    if file.suffix == ".csv":
        table.to_csv(file, index=False)
    else:
        table.to_parquet(file, index=False)
    markets = table["market_ids"].nunique()
    return f"{file}: a row a market and product, {len(table):,} rows in {markets:,} markets, {len(parts)} runs"


def make(folders: tuple[Path, ...], out: Path) -> str:
    """Write an archive of folders of results; of several, each has a folder of its own in it."""
    if out.suffix != ".zip":
        raise InputError(f"--out {out}: the name of an archive ends with .zip")
    if out.exists():
        raise InputError(f"--out {out} exists already; give another name")
    if not out.parent.is_dir():
        raise InputError(f"there is no folder {out.parent}")
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        raise InputError(f"two of the folders have the same name: {', '.join(names)}")
    files: archive.Files = {}
    for name, folder in zip(names, folders, strict=True):
        mine = _files_of(folder)
        files |= mine if len(folders) == 1 else {f"{name}/{file}": data for file, data in mine.items()}
    out.write_bytes(archive.packed(archive.sealed(files)))
    return (
        f"{out}: {len(files) + 1} files, {out.stat().st_size / 1e6:.2f} MB; check it with moatlab archive {out} --check"
    )


def _files_of(folder: Path) -> archive.Files:
    about = manifest_of(folder)
    if about.get("kind") != SIMULATION:
        from moatlab.experiments import open_batch

        return archive.of_batch(open_batch(folder))
    return _of_simulation(folder, about)


def _of_simulation(folder: Path, about: dict[str, Any]) -> archive.Files:
    """A simulation's tables as they are in its folder, those that a page can hold also as LaTeX."""
    import pandas as pd

    from moatlab.results.text.latex import latex

    files = {f"{archive.INPUTS}/scenario.toml": (folder / "scenario.toml").read_bytes(),
             "manifest.json": (folder / "manifest.json").read_bytes(),
             "summary.txt": (folder / "summary.txt").read_bytes()}  # fmt: skip
    kept = sorted(path for path in folder.glob("*.csv") if path.name in about["files"])
    for path in kept:
        files[f"{archive.TABLES}/{path.name}"] = path.read_bytes()
    if (folder / "layers.csv").is_file():
        layers = pd.read_csv(folder / "layers.csv")
        layers["year"] = layers["date"].str[:4]
        years = layers.groupby(["year", "layer"], sort=False)[["revenue", "gross_profit", "operating_profit"]].sum()
        files[f"{archive.TABLES}/years.tex"] = latex(years.reset_index(), f"{about['name']}: M$ a year").encode()
    commands = [" ".join(["moatlab", *command_of(about)])]
    same = [f"{archive.TABLES}/{path.name}" for path in kept]
    commands += [f"cmp again/{path.name} {archive.TABLES}/{path.name}" for path in kept]
    files[archive.README] = archive.readme(about["name"], "", about, commands, same).encode()
    return files


def command_of(about: dict[str, Any]) -> list[str]:
    """The arguments with which `moatlab simulate` gives a simulation's tables again, from the folder of the archive."""
    seeds = about["seeds"]
    saved = ["--save", about["saved"]] if about.get("saved") else []
    return ["simulate", f"{archive.INPUTS}/scenario.toml", "--months", str(about["months"]), "--seed", str(seeds[0]),
            "--seeds", str(len(seeds)), "--pictures", "none", *saved, "--out", "again"]  # fmt: skip


def check(path: Path, engine: str, workers: int | None) -> str:
    """Do all runs of an archive again; raises `InputError` that names the first file with other bytes."""
    files = archive.unpacked(path)
    roots = sorted(name.removesuffix("manifest.json") for name in files if name.endswith("manifest.json"))
    lines = []
    for root in roots:
        mine = {name.removeprefix(root): data for name, data in files.items() if name.startswith(root)}
        with tempfile.TemporaryDirectory(prefix="moatlab-archive-") as folder:
            place = Path(folder)
            for name, data in mine.items():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                (place / name).write_bytes(data)
            lines += [f"{root}{name}: the same bytes" for name in _again(place, path, mine, engine, workers)]
    return "\n".join([*lines, f"{path}: {len(files)} files are what was written, and the runs give the same again"])


def _again(place: Path, path: Path, files: archive.Files, engine: str, workers: int | None) -> list[str]:
    """Do the runs of one folder of an archive again in ``place``; the files that came out the same."""
    about = json.loads(files["manifest.json"])
    if about.get("kind") == SIMULATION:
        from moatlab.cli.simulate import Request, run

        run(Request(str(place / archive.INPUTS / "scenario.toml"), about["months"], about["seeds"][0],
                    len(about["seeds"]), (), (), place / "again", None, about.get("saved"), "none"))  # fmt: skip
        found = {f"{archive.TABLES}/{file.name}": file.read_bytes() for file in (place / "again").glob("*.csv")}
    else:
        from moatlab.experiments import Experiment

        experiment = Experiment.load(place / archive.INPUTS / "experiment.toml")
        batch = experiment.run(engine, workers, place / "again")
        found = {archive.OUTCOMES: archive.outcomes_table(batch)}
    for name, data in sorted(found.items()):
        if files.get(name) != data:
            raise InputError(f"{path}: {name} comes out with other bytes; its README.md names the versions behind it")
    return sorted(found)
