"""What a report needs of judged claims, as one JSON file beside tables for others' tools."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from moatlab.errors import InputError
from moatlab.evidence.claims import sizes, words
from moatlab.evidence.claims.bank import Bank
from moatlab.evidence.claims.files import Claim
from moatlab.evidence.claims.judging import Judged
from moatlab.evidence.fit.ranges import listed
from moatlab.evidence.verdicts import Verdict, verdicts_table
from moatlab.experiments.journal import Journal
from moatlab.experiments.ownership import CLAIMS, refuse_others
from moatlab.experiments.provenance import manifest
from moatlab.results.text.numbers import short, significant
from moatlab.scenario.scenario import Scenario

FILE, TABLE, EFFECTS, DRAWS = "claims.json", "claims.csv", "effects.csv", "draws.csv"
#: The journal of what was predicted, and when.
REGISTERED = "registered.jsonl"
#: Seeds of the fit in brief.
FIT_SEEDS = 8
#: Layout of the file.
SCHEMA = 1


def refuse(folder: Path) -> None:
    """Raises `InputError` for a folder that holds something else; studies in folders of their own are welcome."""
    if folder.is_dir() and all((path / "manifest.json").is_file() for path in folder.iterdir()):
        return
    refuse_others(folder, CLAIMS)


def register(folder: Path, claims: Sequence[Claim], stored: int) -> None:
    """Write down what claims predict, with the number of runs that the folder had by then, unless it is known.

    Raises `InputError` for a folder that holds something else.
    """
    refuse(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"kind": CLAIMS, "name": folder.name}) + "\n", encoding="utf-8")
    journal = Journal(folder / REGISTERED)
    known = {entry["digest"] for entry in journal.entries()}
    for claim in claims:
        if claim.registered not in known:
            journal.append({"claim": claim.id, "digest": claim.registered, "runs": stored})


def _registered(folder: Path) -> dict[str, str]:
    """When each prediction was written down, by its digest, and how many runs there were."""
    found: dict[str, str] = {}
    for entry in Journal(folder / REGISTERED).entries():
        runs = f"{entry['runs']:,} runs stored" if entry["runs"] else "before the first run"
        found.setdefault(entry["digest"], f"{entry['time']}, {runs}")
    return found


def _fit(scenario: Scenario) -> dict[str, Any] | None:
    """A scenario against its targets, in brief; None where it has none."""
    from moatlab.evidence.fit.report import report_on
    from moatlab.evidence.fit.targets import targets_of

    try:
        targets = targets_of(scenario.name)
    except InputError:
        return None
    report = report_on(scenario, targets, FIT_SEEDS, 0)
    rows = [
        {"says": r.target.says, "unit": r.target.unit, "wanted": r.target.wanted, "median": short(r.median),
         "met": r.inside, "tag": r.target.tag}
        for r in report.rows
    ]  # fmt: skip
    return {"seeds": report.seeds, "assumed": report.assumed, "rows": rows}


def row(judged: Judged) -> dict[str, Any]:
    """A claim's line of the table of verdicts."""
    claim, r = judged.claim, judged.robustness
    low, high = words.interval(judged.main.effect)
    return {
        "claim": claim.id, "title": claim.spec.title, "tag": judged.tag, "verdict": _word(judged, judged.word),
        "comes closest to": _word(judged, judged.nearest), "p": judged.p, "effect": words.headline_effect(judged),
        "smallest effect": words.smallest(claim, judged.main), "outcome": judged.main.effect.outcome,
        "contrast": judged.main.effect.label, "estimate": judged.main.estimate, "low": low, "high": high,
        "effects that decide": len(judged.headline), "holds for": _word(judged, words.holds(judged)), "draws": r.draws,
        "structures": r.structures, "structures tried": r.tried, "flip": words.flip(judged),
        "flip parameter": r.flip.parameter, "flip distance": r.flip.distance, "paths": words.paths(judged),
        "feedback shown": any(f.shown for f in judged.feedback) if judged.feedback else None,
        "not testable here": claim.spec.untested, "finding": words.finding(judged),
    }  # fmt: skip


def _word(judged: Judged, word: str) -> str:
    """A word of a claim's verdict, as a level has it."""
    return words.of_level(judged.claim, judged.main.effect.label, word)


def table(all_judged: Sequence[Judged]) -> pd.DataFrame:
    """The table of verdicts, a row a claim."""
    return pd.DataFrame([row(judged) for judged in all_judged])


def records(all_judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """The same for JSON."""
    return [_plain(row(judged)) for judged in all_judged]


def _effect(judged: Judged, verdict: Verdict) -> dict[str, Any]:
    claim, effect = judged.claim, verdict.effect
    low, high = words.interval(effect)
    asked = claim.contrasts[effect.label]
    scale = [sizes.in_unit(claim, effect.outcome, v) for v in (effect.estimate, low, high, verdict.prediction.smallest)]
    return {
        "outcome": effect.outcome, "label": claim.outcomes[effect.outcome].label, "contrast": effect.label,
        "meaning": asked.meaning, "against": asked.against, "unit": sizes.unit_of(claim, effect.outcome),
        "value": scale[0], "low": scale[1], "high": scale[2], "smallest": scale[3],
        "told": words.short_effect(claim, verdict), "predicted": verdict.prediction.predicted,
        "tag": verdict.prediction.tag, "verdict": words.of_level(claim, effect.label, verdict.verdict),
        "small": words.smallest(claim, verdict), "draws": int(effect.units.size),
        "caution": effect.caution, "sentence": words.sentence(claim, verdict),
        "arms": {arm: sizes.level(claim, effect.outcome, effect.arm_mean(arm)) for arm in effect.weights},
    }  # fmt: skip


def _claim(judged: Judged, options: str) -> dict[str, Any]:
    claim, spec, r = judged.claim, judged.claim.spec, judged.robustness
    main, first = judged.main.effect, judged.headline[0].effect.outcome
    paths = {name: bool(held) for name, held in r.paths.items()}
    return {
        **row(judged), "question": spec.question, "essay": spec.essay, "prediction": spec.prediction,
        "argument": spec.argument, "command": f"{claim.command}{options}", "registered": claim.registered,
        "file": claim.path.name, "own": claim.own, "months": claim.experiment.months,
        "headline": [_effect(judged, v) for v in judged.headline],
        "further": [_effect(judged, v) for v in judged.further],
        "tag test": words.tag_test(judged), "overturned": list(r.overturned),
        "words": {_word(judged, word): share for word, share in r.words.items()}, "path verdicts": paths,
        "flip explained": r.flip.explained, "years": {arm: lines.tolist() for arm, lines in judged.years.items()},
        "years of": first, "years log": claim.outcomes[first].log,
        "years unit": _level_unit(judged), "years names": _names(judged),
        "per draw": [sizes.in_unit(claim, main.outcome, v) for v in main.units.tolist()],
        "variants": {k: sizes.in_unit(claim, first, v) for k, v in r.effects.items()},
        "arms": {
            name: {"meaning": arm.meaning, "set": dict(arm.set), "events": list(arm.events)}
            for name, arm in spec.all_arms.items()
        },
        "frozen": None if spec.frozen is None else spec.frozen.meaning,
        "frozen effect": [sizes.in_unit(claim, f.frozen.outcome, f.frozen.estimate) for f in judged.feedback],
    }  # fmt: skip


def _level_unit(judged: Judged) -> str:
    claim, outcome = judged.claim, judged.headline[0].effect.outcome
    text = sizes.level(claim, outcome, 0.0)
    return "%" if text.endswith("%") else text.partition(" ")[2]


def _names(judged: Judged) -> dict[str, str]:
    """What the lines of the picture by year are called."""
    claim = judged.claim
    if len(claim.headline) == 1:
        return {arm: claim.spec.all_arms[arm].meaning or arm for arm in judged.years}
    one = len({contrast for _, contrast in claim.headline}) == 1
    return {f"{outcome}: {contrast}": outcome if one else contrast for outcome, contrast in claim.headline}


def _group(bank: Bank) -> dict[str, Any]:
    """What was run for claims that share runs."""
    group, scenario = bank.group, bank.group.claims[0].scenario
    return {
        "scenario": scenario.name, "digest": scenario.digest(), "months": group.horizon,
        "claims": [claim.id for claim in group.claims], "sample": group.sample.source,
        "sample digest": group.sample.digest, "draws": group.sizes.draws, "seeds": group.sizes.seeds,
        "structures": group.sizes.structure_draws, "paths": group.sizes.path_draws, "pairs": group.sizes.pairs,
        "failed": bank.failed, "runs": sum(len(set(e.plan.keys)) for e in group.experiments.values()),
        "folders": [f"{group.name}-{name}" for name in group.experiments],
    }  # fmt: skip


def payload(all_judged: Sequence[Judged], banks: Sequence[Bank], command: str, options: str) -> dict[str, Any]:
    """All that a report says, as plain tables."""
    first = banks[0]
    version = dict(next(iter(first.group.experiments.values())).model.version())
    return {
        "schema": SCHEMA, "command": command, "groups": [_group(bank) for bank in banks],
        "provenance": manifest(version, 0), "ranges": {name: [r.factor, r.reason] for name, r in listed().items()},
        "claims": [_claim(judged, options) for judged in all_judged],
    }  # fmt: skip


def write(
    folder: Path, all_judged: Sequence[Judged], banks: Sequence[Bank], command: str, options: str = ""
) -> dict[str, Any]:  # fmt: skip
    """Write the file and the tables into a folder; returns what the file holds.

    ``command`` made them; ``options`` are those that it gave beside the claims, for the command of each claim.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = {**payload(all_judged, banks, command, options), "fit": _fit(banks[0].group.claims[0].scenario)}
    when = _registered(folder)
    for claim in told["claims"]:
        claim["registered at"] = when.get(claim["registered"], "")
    significant(table(all_judged)).to_csv(folder / TABLE, index=False)
    parts = [verdicts_table([*j.headline, *j.further]).assign(claim=j.claim.id) for j in all_judged]
    effects = pd.concat(parts, ignore_index=True)
    effects.insert(0, "claim", effects.pop("claim"))
    significant(effects).to_csv(folder / EFFECTS, index=False)
    sample = banks[0].group.sample
    pd.DataFrame(sample.z, columns=list(sample.names)).round(4).to_csv(folder / DRAWS, index_label="draw")
    (folder / FILE).write_text(json.dumps(_plain(told), indent=1, allow_nan=False), encoding="utf-8")
    return told


def read(folder: Path) -> dict[str, Any]:
    """What `write` wrote.  Raises `InputError` for a folder without it, or with that of another version."""
    path = folder / FILE
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder} holds no claims: moatlab claims --out {folder} makes them") from None
    except (OSError, ValueError) as problem:
        raise InputError(f"cannot be read: {problem}; moatlab claims writes it again", str(path)) from None
    if told.get("schema") != SCHEMA:
        raise InputError("was written by another version of moatlab; moatlab claims writes it again", str(path))
    return told


def _plain(value: Any) -> Any:
    """The value with None for what is no number, as JSON has it."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
