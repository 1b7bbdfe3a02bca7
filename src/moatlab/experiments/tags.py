"""Words that people put on batches, to find them again; a file in the folder, and no part of what a batch is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from moatlab.errors import InputError
from moatlab.experiments.host import Host, in_one_move
from moatlab.scenario.addresses import SLUG

TAGS = "tags.json"
#: Most tags of a batch.
MOST = 100


def read_tags(folder: Path) -> tuple[str, ...]:
    """The tags of a folder, sorted; none where the file is missing or is not one of tags."""
    try:
        found = json.loads((folder / TAGS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return ()
    return tuple(sorted(str(tag) for tag in found)) if isinstance(found, list) else ()


def change_tags(folder: Path, add: Iterable[str] = (), remove: Iterable[str] = ()) -> tuple[str, ...]:
    """Add and remove tags; returns those that the folder has then.

    Raises `InputError` for a tag that is no word of lower-case letters, digits and hyphens, and for one to remove that
    is not there.
    """
    before, added, removed = set(read_tags(folder)), list(add), list(remove)
    for tag in added:
        if not SLUG.fullmatch(tag):
            raise InputError(f"a tag is a word of lower-case letters, digits and hyphens, not {tag!r}")
    for tag in removed:
        if tag not in before:
            raise InputError(f"{folder} has no tag {tag!r}; it has {', '.join(sorted(before)) or 'none'}")
    after = tuple(sorted((before | set(added)) - set(removed)))
    if len(after) > MOST:
        raise InputError(f"a batch has at most {MOST} tags")
    in_one_move(Host(), folder / TAGS, (json.dumps(list(after)) + "\n").encode())
    return after
