"""Where a batch comes from: versions, commit, machine, and the session that ran it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import socket
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

#: Layout of the folder and its files.
SCHEMA = 2
_PACKAGES = ("numpy", "numba", "mesa", "scipy", "pandas", "pyarrow", "duckdb", "networkx", "pydantic")


def now() -> str:
    """The time in UTC to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def manifest(model: dict[str, str], root_seed: int) -> dict[str, Any]:
    """Provenance of a store: ``model`` is what decides numbers, the rest what may explain a difference."""
    from moatlab import __version__
    from moatlab.market.state.sources import model_digest

    return {
        "schema": SCHEMA,
        "made": now(),
        "moatlab": __version__,
        "model": model,
        "source": model_digest(),
        **_git(),
        "lock": _lock(),
        "seed": root_seed,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "machine": machine(),
    }


def machine() -> dict[str, Any]:
    """Host, processor and its features: last bits of exp and of sums can differ between processors."""
    import numpy as np

    features: Any = {}
    with contextlib.suppress(AttributeError):
        features = np._core._multiarray_umath.__cpu_features__  # type: ignore[attr-defined]
    return {
        "host": socket.gethostname(),
        "system": platform.platform(),
        "processor": platform.machine(),
        "cpu_features": sorted(name for name, there in features.items() if there),
        "cpus": os.cpu_count(),
    }


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache
def _git() -> dict[str, Any]:
    """Commit of the source's checkout and whether files of the package differ from it; None outside a checkout."""
    here = Path(__file__).resolve().parent.parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(here), *arguments], capture_output=True, text=True, check=False, timeout=20
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    # An installation inside somebody else's checkout is not that checkout.
    if commit is None or git("ls-files", "--error-unmatch", str(here / "__init__.py")) is None:
        return {"commit": None, "dirty": None}
    return {"commit": commit, "dirty": bool(git("status", "--porcelain", "--untracked-files=normal", "--", str(here)))}


def _lock() -> str | None:
    """Digest of the lock file beside the source, if it is there."""
    path = Path(__file__).resolve().parents[3] / "requirements.lock"
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else None
