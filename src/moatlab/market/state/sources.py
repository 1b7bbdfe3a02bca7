"""Which source decides what: the digest that names a version of the model, and the one that names its compiled rules.

What decides a number is a folder, so that a change of pictures, texts or the command line leaves both as they are.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

#: The package's folder, and what in it decides the numbers of a run: all of these, but for what only words them.
PACKAGE = Path(__file__).parents[2]
_DECIDES = ("scenario", "market", "results")
_WORDS = "results/text/"
#: What kernels are made of: declarations, state, rules, and the columns that they fill.
_COMPILED = ("scenario", "market", "results/metrics.py", "results/payments.py", "results/slugs.py")


def _digest(names: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update(name.encode())
        digest.update((PACKAGE / name).read_bytes())
    return digest.hexdigest()[:16]


def _files_in(*parts: str) -> list[str]:
    found: set[Path] = set()
    for part in parts:
        found.update([PACKAGE / part] if part.endswith(".py") else (PACKAGE / part).rglob("*.py"))
    names = sorted(path.relative_to(PACKAGE).as_posix() for path in found)
    return [name for name in names if not name.startswith(_WORDS)]


@cache
def model_digest() -> str:
    """Digest of the source that decides the numbers of a run: the version of the model that results carry.

    Pictures, texts, the command line, batches and the statistics of effects are not in it.
    """
    return _digest(_files_in(*_DECIDES))


@cache
def kernel_digest() -> str:
    """Digest of what kernels are made of, and of the Python that compiles them."""
    return f"{_digest(_files_in(*_COMPILED))}-{sys.version_info.major}{sys.version_info.minor}"
