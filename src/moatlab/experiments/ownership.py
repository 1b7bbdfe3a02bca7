"""Whose a folder of results is: the one rule by which every command refuses to write into another's.

A command writes into a folder that is new or empty, and into one whose manifest says that the same command made it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from moatlab.errors import InputError
from moatlab.experiments.host import Host

#: What a manifest says of who made its folder: a batch, a run of `moatlab simulate`, or `moatlab claims`.
BATCH, SIMULATION, CLAIMS = "batch", "simulation", "claims"
#: Studies of their own commands.
DURABILITY, DRIVERS, TIPPING = "durability", "drivers", "tipping"
_WORDS = {
    BATCH: "a batch of runs", SIMULATION: "a simulation", CLAIMS: "claims and their runs",
    DURABILITY: "a study of moats' durability", DRIVERS: "a study of what drives the answer",
    TIPPING: "a study of tipping",
}  # fmt: skip
#: What a batch that was stopped before it had a manifest may have left.
_BEGUN = {"runs", "metrics", "claims", "arms", "plan.parquet", "experiment.toml", "scenario.toml"}


def refuse_others(folder: Path, kind: str, host: Host | None = None) -> None:
    """Raises `InputError` that says what the folder holds, unless it is free or holds results of the same ``kind``."""
    host = Host() if host is None else host
    if host.exists(folder) and not host.is_folder(folder):
        raise InputError(f"{folder} is a file, not a folder")
    try:
        names = {name for name in host.names(folder) if not name.startswith(".")}
    except OSError as problem:
        raise InputError(f"{folder} cannot be read: {problem.strerror}") from None
    if not names or (kind == BATCH and names <= _BEGUN):
        return
    begun = kind == BATCH and {"plan.parquet", "experiment.toml"} <= names
    if "manifest.json" not in names and not begun:
        raise InputError(f"{folder} holds other files: name an empty or a new folder")
    about = _manifest(folder, host)
    found = about.get("kind")
    if found is None and begun:
        return  # its manifest is damaged, and is about to be written again
    if found != kind:
        made = _WORDS.get(str(found), "something else")
        named = f" of {about['name']}" if isinstance(about.get("name"), str) else ""
        raise InputError(f"{folder} holds {made}{named}: name another folder with --out")


def _manifest(folder: Path, host: Host) -> dict[str, Any]:
    try:
        about = json.loads(host.read(folder / "manifest.json"))
    except (OSError, ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}
