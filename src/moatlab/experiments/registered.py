"""Predictions as they were registered: in the folder, never rewritten, with the number of runs stored by then.

A prediction counts as it stood when the folder held no run yet.  What is predicted of an outcome or a contrast that was
added later counts as it was first written, and the report says how many runs were there.  Whatever the experiment's
file says afterwards is shown as a change and decides nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moatlab.experiments.journal import Journal
from moatlab.experiments.spec import Contrast, Spec
from moatlab.experiments.store import Store

if TYPE_CHECKING:
    from moatlab.experiments.experiment import Experiment

FILE = "registered.jsonl"
#: What decides a verdict beside the runs: by outcome and contrast, and for the experiment as a whole.
OF_OUTCOME = ("metric", "plus", "per", "log", "months", "reduce", "predicted", "smallest_effect", "claim")
OF_CONTRAST = ("weights", "points", "against", "outcomes", "predicted")
OF_ALL = ("prediction", "claim", "test")
#: What of an outcome says which number it is; with another it is another outcome.
DEFINITION = ("metric", "plus", "per", "log", "months", "reduce")

Declared = dict[str, Any]


def declared(spec: Spec) -> Declared:
    """What a file says that decides verdicts, as plain tables."""
    tables = spec.model_dump(mode="json", include={*OF_ALL, "outcomes", "contrasts"})
    arms = [arm for arm in spec.all_arms if arm != spec.control]
    contrasts = tables["contrasts"] or {
        f"{arm} - {spec.control}": Contrast(weights={arm: 1.0, spec.control: -1.0}).model_dump(mode="json")
        for arm in arms
    }
    return {
        **{name: tables[name] for name in OF_ALL},
        "outcomes": {name: {k: table[k] for k in OF_OUTCOME} for name, table in tables["outcomes"].items()},
        "contrasts": {name: {k: table[k] for k in OF_CONTRAST} for name, table in contrasts.items()},
    }


def digest(tables: Declared) -> str:
    """The digest by which a registration is quoted."""
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()[:16]


def register(store: Store, experiment: Experiment) -> None:
    """Write down what the experiment predicts, unless that is what was written last."""
    journal, tables = Journal(store.folder / FILE, store.host), declared(experiment.spec)
    entries = journal.entries()
    if entries and entries[-1]["declared"] == tables:
        return
    stored = len(store.scan(verify=False).keys())
    commit = store.read_manifest().get("commit")
    journal.append({"digest": digest(tables), "runs": stored, "commit": commit, "declared": tables})


@dataclass(frozen=True)
class Registered:
    """What counts: the tables of `declared`, what they were registered with, and lines about changes."""

    declared: Declared
    notes: tuple[str, ...]

    def contrasts(self) -> dict[str, Contrast]:
        """The contrasts to judge by name."""
        return {name: Contrast(**table) for name, table in self.declared["contrasts"].items()}


def registered(folder: Path, spec: Spec) -> Registered:
    """What was registered in a folder; ``spec`` is what its file says now.

    Raises `InputError` for a register that is damaged.
    """
    journal, now = Journal(folder / FILE), declared(spec)
    entries = journal.entries()
    if not entries:
        return Registered(now, ("no prediction was registered here before the runs",))
    before = [entry for entry in entries if not entry["runs"]]
    first = before[-1] if before else entries[0]
    counts: Declared = json.loads(json.dumps(first["declared"]))
    runs = f"{first['runs']} runs stored" if first["runs"] else "before the first run"
    notes = [f"registered {first['time']}, {runs}, digest {first['digest']}"]
    for line in journal.altered():
        notes.append(f"line {line} of {FILE} was altered after it was written")
    for entry in entries[entries.index(first) + 1 :]:
        when = f"{entry['time']}, {entry['runs']} runs stored"
        notes += _added(counts, entry["declared"], when)
    if now != entries[-1]["declared"]:
        notes += [f"experiment.toml was edited, which changes nothing here: {text}" for text in _changes(counts, now)]
    return Registered(counts, tuple(dict.fromkeys(notes)))


def _added(counts: Declared, later: Declared, when: str) -> list[str]:
    """Take over what ``later`` adds; what it changes is only said."""
    notes = []
    for kind in ("outcomes", "contrasts"):
        for name, table in later[kind].items():
            known = counts[kind].get(name)
            if known is None or (kind == "outcomes" and any(known[k] != table[k] for k in DEFINITION)):
                what = "added" if known is None else "given another meaning"
                counts[kind][name] = table
                notes.append(f"{kind}.{name} was {what} {when}")
    notes += [f"changed {when}: {text}; the registered one counts" for text in _changes(counts, later)]
    return notes


def _changes(before: Declared, after: Declared) -> list[str]:
    """What two sets of tables do not have in common, in words."""
    told = [f"{name} {_short(before[name])} -> {_short(after[name])}" for name in OF_ALL if before[name] != after[name]]
    for kind in ("outcomes", "contrasts"):
        for name, table in before[kind].items():
            other = after[kind].get(name)
            if other is None:
                told.append(f"{kind}.{name} is gone")
                continue
            told += [f"{kind}.{name}.{k} {_short(v)} -> {_short(other[k])}" for k, v in table.items() if other[k] != v]
        told += [f"{kind}.{name} is new" for name in after[kind] if name not in before[kind]]
    return told


def _short(value: Any) -> str:
    text = "(none)" if value in (None, "", [], {}) else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
