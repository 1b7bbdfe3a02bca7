"""`moatlab new` and `moatlab check`: a scenario of one's own, and whether it can be run and fits in size."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from moatlab.errors import InputError
from moatlab.results.text.numbers import columns, short
from moatlab.scenario.addresses import check_slug
from moatlab.scenario.new import Counts, build, commented
from moatlab.scenario.registry import KINDS, RULES_ONLY
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.sizes import sizes

#: Words for one row and for several, where they are not those of the kind.
_WORDS = {"users": ("category of customers", "categories of customers"), "foundry": ("foundry", "foundries")}


def new(name: str, counts: Counts, given: tuple[str, ...], start: Scenario | None, out: Path | None) -> str:
    """Write a commented file, from another scenario or with that many firms; returns what was written.

    ``given`` are the options that give numbers of firms.  Raises `InputError` for a name that is no slug, a file that
    exists, and numbers together with a scenario to start from.
    """
    check_slug(name, "new")
    if start is not None and given:
        raise InputError(f"{', '.join(given)}: a scenario made from {start.name} has its firms; leave it out")
    path = out or Path(f"{name}.toml")
    if path.suffix != ".toml":
        raise InputError(f"--out {path}: a scenario file ends with .toml")
    if path.exists():
        raise InputError(f"{path} exists already; give another name, or --out")
    made = build(name, counts) if start is None else _renamed(start, name)
    head = f"A scenario of one's own, {name}" + (f", made from {start.name}." if start is not None else ".")
    text = commented(made, head)
    _write(path, text)
    told = [f"{path}: {_rows(made)}", "", *_told_sizes(made), "", f"moatlab simulate {path}", f"moatlab check {path}"]
    return "\n".join(told)


def check(scenario: Scenario) -> str:
    """What a scenario has, its sizes, and a line for each pair of them that does not fit."""
    problems = scenario.sizes()
    verdict = [f"- {line}" for line in problems] if problems else ["All sizes fit each other."]
    return "\n".join([f"{scenario.title}: {_rows(scenario)}", "", *_told_sizes(scenario), "", *verdict])


def _renamed(start: Scenario, name: str) -> Scenario:
    return Scenario.from_dict({**start.to_dict(), "name": name, "title": f"{start.title} ({name})"}, name)


def _rows(scenario: Scenario) -> str:
    counts = {kind: len(scenario.slugs(kind)) for kind in KINDS if kind not in RULES_ONLY}
    told = []
    for kind, count in counts.items():
        one, more = _WORDS.get(kind, (kind.removesuffix("s"), kind))
        told.append(f"{count} {one if count == 1 else more}")
    return ", ".join(told)


def _told_sizes(scenario: Scenario) -> list[str]:
    return columns([[what, short(value)] for what, value in sizes(scenario).items()])


def _write(path: Path, text: str) -> None:
    """A file that is there whole or not at all, and never in the place of another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, hidden = tempfile.mkstemp(dir=path.parent, prefix=".moatlab-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(hidden, 0o666 & ~umask)
        os.link(hidden, path)
    except FileExistsError:
        raise InputError(f"{path} exists already; give another name, or --out") from None
    finally:
        os.unlink(hidden)
