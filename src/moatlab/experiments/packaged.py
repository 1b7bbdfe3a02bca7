"""The experiments that come with moatlab: files that an installation carries, known by their names."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def packaged_experiments() -> dict[str, Path]:
    """Their files by name: those of the installed package, or of the repository in whose place it was installed."""
    package = Path(__file__).parent
    # A wheel has them beside this module; a checkout at its root, where people look for them.
    for folder in (package / "files", package.parents[2] / "experiments"):
        found = {path.stem: path for path in sorted(folder.glob("*.toml"))}
        if found:
            return found
    return {}
