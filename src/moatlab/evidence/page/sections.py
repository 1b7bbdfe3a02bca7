"""The parts of a report that are not claims: batches of runs, the study of durability, fit, limits, provenance."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from moatlab.errors import InputError
from moatlab.results.text.numbers import short, significant

#: Types of pictures that are taken over from the study of durability, the better first.
_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}
#: A picture of dots is taken over with so many across and so many colours: enough for a page, and a tenth of the bytes.
ACROSS, COLOURS = 1500, 64
#: Rows of a study's table that the page shows; all are in its file.
MOST_ROWS = 40
#: Studies of other commands that the page takes over, and what their sections are called.
STUDIES = {
    "durability": "How long moats last, in equal dollars",
    "tipping": "From which strength on one firm takes all",
    "drivers": "What drives the answer",
}
#: Columns of a study's cases, where they are there, and what they are called on the page.
_COLUMNS = {
    "moat": "moat", "layer": "layer", "holder": "holder", "verdict": "verdict", "value_per_dollar": "$ won per $",
    "value_per_dollar_low": "low", "value_per_dollar_high": "high", "half_life": "half-life, months",
    "half_life_of_share": "of the share", "amplification": "amplified by", "reason": "why not comparable",
}  # fmt: skip


def link(data: str | bytes, kind: str) -> str:
    """A file inside the page."""
    raw = data.encode() if isinstance(data, str) else data
    return f"data:{kind};base64,{b64encode(raw).decode()}"


def changes(arm: Mapping[str, Any]) -> str:
    """What an arm changes, in a line."""
    parts = [f"{address} = {json.dumps(value)}" for address, value in arm["set"].items()]
    return "; ".join([*parts, *arm["events"]])


def studies(folder: Path) -> list[dict[str, Any]]:
    """The studies that a folder is, or has in folders called as they are, in the order of `STUDIES`.

    Raises `InputError` for one that cannot be read.
    """
    found = []
    for name in STUDIES:
        for place in (folder, folder / name):
            if (place / f"{name}.json").is_file():
                found.append(_study(name, place))
                break
    return found


def _study(name: str, folder: Path) -> dict[str, Any]:
    """A study's sentences, tables and pictures."""
    file = folder / f"{name}.json"
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        cases = told.get("rows")
        rows = pd.DataFrame(cases if isinstance(cases, list) else [])
        files = [path for path in sorted(folder.glob("*.csv")) if path.stem != name or rows.empty]
        others = {path.name: pd.read_csv(path) for path in files}
    except (OSError, ValueError) as problem:
        raise InputError(f"cannot be read: {problem}", str(file)) from None
    sentences = [told["sentence"]] if told.get("sentence") else []
    sentences += [f"{text[0].upper()}{text[1:]}" for text in told.get("sentences", {}).values() if text]
    kept = [column for column in _COLUMNS if column in rows]
    tables = [] if rows.empty else [_table("Each case", rows, f"{name}.csv", kept)]
    for path, table in others.items():
        tables.append(_table(path.removesuffix(".csv").capitalize(), table, path, [*map(str, table)]))
    pictures = _pictures(folder, " ".join(sentences[:1]))
    return {"id": name, "title": STUDIES[name], "sentences": sentences, "verdict": told.get("verdict", ""),
            "tables": tables, "pictures": pictures, "folder": str(folder)}  # fmt: skip


def _table(title: str, rows: pd.DataFrame, file: str, kept: Sequence[str]) -> dict[str, Any]:
    cells = [[_cell(value) for value in row] for row in rows[list(kept)].head(MOST_ROWS).itertuples(index=False)]
    left = next((at for at, column in enumerate(kept) if pd.api.types.is_numeric_dtype(rows[column])), len(kept))
    more = f" (the first {MOST_ROWS} of {len(rows)} rows)" if len(rows) > MOST_ROWS else ""
    return {"title": title + more, "head": [_COLUMNS.get(c, c.replace("_", " ")) for c in kept], "rows": cells,
            "left": left, "file": file, "csv": link(significant(rows).to_csv(index=False), "text/csv")}  # fmt: skip


def _cell(value: Any) -> str:
    if value is None or value != value:
        return "-"
    return short(float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _pictures(folder: Path, alt: str) -> list[dict[str, str]]:
    found: dict[str, Path] = {}
    for kind in _TYPES:
        for path in sorted([*folder.glob(f"*{kind}"), *(folder / "pictures").glob(f"*{kind}")]):
            if path.stem not in found:
                found[path.stem] = path
    return [
        {"data": link(_light(path), _TYPES[path.suffix]), "file": path.name, "alt": f"{stem}: {alt}"}
        for stem, path in found.items()
    ]


def _light(path: Path) -> bytes:
    """A picture for the page; one of dots in fewer dots and colours."""
    if path.suffix == ".svg":
        return path.read_bytes()
    from PIL import Image

    with Image.open(path) as image:
        scale = min(1.0, ACROSS / image.width)
        small = image.convert("RGB").resize(
            (round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS
        )
    file = BytesIO()
    small.quantize(COLOURS).save(file, "PNG", optimize=True)
    return file.getvalue()


def batch(folder: Path) -> dict[str, Any]:
    """A batch of runs judged, as `moatlab show` does it; its look is on record in the folder."""
    from moatlab.evidence.report import judged
    from moatlab.experiments import open_batch

    found = open_batch(folder)
    spec, runs = found.experiment.spec, found.runs()
    rows = [
        (v.effect.outcome, v.effect.name, short(v.effect.baseline),
         f"{short(v.estimate)} ({short(v.interval[0])} to {short(v.interval[1])})", v.prediction.predicted, v.verdict)
        for v in judged(found)
    ]  # fmt: skip
    arms = {name: {"meaning": a.meaning, "changes": changes({"set": a.set, "events": a.events})}
            for name, a in found.experiment.arms.items()}  # fmt: skip
    return {
        "id": f"batch-{spec.name}", "title": spec.title or spec.name, "question": spec.question,
        "prediction": spec.prediction, "rows": rows, "arms": arms, "command": found.manifest.get("command", ""),
        "manifest": found.manifest, "runs": int((runs["status"] == "done").sum()),
        "failed": int((~runs["status"].isin(["done", "missing"])).sum()), "folder": str(folder),
    }  # fmt: skip


def fit(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The fit in brief: how many targets are met, and each with what came out."""
    if not told:
        return None
    known = [row for row in told["rows"] if row["tag"] == "known"]
    later = [row for row in told["rows"] if row["tag"] != "known"]
    sentence = (
        f"Of {len(known)} figures that were known at the essay's date the median of {told['seeds']} seeds meets "
        f"{sum(row['met'] for row in known)}; parameters were chosen with them in view. Of {len(later)} figures that "
        f"became known later, which nothing was fitted to, it meets {sum(row['met'] for row in later)}. "
        f"{told['assumed']:,} numbers of the scenario are assumed."
    )
    return {"sentence": sentence, "rows": told["rows"]}


def limits(groups: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a reader might take from the page and should not."""
    lines = [
        "It is no forecast. A verdict compares two simulated markets that differ in one respect; levels after the "
        "first year rest on assumed numbers.",
        "A verdict says what follows from the model's rules over the range of numbers taken to be possible. Where "
        "facts do not narrow that range, the answer is driven by it.",
        "No effect means smaller than the smallest effect of interest; undecided, that these runs cannot tell.",
        "Firms follow rules of thumb and optimal prices within them; nobody in the market reads the essay, lobbies, "
        "litigates, or invents a kind of product that was not declared.",
        "The names of companies stand for firms with assumed traits, not for what these companies will do.",
    ]
    if any(group["draws"] < 64 for group in groups):
        lines.insert(0, "These are few draws (a quick run): most claims that are undecided here need the whole run.")
    return lines
