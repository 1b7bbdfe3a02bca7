"""Names of firms as pictures show them: what can be drawn, and what tells one firm from another."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from moatlab.results.frames import Frames
from moatlab.show.settings import drawable

#: Letters of a name that a label has room for at least: names that agree in these are told apart otherwise.
ROOM = 18


def legible(thing: Any) -> Any:
    """Tables of a run with the names of firms, one layer at a time, as pictures can show them; anything else as is."""
    if not isinstance(thing, Frames):
        return thing
    known = getattr(thing, "_legible", None)
    if known is None:
        known = _renamed(thing)
        # Many pictures are drawn from the same tables.
        for each in (thing, known):
            object.__setattr__(each, "_legible", known)
    return known


def distinct(names: dict[str, str]) -> dict[str, str]:
    """Names by slug of one layer's firms: without what no font has, and different in their first `ROOM` letters."""
    shown = {slug: _drawn(name) or slug for slug, name in names.items()}
    for other in (_middle_cut, _with_slug, _by_slug):
        for alike in _alike(shown):
            trial = {slug: other(shown[slug], slug) for slug in alike}
            taken = {name[:ROOM] for slug, name in shown.items() if slug not in trial}
            starts = {name[:ROOM] for name in trial.values()}
            if len(starts) == len(trial) and not starts & taken:
                shown |= trial
    for alike in _alike(shown):
        shown |= {slug: f"{place}. {shown[slug]}" for place, slug in enumerate(sorted(alike), 1)}
    return shown


def _drawn(name: str) -> str:
    """The part of a name that can be drawn; nothing, where too little of it is left to know the firm by."""
    kept = drawable(name)
    return kept if kept == name or len(kept) >= 0.6 * len(name.strip()) else ""


def _alike(names: dict[str, str]) -> list[list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for slug, name in names.items():
        groups[name[:ROOM]].append(slug)
    return [slugs for slugs in groups.values() if len(slugs) > 1]


def _middle_cut(name: str, slug: str) -> str:
    return name if len(name) <= ROOM else f"{name[:7].rstrip()}…{name[-10:].lstrip()}"


def _with_slug(name: str, slug: str) -> str:
    return f"{name} ({slug})"


def _by_slug(name: str, slug: str) -> str:
    return _middle_cut(slug, slug)


def _renamed(frames: Frames) -> Frames:
    firms = frames.firms
    if "name" not in firms or firms.empty:
        return replace(frames)
    changed: dict[tuple[str, str], str] = {}
    rows = firms[["kind", "slug", "name"]].drop_duplicates(["kind", "slug"])
    for kind, part in rows.groupby("kind", sort=False):
        names = dict(zip(part["slug"].astype(str), part["name"].astype(str), strict=True))
        changed |= {(str(kind), slug): name for slug, name in distinct(names).items() if name != names[slug]}
    if not changed:
        return replace(frames)
    renamed = firms.copy(deep=False)
    column = firms["name"].astype(object).copy()
    for (kind, slug), name in changed.items():
        column[(firms["kind"] == kind) & (firms["slug"] == slug)] = name
    renamed["name"] = column
    return replace(frames, firms=renamed, graph=_renamed_graph(frames.graph, changed))


def _renamed_graph(graph: Any, changed: dict[tuple[str, str], str]) -> Any:
    if graph is None:
        return None
    import networkx as nx

    copied = nx.DiGraph(graph)
    for (kind, slug), name in changed.items():
        if f"{kind}.{slug}" in copied:
            copied.nodes[f"{kind}.{slug}"]["name"] = name
    return copied
