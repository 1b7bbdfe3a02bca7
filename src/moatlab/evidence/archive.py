"""What somebody else needs to do a batch of runs again and to hold the answer against what was published.

An archive has the inputs, the manifest, the predictions with their digests, tables as CSV and LaTeX, the versions, the
commands, and the digest of every file.  The same folder gives the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from moatlab.errors import InputError
from moatlab.evidence.report import differences
from moatlab.experiments.registered import FILE as REGISTERED
from moatlab.experiments.registered import registered
from moatlab.experiments.store import EXPERIMENT, MANIFEST, SCENARIO
from moatlab.experiments.tables import by_arm
from moatlab.results.text.latex import latex

if TYPE_CHECKING:
    from moatlab.experiments import Batch

Files = dict[str, bytes]
#: Which files are what; every folder of results has one of its own in an archive of several.
INPUTS, TABLES, CHECKSUMS, README, OUTCOMES = "inputs", "tables", "SHA256SUMS", "README.md", "tables/outcomes.csv"
#: The only date in an archive, so that equal contents are equal bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


def outcomes_table(batch: Batch) -> bytes:
    """Every outcome of every run, with all digits, as CSV: what doing the runs again has to give."""
    table = batch.outcomes()[["arm", "point", "replication", "outcome", "value"]]
    table = table.sort_values(["outcome", "arm", "point", "replication"], kind="stable")
    return as_csv(table.assign(value=[repr(float(value)) for value in table["value"]]))


def as_csv(table: pd.DataFrame) -> bytes:
    """A table as CSV with all digits of its numbers."""
    return table.to_csv(index=False, lineterminator="\n").encode()


def of_batch(batch: Batch) -> Files:
    """The files of a batch.  Raises `InputError` for one that is not complete."""
    folder = batch.folder
    missing = len(batch.missing())
    if missing:
        raise InputError(f"{folder}: {missing} of {len(batch.plan)} planned runs are missing; moatlab status {folder}")
    about: dict[str, Any] = batch.manifest
    arms = [f"arms/{name}.toml" for name, arm in batch.experiment.arms.items() if arm.scenario is not None]
    inputs = [name for name in (EXPERIMENT, SCENARIO, *arms) if (folder / name).is_file()]
    files = {f"{INPUTS}/{name}": (folder / name).read_bytes() for name in inputs}
    files[MANIFEST] = (folder / MANIFEST).read_bytes()
    for name in (REGISTERED, "looks.jsonl"):
        if (folder / name).is_file():
            files[name] = (folder / name).read_bytes()
    files[OUTCOMES] = outcomes_table(batch)
    files[f"{TABLES}/plan.csv"] = as_csv(batch.plan)
    gaps = differences(batch)
    tables = {"by-arm": by_arm(batch), **({"differences": gaps} if len(gaps) else {})}
    for path in sorted((folder / TABLES).glob("*.csv")):
        # What `moatlab show` wrote, verdicts above all: an archive is no further look at them.
        tables.setdefault(path.stem, pd.read_csv(path))
    for name, table in tables.items():
        files[f"{TABLES}/{name}.csv"] = as_csv(table)
        files[f"{TABLES}/{name}.tex"] = latex(table, f"{batch.experiment.name}: {name}").encode()
    notes = registered(folder, batch.experiment.spec).notes
    commands = [f"moatlab run {INPUTS}/{EXPERIMENT} --out again", "moatlab archive again --out again.zip",
                f"unzip -p again.zip {OUTCOMES} | cmp - {OUTCOMES}"]  # fmt: skip
    files[README] = readme(
        batch.experiment.name, batch.experiment.question, about, commands, [OUTCOMES], notes
    ).encode()
    return files


def readme(
    name: str, question: str, about: Mapping[str, Any], commands: list[str], same: list[str],
    notes: tuple[str, ...] = (),
) -> str:  # fmt: skip
    """What an archive is, how to check it, and what it was made with; ``same`` are files that come out again."""
    packages = {**about.get("packages", {k: about.get(k) for k in ("numpy", "numba", "mesa", "pandas", "pyarrow")})}
    model = about.get("model", {"model": about.get("source")})
    own = {**about.get("own_agents", {}), **about.get("own_rules", {})}
    lines = [f"# Replication archive: {name}", "", *([question, ""] if question else []),
             "## To do it again", "", "Install the versions below, unpack, and in the unpacked folder:", "",
             *(f"    {command}" for command in commands), "",
             f"{' and '.join(same)} there then {'have' if len(same) > 1 else 'has'} the bytes of the same "
             "file here, on the same kind of processor (elsewhere the last bits of exponentials and sums may differ). "
             "`moatlab archive FILE.zip --check` does all of this. SHA256SUMS has the digest of every file.", "",
             "## Made with", "", f"- moatlab {about.get('moatlab')}, commit {about.get('commit')}",
             *(f"- {what}: {value}" for what, value in {**model, "python": about.get("python")}.items()),
             *(f"- {package} {version}" for package, version in packages.items()), ""]  # fmt: skip
    if notes:
        lines += ["## Predictions", "", *(f"- {note}" for note in notes), ""]
    if own:
        lines += ["## Not in the archive", "", "Python classes of one's own that these runs used: "
                  f"{json.dumps(own, sort_keys=True)}. Without them the runs cannot be done again.", ""]  # fmt: skip
    return "\n".join(lines)


def sealed(files: Files) -> Files:
    """The files with the digest of each, as ``sha256sum --check`` reads them."""
    sums = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())]
    return {**files, CHECKSUMS: "".join(sums).encode()}


def packed(files: Files) -> bytes:
    """A zip file; equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def unpacked(path: Path) -> Files:
    """The files of an archive.  Raises `InputError` for what is none, and for files that are not what was written."""
    try:
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile) as problem:
        raise InputError(f"{path} is no archive: {problem}") from None
    if CHECKSUMS not in files:
        raise InputError(f"{path} is no archive of moatlab's: it has no {CHECKSUMS}")
    said = dict(line.split("  ", 1)[::-1] for line in files.pop(CHECKSUMS).decode().splitlines())
    for name in sorted({*said, *files}):
        if name not in files or said.get(name) != hashlib.sha256(files[name]).hexdigest():
            raise InputError(f"{path}: {name} is not what was written")
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in files):
        raise InputError(f"{path} has files that lie outside of it")
    return files
