"""A confirmatory run: the same experiment on seeds and points that no look has seen, judged by themselves.

It has a folder of its own beside the one whose verdicts it is to confirm: ``NAME-fresh-1``, ``NAME-fresh-2``, and so
on.  Which attempts there were stands in the first folder, so that repeating until one succeeds does not go unseen.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from moatlab.errors import InputError
from moatlab.experiments.experiment import Experiment
from moatlab.experiments.host import in_one_move
from moatlab.experiments.journal import Journal
from moatlab.experiments.resume import prepare
from moatlab.experiments.store import Store

#: In the first folder, the attempts; in the folder of an attempt, its number and the folder that it confirms.
ATTEMPTS, ABOUT = "fresh.jsonl", "fresh.json"
LOOKS = "looks.jsonl"
#: Designs whose points are drawn from the design's own seed.
SAMPLED = ("latin", "random", "sobol", "morris")


def confirmatory(experiment: Experiment, folder: Path) -> tuple[Experiment, Path]:
    """The experiment with other seeds and points, and its folder: of the attempt under way, or a new one.

    Raises `InputError` where there is nothing to confirm yet.
    """
    if not Store(folder).exists or not (folder / LOOKS).is_file():
        raise InputError(f"--fresh confirms what was looked at, and nothing was in {folder}: run without it first")
    journal = Journal(folder / ATTEMPTS)
    attempts = [int(entry["attempt"]) for entry in journal.entries()]
    number = max(attempts, default=0)
    # An attempt that was not looked at yet is under way.
    if not number or (_folder(folder, number) / LOOKS).is_file() or not _folder(folder, number).exists():
        number += 1
    out = _folder(folder, number)
    changes: dict[str, object] = {"seed": _seed(experiment.spec.seed, number, 63)}
    if experiment.design.kind in SAMPLED:
        design = experiment.spec.design.model_dump(exclude_defaults=True)
        changes["design"] = {**design, "seed": _seed(experiment.design.seed, number, 32)}
    other = experiment.with_spec(**changes)
    store = Store(out)
    if number not in attempts:
        if store.exists:
            raise InputError(f"{out} is there already, and no attempt of {folder}: name another folder with --out")
        prepare(store, other)
        in_one_move(store.host, out / ABOUT, json.dumps({"attempt": number, "confirms": folder.name}).encode() + b"\n")
        journal.append({"attempt": number, "folder": out.name, "seed": other.spec.seed})
    return other, out


def attempt(folder: Path) -> tuple[int, str] | None:
    """The number of the attempt that a folder holds and the folder that it confirms; None for another batch."""
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        return int(about["attempt"]), str(about["confirms"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise InputError(f"{folder / ABOUT} cannot be read: {problem}") from None


def _folder(folder: Path, number: int) -> Path:
    return folder.with_name(f"{folder.name}-fresh-{number}")


def _seed(root: int, number: int, bits: int) -> int:
    data = hashlib.blake2b(f"{root} fresh {number}".encode(), digest_size=8).digest()
    return int.from_bytes(data, "big") >> (64 - bits)
