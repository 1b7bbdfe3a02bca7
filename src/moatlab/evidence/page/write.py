"""The report: one self-contained page, and the same as Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment
from markupsafe import Markup

from moatlab.errors import InputError
from moatlab.evidence.claims import store
from moatlab.evidence.page import sections

#: Classes and signs of verdicts; a sign, so that colour alone says nothing.
_BADGES = {
    "supported": ("good", "✓"), "contradicted": ("bad", "✗"), "no effect": ("none", "○"), "the same": ("none", "○"),
    "undecided": ("open", "?"), "above": ("good", "↑"), "below": ("bad", "↓"), "rises": ("good", "↑"),
    "falls": ("bad", "↓"), "size only": ("open", "="),
    "calibration": ("open", "="), "calibration only": ("open", "="),
}  # fmt: skip
_ORDER = ("supported", "contradicted", "no effect", "the same", "rises", "falls", "above", "below", "undecided",
          "size only", "calibration only")  # fmt: skip
#: Claims whose findings are the answer, where they are there.
ANSWERS = ("value-accrual", "moat-durability")
TITLE = "Who captures the value of generative AI, and which moats last?"


def badge(word: str) -> Markup:
    """A verdict as the page shows it."""
    if not word:
        return Markup("")
    kind, sign = _BADGES.get(word, ("open", ""))
    return Markup(f'<span class="badge {kind}">{sign} {escape(word)}</span>')


def percent(share: float | None) -> str:
    """A share in whole per cent."""
    return "-" if share is None else f"{100 * share:.0f} %"


def write(folders: Sequence[Path], out: Path) -> tuple[Path, Path, int]:
    """Write the page and its Markdown; returns both paths and the page's size in bytes.

    ``folders`` are those of claims, or batches.  Raises `InputError` for others, and for a page that is not .html.
    """
    if out.suffix not in (".html", ".htm"):
        raise InputError(f"--out is a page, and ends in .html, not {out.name!r}")
    context = context_of(folders, out)
    page, markdown = render(context, "page.html.j2", True), render(context, "page.md.j2", False)
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_suffix(".md")
    out.write_text(page, encoding="utf-8")
    beside.write_text(markdown, encoding="utf-8")
    return out, beside, len(page.encode())


def render(context: Mapping[str, Any], template: str, html: bool) -> str:
    """A template of this folder filled in."""
    environment = Environment(autoescape=html, trim_blocks=not html, keep_trailing_newline=True)
    text = (files("moatlab.evidence.page") / template).read_text(encoding="utf-8")
    told: str = environment.from_string(text).render(context)
    # A number and its per cent stay on one line.
    return re.sub(r"(?<=\d) %", "\u00a0%", told) if html else _spaced(told)


def _spaced(text: str) -> str:
    """Markdown with an empty line between blocks of another kind, and never two."""
    found: list[str] = [""]
    for line in text.splitlines():
        before = found[-1]
        if line and before and (line[0] == "#" or before[0] == "#" or _block(line) != _block(before)):
            found.append("")
        if line or found[-1]:
            found.append(line)
    return "\n".join(found[1:]).rstrip() + "\n"


def _block(line: str) -> str:
    """What a line of Markdown is part of: a table, a list, a quotation, or text, each line of which stands alone."""
    return line[0] if line[0] in "|->" else line


def context_of(folders: Sequence[Path], out: Path) -> dict[str, Any]:
    """All that the templates say."""
    claims, groups, batches = list[dict[str, Any]](), list[dict[str, Any]](), list[dict[str, Any]]()
    studies, fit, about, ranges, source = list[dict[str, Any]](), None, dict[str, Any](), dict[str, Any](), ""
    for folder in folders:
        if (folder / store.FILE).is_file():
            told = store.read(folder)
            claims += [_claim(claim) for claim in told["claims"]]
            groups += [{**group, "folder": str(folder)} for group in told["groups"]]
            about, ranges, source = told["provenance"], told["ranges"], told["command"]
            studies += sections.studies(folder)
            fit = fit or sections.fit(told.get("fit"))
        elif (folder / "manifest.json").is_file() and (folder / "plan.parquet").is_file():
            batches.append(sections.batch(folder))
            about = about or batches[-1]["manifest"]
        elif found := sections.studies(folder):
            studies += found
        else:
            raise InputError(f"{folder} holds no claims (moatlab claims), no study, and no batch of runs (moatlab run)")
    runs = sum(g["runs"] for g in groups) + sum(b["runs"] for b in batches)
    counts = Counter(claim["verdict"] for claim in claims)
    return {
        "title": _title(claims, studies, batches), "answer": _answer(claims, batches, studies),
        "rests": _rests(claims, groups, runs), "tally": [(word, counts[word]) for word in _ORDER if counts[word]],
        "contents": _contents(claims, batches, studies, fit), "claims": claims, "batches": batches,
        "studies": studies, "fit": fit, "limits": sections.limits(groups), "runs": f"{runs:,}",
        "provenance": _provenance(about, groups, source), "runs_table": _runs(groups, batches),
        "pairs": any(group["pairs"] for group in groups), "ranges": list(ranges.items()),
        "uncertain": _uncertain(groups), "table_csv": _table_csv(claims),
        "style": Markup((files("moatlab.evidence.page") / "style.css").read_text(encoding="utf-8")),
        "command": f"moatlab report {' '.join(map(str, folders))} --out {out}", "badge": badge, "percent": percent,
    }  # fmt: skip


def _claim(claim: dict[str, Any]) -> dict[str, Any]:
    """A claim as stored, with its picture and sentences."""
    from moatlab.show.claims import csv, picture, svg

    drawn = picture(claim)
    image = _own_names(svg(drawn), claim["claim"])
    alone = image.replace("<svg ", '<svg color="#222222" font-family="sans-serif" ', 1)
    alone = alone.replace(">", f"><title>{escape(claim['finding'])}</title>", 1)
    shares = ", ".join(f"{word} {percent(share)}" for word, share in claim["words"].items())
    arms = {n: {**arm, "changes": sections.changes(arm)} for n, arm in claim["arms"].items()}
    return {
        **claim, "arms": arms, "shares": shares,
        "svg": Markup(image), "svg_link": sections.link(alone, "image/svg+xml"),
        "csv_link": sections.link(csv(drawn), "text/csv"), "alt": _alt(claim),
        "flip_words": _flip(claim), "path_words": _paths(claim), "change": _change(claim),
    }  # fmt: skip


def _own_names(image: str, prefix: str) -> str:
    """A picture whose names are its own among several in one page; names that nothing refers to are left out."""
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', image))

    def named(match: re.Match[str]) -> str:
        return f' id="{prefix}-{match[1]}"' if match[1] in used else ""

    image = re.sub(r'\s+id="([^"]+)"', named, image)
    image = re.sub(r"url\(#", f"url(#{prefix}-", image)
    image = re.sub(r'href="#', f'href="#{prefix}-', image)
    image = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", image)
    return re.sub(r"(<svg[^>]*?) width=\"[^\"]*\" height=\"[^\"]*\"", r"\1", image, count=1)


def _alt(claim: Mapping[str, Any]) -> str:
    lines = ", ".join(claim["years names"].values())
    return (f"{claim['finding']} Above: by year, {lines}. Below: the effect in each draw, its mean with its interval, "
            "with the feedback frozen, under rival rules and on paths of outside money.")  # fmt: skip


def _flip(claim: Mapping[str, Any]) -> str:
    if not claim["flip parameter"]:
        return "no single parameter moves it far enough to be told from chance among these draws"
    way = "higher" if claim["flip distance"] > 0 else "lower"
    return (f"{claim['flip parameter']} {abs(claim['flip distance']):.1f} standard deviations {way}, all else at its "
            f"mean; it goes with {percent(claim['flip explained'])} of the variance over draws")  # fmt: skip


def _paths(claim: Mapping[str, Any]) -> str:
    names = {"outside-half": "half the outside demand", "outside-double": "twice the outside demand",
             "funding-half": "half the funding", "funding-double": "twice the funding"}  # fmt: skip
    held = [names.get(name, name) for name, ok in claim["path verdicts"].items() if ok]
    lost = [names.get(name, name) for name, ok in claim["path verdicts"].items() if not ok]
    if not lost:
        return f"holds with {', '.join(held)}"
    return (f"holds with {', '.join(held)}; " if held else "") + f"not with {', '.join(lost)}"


def _change(claim: Mapping[str, Any]) -> str:
    """What would make it another verdict, from the figures."""
    parts = []
    if claim["verdict"] == "undecided":
        parts.append(
            "More draws, if the spread between them is chance; if it is not, facts that narrow the parameters."
        )
    if claim["flip parameter"]:
        parts.append(f"Knowing {claim['flip parameter']} better ({_flip(claim)}).")
    if claim["overturned"]:
        parts.append(f"Firms that behave otherwise: {'; '.join(claim['overturned'])}.")
    lost = [name for name, ok in claim["path verdicts"].items() if not ok]
    if lost:
        parts.append(f"Other money or demand from outside ({', '.join(lost)}).")
    return " ".join(parts) or "Nothing that was tried: no rival rule, no path of money, no single parameter."


def _answer(
    claims: Sequence[Mapping[str, Any]], batches: Sequence[Mapping[str, Any]], studies: Sequence[Mapping[str, Any]]
) -> list[dict[str, str]]:  # fmt: skip
    """The answer first: the findings of the claims that are the question, or of the first."""
    found = [c for name in ANSWERS for c in claims if c["claim"] == name] or list(claims[:1])
    answer = []
    for claim in found:
        if claim["claim"] == "moat-durability":
            told = [study for study in studies if study["id"] == "durability" and study["sentences"]]
            text, word = (told[0]["sentences"][0], told[0]["verdict"]) if told else (_moats(claim), claim["verdict"])
            answer.append({"text": text, "verdict": word})
        else:
            answer.append({"text": claim["finding"], "verdict": claim["verdict"]})
    for study in studies[: 0 if answer else 1]:
        answer.append({"text": " ".join(study["sentences"][:1]), "verdict": study["verdict"]})
    for batch in batches[: 0 if answer else 1]:
        for outcome, contrast, _, effect, _, verdict in batch["rows"][:1]:
            answer.append({"text": f"{outcome}, {contrast}: {effect}.", "verdict": verdict})
    return answer or [{"text": "Nothing has been run yet.", "verdict": ""}]


def _title(claims: Any, studies: Any, batches: Any) -> str:
    """The question of the page."""
    return TITLE if claims else str([*studies, *batches][0]["title"])


def _moats(claim: Mapping[str, Any]) -> str:
    """The claim on moats in a sentence: how many are shown to be gone, and which one is not."""
    heads = claim["headline"]
    gone = [e for e in heads if e["verdict"] == "supported"]
    last = [e for e in heads if e["verdict"] == "contradicted"]
    text = f"Eight years after a grant, {len(gone)} of {len(heads)} moats are shown to have faded"
    if last:
        text += f"; {', '.join(e['contrast'] for e in last)} {'has' if len(last) == 1 else 'have'} not"
        text += f" ({last[0]['label']}: {last[0]['told']})"
    return text + "."


def _rests(claims: Sequence[Mapping[str, Any]], groups: Sequence[Mapping[str, Any]], runs: int) -> str:
    if not groups:
        return f"{runs:,} runs."
    group = groups[0]
    return (
        f"This rests on {runs:,} runs of a simulated market of ten years from January 2023: {len(claims)} claims over "
        f"{group['draws']} draws of {group['sample'].partition(': ')[2] or 'the parameters'} and {group['seeds']} "
        f"{'seed' if group['seeds'] == 1 else 'seeds'} each, the same market with and without each change. It is a "
        "model's answer, not a forecast."
    )


def _contents(claims: Any, batches: Any, studies: Any, fit: Any) -> list[tuple[str, str]]:
    found = [("verdicts", "Verdicts")] if claims else []
    found += [(study["id"], study["id"].capitalize()) for study in studies]
    found += [(claims[0]["claim"], "Claim by claim")] if claims else []
    found += [(batch["id"], batch["title"]) for batch in batches]
    found += [("fit", "Fit")] if fit else []
    return [*found, ("limits", "What it does not mean"), ("provenance", "Provenance")]


def _provenance(about: Mapping[str, Any], groups: Sequence[Mapping[str, Any]], source: str) -> list[tuple[str, str]]:
    commit = str(about.get("commit") or "unknown") + (
        " with changes that are not committed" if about.get("dirty") else ""
    )
    machine = about.get("machine", {})
    found = [
        ("Command", source), ("Made", str(about.get("made", ""))), ("Version", f"moatlab {about.get('moatlab', '')}, "
         f"commit {commit}, model {str(about.get('source', ''))[:16]}"),
        ("Packages", ", ".join(f"{k} {v}" for k, v in about.get("packages", {}).items() if v)),
        ("Machine", f"{machine.get('system', '')}, {machine.get('cpus', '')} processors"),
        ("Python", str(about.get("python", ""))),
    ]  # fmt: skip
    for group in groups:
        found.append(("Scenario", f"{group['scenario']}, {group['months']} months, digest {group['digest'][:16]}; "
                      f"draws: {group['sample']}, digest {group['sample digest']}"))  # fmt: skip
    return [(name, text) for name, text in found if text]


def _runs(groups: Sequence[Mapping[str, Any]], batches: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    found = list[tuple[str, ...]]()
    for group in groups:
        what = f"all parameters ({group['draws']} draws x {group['seeds']} seeds); rival rules and paths"
        place = ", ".join(f"{group['folder']}/{name}" for name in group["folders"])
        found.append((place, f"{group['scenario']}, {len(group['claims'])} claims", what, f"{group['runs']:,}",
                      f"{group['failed']:,}"))  # fmt: skip
    for batch in batches:
        found.append((batch["folder"], batch["title"], "arms and seeds", f"{batch['runs']:,}", f"{batch['failed']:,}"))
    return found


def _uncertain(groups: Sequence[Mapping[str, Any]]) -> str:
    source = groups[0]["sample"] if groups else ""
    return (f"Draws are from {source}. All vary together, log-uniform by a factor either way: 1.5 where nothing "
            "is said, since no figure of this market exists, and as below where something can be.")  # fmt: skip


def _table_csv(claims: Sequence[Mapping[str, Any]]) -> str:
    columns = [
        "claim",
        "title",
        "tag",
        "verdict",
        "comes closest to",
        "p",
        "effect",
        "smallest effect",
        "estimate",
        "low",
        "high",
        "draws",
        "structures",
        "structures tried",
        "flip parameter",
        "flip distance",
        "paths",
        "finding",
    ]
    table = pd.DataFrame([{name: claim[name] for name in columns} for claim in claims], columns=columns)
    return sections.link(table.to_csv(index=False), "text/csv")
